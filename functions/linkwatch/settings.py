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
    """How long a link is valid, for the entry points."""
    return int(os.environ["WINDOW_SECONDS"])


def queue_url() -> str:
    """The queue that events wait in."""
    return os.environ["QUEUE_URL"]


def dead_letters_url() -> str:
    """The queue for events that cannot be handled."""
    return os.environ["DEAD_LETTERS_URL"]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What Lambda gives a function to sign its calls with, named as botocore's signer reads it."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class CheckLinkSettings:
    """For the check. base_url has no slash at its end. token replaces the secret where it is not empty, in local runs only, and
    only they may have no credentials. service names the stack in log lines.
    """

    base_url: str
    proxy_url: str | None
    poll_interval_seconds: int
    token: str = field(repr=False)
    token_arn: str
    secrets_endpoint: str
    region: str
    credentials: Credentials | None
    service: str

    @staticmethod
    def from_environment() -> "CheckLinkSettings":
        region, access_key = os.environ["AWS_REGION"], os.environ.get("AWS_ACCESS_KEY_ID")
        return CheckLinkSettings(
            base_url=os.environ["SIGNZY_BASE_URL"].rstrip("/"),
            proxy_url=os.environ.get("EGRESS_PROXY_URL") or None,
            poll_interval_seconds=int(os.environ["POLL_INTERVAL_SECONDS"]),
            token=os.environ.get("SIGNZY_TOKEN", ""),
            token_arn=os.environ["SIGNZY_TOKEN_ARN"],
            secrets_endpoint=_secrets_endpoint(region),
            region=region,
            credentials=Credentials(
                access_key, os.environ["AWS_SECRET_ACCESS_KEY"], os.environ.get("AWS_SESSION_TOKEN")
            )
            if access_key
            else None,
            service=os.environ.get("POWERTOOLS_SERVICE_NAME", "linkwatch"),
        )


def _secrets_endpoint(region: str) -> str:
    """As AWS's SDKs find it (https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html). FIPS names:
    https://docs.aws.amazon.com/general/latest/gr/asm.html.
    """
    given = os.environ.get("AWS_ENDPOINT_URL_SECRETS_MANAGER") or os.environ.get("AWS_ENDPOINT_URL")
    fips = "-fips" if os.environ.get("AWS_USE_FIPS_ENDPOINT", "").lower() == "true" else ""
    return (given or f"https://secretsmanager{fips}.{region}.amazonaws.com").rstrip("/")
