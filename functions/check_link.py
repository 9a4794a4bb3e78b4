"""Step "Check Link": asks Signzy once and returns what the answer means.

In:  {"requestId", "sessionId", "deadline"?}, deadline ISO 8601 with offset
Out: {"answer": "PENDING|CLICKED|REJECTED|UNAVAILABLE", "reason": null|"…", "result": null|{…}}

It runs up to 30 times for every verification, so what it imports and does is measured (docs/performance.md).
"""

import json
import ssl
import time
from datetime import datetime
from typing import Any

from linkwatch.http_client import HttpClient
from linkwatch.model import Answer, CheckResult, Ids, Reason, parse_ids
from linkwatch.settings import CheckLinkSettings
from linkwatch.signzy import Signzy
from linkwatch.signzy_token import KeptToken, Secret, TokenUnavailable

_settings = CheckLinkSettings.from_environment()
_tls = ssl.create_default_context()  # one for all connections: making it costs more than using it
_secrets_manager = HttpClient(_settings.secrets_endpoint, _tls)
_secret = Secret(_settings.token_arn, _settings.region, _settings.credentials, _secrets_manager)
_token = KeptToken((lambda _: _settings.token) if _settings.token else _secret.read_token)
_signzy = Signzy(HttpClient(_settings.base_url, _tls, _settings.proxy_url), _token, _settings.poll_interval_seconds)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """One check. Malformed ids result in REJECTED, MALFORMED_IDS without a request; a malformed deadline raises ValueError."""
    ids = parse_ids(event.get("requestId"), event.get("sessionId"))
    deadline = _parse_deadline(event.get("deadline"))
    started_at = time.monotonic()
    result, problem = _check(ids, deadline) if ids else (CheckResult(Answer.REJECTED, Reason.MALFORMED_IDS), None)
    line = {
        "level": "ERROR" if problem else "INFO",
        "message": "Checked",
        "service": _settings.service,
        "function_request_id": getattr(context, "aws_request_id", None),
        "verificationId": ids and ids.verification_id,
        "answer": result.answer,
        "reason": result.reason,
        "problem": problem,
        "durationMs": round((time.monotonic() - started_at) * 1000),
    }
    # As Powertools writes its lines; importing its logger costs more than a check (docs/decisions.md). Fields without a value are
    # left out.
    print(json.dumps({name: value for name, value in line.items() if value is not None}))  # noqa: T201
    return {"answer": result.answer, "reason": result.reason, "result": result.result}


def _parse_deadline(deadline: object) -> float | None:
    """Epoch seconds; None without a deadline. Raises ValueError for anything but an ISO 8601 time with an offset."""
    if deadline is None:
        return None
    moment = datetime.fromisoformat(str(deadline))
    if moment.tzinfo is None:
        raise ValueError("the deadline has no offset")
    return moment.timestamp()


def _check(ids: Ids, deadline: float | None) -> tuple[CheckResult, str | None]:
    """The result, and what is wrong with the token, if anything is."""
    try:
        return _signzy.check(ids, deadline), None
    except TokenUnavailable as error:
        return CheckResult(Answer.UNAVAILABLE, error.reason), f"No token to ask Signzy with: {error}"
