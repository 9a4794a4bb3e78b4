"""What an answer of Signzy's means: a click, no click yet, ids that Signzy refuses, or nothing usable.

Source: Signzy's page "Check Link Status". How its fields are read is in signzy_fields.py.
"""

import re

from linkwatch.model import Answer, CheckResult, Reason, Result
from linkwatch.signzy_fields import (
    Contradiction,
    Fields,
    boolean,
    fields_of,
    fields_of_body,
    phone_match,
    printable_text,
    single_value,
    single_value_or_none,
)

_BAD_ANSWER = CheckResult(Answer.UNAVAILABLE, Reason.BAD_ANSWER)
_STATUSES = {401: Reason.CREDENTIALS_REFUSED, 409: Reason.UPSTREAM_DOWN, 429: Reason.THROTTLED}


def _phrase(pattern: str) -> re.Pattern[str]:
    """Capitals and white space vary."""
    return re.compile(pattern.replace(" ", r"\s+"), re.IGNORECASE)


# Signzy's phrases, in whichever message they are.
_PHRASES = (
    (_phrase("invalid requestid or sessionid"), CheckResult(Answer.REJECTED, Reason.UNKNOWN_IDS)),
    (_phrase(r"(requestid|sessionid)\W+should match pattern"), CheckResult(Answer.REJECTED, Reason.MALFORMED_IDS)),
    (
        _phrase("invalid authentication credentials"),
        CheckResult(Answer.UNAVAILABLE, Reason.CREDENTIALS_REFUSED),
    ),
    (_phrase("upstream down"), CheckResult(Answer.UNAVAILABLE, Reason.UPSTREAM_DOWN)),
    (_phrase("please wait"), CheckResult(Answer.PENDING)),
)


def classify(status: int, body: bytes, content_type: str = "", session_id: str | None = None) -> CheckResult:
    """What an answer means. The body decides; where it says nothing known, the status does. Never raises.

    session_id: the one that was asked for. An answer about another session is a BAD_ANSWER, and so is one with two values for a
    field that decides: error, result, linkClicked, sessionId or message. A field that is only handed on decides nothing: where it
    has two values, is not printable Unicode or too long, it is null.
    """
    try:
        meaning = None if 300 <= status < 400 else _meaning(fields_of_body(body, content_type), session_id)
    except Contradiction:
        return _BAD_ANSWER
    return meaning or CheckResult(Answer.UNAVAILABLE, _STATUSES.get(status, Reason.BAD_ANSWER))


def _meaning(answer: Fields, session_id: str | None) -> CheckResult | None:
    """None where the body says nothing known. Raises Contradiction."""
    error, result = single_value(answer, "error"), fields_of(single_value(answer, "result"))
    sessions = [*answer.get("sessionid", []), *result.get("sessionid", [])]
    if session_id and any(named is not None and str(named).lower() != session_id.lower() for named in sessions):
        return _BAD_ANSWER
    if not error:
        clicked = single_value(result, "linkclicked", boolean)
        if clicked is not None:
            return CheckResult(Answer.CLICKED, result=_result(result)) if clicked else CheckResult(Answer.PENDING)
    for message in (
        single_value(fields_of(error), "message"),
        error,
        single_value(answer, "message"),
        single_value(result, "message"),
    ):
        for phrase, meaning in _PHRASES:
            if isinstance(message, str) and phrase.search(message):
                return meaning
    return None


def _result(fields: Fields) -> Result:
    return Result(
        transactionId=single_value_or_none(fields, "transactionid", printable_text),
        carrier=single_value_or_none(fields, "carrier", printable_text),
        lineType=single_value_or_none(fields, "linetype", printable_text),
        countryCode=single_value_or_none(fields, "countrycode", printable_text),
        phoneMatch=single_value_or_none(fields, "phonematch", phone_match),
        ipAddressMatch=single_value_or_none(fields, "ipaddressmatch", boolean),
    )
