"""The environment, read once and typed. Only the handlers import this module; what they find here they pass on.

A variable that is missing or wrong raises at import, so that a bad deployment shows at once: KeyError, ValueError.
"""

import os
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Settings:
    """For the entry points and for recovery: the state machine and the table."""

    state_machine_arn: str
    table_name: str

    @staticmethod
    def from_environment() -> "Settings":
        return Settings(os.environ["STATE_MACHINE_ARN"], os.environ["TABLE_NAME"])


def window_seconds() -> int:
    """How long a link lives, for the entry points."""
    return int(os.environ["WINDOW_SECONDS"])


def queue_url() -> str:
    """The queue that events wait in."""
    return os.environ["QUEUE_URL"]


def dead_letters_url() -> str:
    """The queue for events that cannot be handled."""
    return os.environ["DEAD_LETTERS_URL"]


@dataclass(frozen=True, slots=True)
class CheckLinkSettings:
    """For the check. base_url has no slash at its end; token is not empty in local runs only; service names the stack in logs;
    secrets_endpoint is None on AWS, where the region says it; Lambda gives every function keys, a local run may not.
    """

    base_url: str
    token_arn: str
    token: str = field(repr=False)
    poll_interval_seconds: int
    region: str
    service: str
    secrets_endpoint: str | None
    access_key_id: str | None
    secret_access_key: str | None = field(repr=False)
    session_token: str | None = field(repr=False)

    @staticmethod
    def from_environment() -> "CheckLinkSettings":
        return CheckLinkSettings(
            base_url=os.environ["SIGNZY_BASE_URL"].rstrip("/"),
            token_arn=os.environ["SIGNZY_TOKEN_ARN"],
            token=os.environ.get("SIGNZY_TOKEN", ""),
            poll_interval_seconds=int(os.environ["POLL_INTERVAL_SECONDS"]),
            region=os.environ["AWS_REGION"],
            service=os.environ.get("POWERTOOLS_SERVICE_NAME", "linkwatch"),
            secrets_endpoint=os.environ.get("AWS_ENDPOINT_URL_SECRETS_MANAGER") or os.environ.get("AWS_ENDPOINT_URL"),
            access_key_id=os.environ.get("AWS_ACCESS_KEY_ID"),
            secret_access_key=os.environ.get("AWS_SECRET_ACCESS_KEY"),
            session_token=os.environ.get("AWS_SESSION_TOKEN"),
        )
