"""Step "Check Link": asks Signzy once and says what the answer means.

In:  {"requestId", "sessionId", "deadline"?}, deadline ISO 8601 with offset
Out: {"answer": "PENDING|CLICKED|REJECTED|UNAVAILABLE", "reason": null|"…", "result": null|{…}}
"""

import ssl
import time
from datetime import datetime
from typing import Any

from aws_lambda_powertools.logging import Logger

from linkwatch.model import Answer, Ids, Look, Reason, parse_ids
from linkwatch.settings import CheckLinkSettings
from linkwatch.signzy import Signzy, TokenSource, TokenUnavailable
from linkwatch.signzy_token import FixedToken, SecretToken

_logger = Logger()
_settings = CheckLinkSettings.from_environment()
_tls = ssl.create_default_context()  # one for all connections: making it costs more than using it
_tokens: TokenSource = (
    FixedToken(_settings.token)
    if _settings.token
    else SecretToken(_settings.token_arn, _settings.region, _settings.secrets_endpoint, _tls)
)
_signzy = Signzy(_settings.base_url, _tokens, _settings.poll_interval_seconds, _tls)


@_logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """One look. Ids that are none get REJECTED, MALFORMED_IDS without a call; a deadline that is none raises ValueError."""
    ids = parse_ids(event.get("requestId"), event.get("sessionId"))
    deadline = datetime.fromisoformat(event["deadline"]).timestamp() if event.get("deadline") else None
    started_at = time.monotonic()
    if ids is None:
        look = Look(Answer.REJECTED, Reason.MALFORMED_IDS)
    else:
        _logger.append_keys(verificationId=ids.verification_id)
        look = _look(ids, deadline)
    _logger.info(
        "Looked",
        answer=look.answer,
        reason=look.reason,
        durationMs=round((time.monotonic() - started_at) * 1000),
    )
    return {"answer": look.answer, "reason": look.reason, "result": look.result}


def _look(ids: Ids, deadline: float | None) -> Look:
    try:
        return _signzy.look(ids, deadline)
    except TokenUnavailable as error:
        _logger.error(f"No token to ask Signzy with: {error}")
        return Look(Answer.UNAVAILABLE, error.reason)
