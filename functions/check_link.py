"""Step "Check Link": asks Signzy once and says what the answer means.

In:  {"requestId", "sessionId", "deadline"?}, deadline ISO 8601 with offset
Out: {"answer": "PENDING|CLICKED|REJECTED|UNAVAILABLE", "reason": null|"…", "result": null|{…}}

It runs up to 30 times for every verification, so what it imports and does is measured (docs/performance.md).
"""

import json
import ssl
import time
from datetime import datetime
from typing import Any

from linkwatch.bounded_http import KeptConnection
from linkwatch.model import Answer, CheckResult, Ids, Reason, parse_ids
from linkwatch.settings import CheckLinkSettings
from linkwatch.signzy import Signzy, TokenSource, TokenUnavailable
from linkwatch.signzy_token import Credentials, FixedToken, SecretToken

_settings = CheckLinkSettings.from_environment()
_tls = ssl.create_default_context()  # one for all connections: making it costs more than using it
_credentials = (
    Credentials(_settings.access_key_id, _settings.secret_access_key, _settings.session_token)
    if _settings.access_key_id and _settings.secret_access_key
    else None
)
_tokens: TokenSource = (
    FixedToken(_settings.token)
    if _settings.token
    else SecretToken(_settings.token_arn, _settings.region, _credentials, _settings.secrets_endpoint, _tls)
)
_signzy = Signzy(KeptConnection(_settings.base_url, _tls), _tokens, _settings.poll_interval_seconds)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """One check. Ids that are none get REJECTED, MALFORMED_IDS without a call; a deadline that is none raises ValueError."""
    ids = parse_ids(event.get("requestId"), event.get("sessionId"))
    deadline = datetime.fromisoformat(event["deadline"]).timestamp() if event.get("deadline") else None
    started_at = time.monotonic()
    result, problem = _checked(ids, deadline) if ids else (CheckResult(Answer.REJECTED, Reason.MALFORMED_IDS), None)
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
    # As Powertools writes its lines; the logger itself costs half a check (docs/decisions.md). What has no value is left out.
    print(json.dumps({name: value for name, value in line.items() if value is not None}))  # noqa: T201
    return {"answer": result.answer, "reason": result.reason, "result": result.result}


def _checked(ids: Ids, deadline: float | None) -> tuple[CheckResult, str | None]:
    """What the check learnt, and what is wrong with the token, if it is that."""
    try:
        return _signzy.check(ids, deadline), None
    except TokenUnavailable as error:
        return CheckResult(Answer.UNAVAILABLE, error.reason), f"No token to ask Signzy with: {error}"
