"""What an answer of Signzy's means: a click, a link that waits, ids that Signzy refuses, or nothing that is known.

Source: Signzy's page "Check Link Status", and answers that differ from it in ways that hurt nobody.
"""

import codecs
import json
import re
from collections.abc import Callable, Mapping
from typing import Literal

from linkwatch.model import Answer, CheckResult, Reason, Result

#: A field longer than this is no carrier and no country; an execution's state could not hold 256 KiB of it.
MAX_FIELD_CHARACTERS = 256

#: A JSON object: what it says under each name, in lower case (linkClicked and LinkClicked are one), as often as it says it.
_Said = dict[str, list[object]]

_BAD_ANSWER = CheckResult(Answer.UNAVAILABLE, Reason.BAD_ANSWER)
# Signzy's phrases, wherever an answer carries its message; their capitals vary.
_PHRASES: tuple[tuple[re.Pattern[str], CheckResult], ...] = (
    (re.compile(r"invalid requestid or sessionid", re.IGNORECASE), CheckResult(Answer.REJECTED, Reason.UNKNOWN_IDS)),
    (
        re.compile(r"(requestid|sessionid)\W+should match pattern", re.IGNORECASE),
        CheckResult(Answer.REJECTED, Reason.MALFORMED_IDS),
    ),
    (
        re.compile(r"invalid authentication credentials", re.IGNORECASE),
        CheckResult(Answer.UNAVAILABLE, Reason.CREDENTIALS_REFUSED),
    ),
    (re.compile(r"upstream down", re.IGNORECASE), CheckResult(Answer.UNAVAILABLE, Reason.UPSTREAM_DOWN)),
    (re.compile(r"please wait", re.IGNORECASE), CheckResult(Answer.PENDING)),
)
_STATUSES = {401: Reason.CREDENTIALS_REFUSED, 409: Reason.UPSTREAM_DOWN, 429: Reason.THROTTLED}
_BOOLEANS: Mapping[object, bool] = {"true": True, "false": False}
# Python's codecs for text that are no charsets; the first takes seconds for 256 KiB.
_NO_CHARSETS = {"punycode", "idna", "unicode-escape", "raw-unicode-escape", "undefined"}
# As for a correlationId: control characters, and the two code points that an SQS message cannot hold (start_request.py). And
# halves of a surrogate pair, and what stands where text did not decode.
_NOT_PRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd-\uffff]")


class _Contradiction(Exception):
    """An answer says two things under one name."""


def classify(status: int, body: bytes, content_type: str = "", session_id: str | None = None) -> CheckResult:
    """What an answer means. The body decides; where it says nothing known, the status does. Never raises.

    session_id: the one that was asked for; an answer that names another is a BAD_ANSWER, and so is one that contradicts itself
    in what decides: error, result, linkClicked, sessionId or message. A field that is only handed on decides nothing: where it
    contradicts itself, is not printable Unicode or too long, it is null.
    """
    answer = {} if 300 <= status < 400 else _object(_parsed(body, content_type))
    try:
        return _meaning(answer, session_id) or CheckResult(Answer.UNAVAILABLE, _STATUSES.get(status, Reason.BAD_ANSWER))
    except (_Contradiction, RecursionError):
        return _BAD_ANSWER


def _meaning(answer: _Said, session_id: str | None) -> CheckResult | None:
    """None where the body says nothing known. Raises _Contradiction."""
    error, result = _one(answer, "error"), _object(_one(answer, "result"))
    sessions = [*answer.get("sessionid", []), *result.get("sessionid", [])]
    if session_id and any(said is not None and str(said).lower() != session_id.lower() for said in sessions):
        return _BAD_ANSWER
    if not error:
        clicked = _one(result, "linkclicked", _boolean)
        if clicked is not None:
            return CheckResult(Answer.CLICKED, result=_result(result)) if clicked else CheckResult(Answer.PENDING)
    for message in (
        _one(_object(error), "message"),
        error,
        _one(answer, "message"),
        _one(result, "message"),
    ):
        for phrase, meaning in _PHRASES:
            if isinstance(message, str) and phrase.search(message):
                return meaning
    return None


def _parsed(body: bytes, content_type: str) -> object:
    """The body's JSON, its objects as _Said; None if it is none."""
    # Not http.client's own reading of the parameters: it takes seconds for 64 KiB of semicolons.
    named = content_type.lower().partition("charset=")[2].partition(";")[0].strip(" \"'")
    text = _decoded(body, named or json.detect_encoding(body)).removeprefix("\ufeff")
    try:
        # Not strict: a raw control character in a field that is only handed on makes that field null, not the answer useless.
        return json.loads(text, object_pairs_hook=_said, parse_int=_whole_number, strict=False)
    except (ValueError, RecursionError):
        return None


def _decoded(body: bytes, charset: str) -> str:
    """The text, with U+FFFD for what is none. A charset that nobody knows counts as UTF-8."""
    try:
        if codecs.lookup(charset).name not in _NO_CHARSETS:
            return body.decode(charset, "replace")
    except (LookupError, ValueError):
        pass
    return body.decode("utf-8", "replace")


def _whole_number(digits: str) -> int | str:
    """Python makes no number of more than 4,300 digits, and nobody calculates with one."""
    return int(digits) if len(digits) <= MAX_FIELD_CHARACTERS else digits


def _said(pairs: list[tuple[str, object]]) -> _Said:
    said: _Said = {}
    for name, value in pairs:
        said.setdefault(name.lower(), []).append(value)
    return said


def _object(value: object) -> _Said:
    """Empty if it is no object."""
    return value if isinstance(value, dict) else {}


def _one[T](said: _Said, name: str, read: Callable[[object], T] = lambda value: value) -> T | None:
    """The one value under a name, as it is read; None without it. Raises _Contradiction for two that are not the same."""
    values = [read(value) for value in said.get(name, [])]
    # As text, for Python takes true and 1 for the same.
    if len(values) > 1 and len({json.dumps(value, sort_keys=True) for value in values}) > 1:
        raise _Contradiction
    return values[0] if values else None


def _boolean(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    return _BOOLEANS.get(value.strip().lower()) if isinstance(value, str) else None


def _text(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_FIELD_CHARACTERS or _NOT_PRINTABLE.search(value):
        return None
    return value


def _phone_match(value: object) -> Literal["true", "false", "indeterminate"] | None:
    if isinstance(value, str) and value.strip().lower() == "indeterminate":
        return "indeterminate"
    matched = _boolean(value)
    return None if matched is None else "true" if matched else "false"


def _handed_on[T](said: _Said, name: str, read: Callable[[object], T]) -> T | None:
    """As _one, but a contradiction is null."""
    try:
        return _one(said, name, read)
    except _Contradiction:
        return None


def _result(said: _Said) -> Result:
    return Result(
        transactionId=_handed_on(said, "transactionid", _text),
        carrier=_handed_on(said, "carrier", _text),
        lineType=_handed_on(said, "linetype", _text),
        countryCode=_handed_on(said, "countrycode", _text),
        phoneMatch=_handed_on(said, "phonematch", _phone_match),
        ipAddressMatch=_handed_on(said, "ipaddressmatch", _boolean),
    )
