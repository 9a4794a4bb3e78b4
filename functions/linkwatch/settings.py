"""The environment, read once and typed. Only the handlers import this module; what they find here they pass on.

A variable that is missing or wrong raises at import, so that a bad deployment shows at once: KeyError, ValueError.
"""

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """For the doors and for resumption: the machine and the table."""

    state_machine_arn: str
    table_name: str

    @staticmethod
    def from_environment() -> "Settings":
        return Settings(os.environ["STATE_MACHINE_ARN"], os.environ["TABLE_NAME"])


def window_seconds() -> int:
    """How long a link lives, for the doors."""
    return int(os.environ["WINDOW_SECONDS"])


def dead_letters_url() -> str:
    """The queue for events that cannot be handled."""
    return os.environ["DEAD_LETTERS_URL"]


@dataclass(frozen=True, slots=True)
class CheckLinkSettings:
    """For the look. base_url has no slash at its end; token is not empty in local runs only; secrets_endpoint is None on AWS,
    where the region says it.
    """

    base_url: str
    token_arn: str
    token: str
    poll_interval_seconds: int
    region: str
    secrets_endpoint: str | None

    @staticmethod
    def from_environment() -> "CheckLinkSettings":
        return CheckLinkSettings(
            base_url=os.environ["SIGNZY_BASE_URL"].rstrip("/"),
            token_arn=os.environ["SIGNZY_TOKEN_ARN"],
            token=os.environ.get("SIGNZY_TOKEN", ""),
            poll_interval_seconds=int(os.environ["POLL_INTERVAL_SECONDS"]),
            region=os.environ["AWS_REGION"],
            secrets_endpoint=os.environ.get("AWS_ENDPOINT_URL_SECRETS_MANAGER") or os.environ.get("AWS_ENDPOINT_URL"),
        )
