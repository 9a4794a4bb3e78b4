"""How long a call of boto3 may take, by the configuration of its client."""

from typing import Any


def seconds_at_most(client: Any) -> float:
    """All tries of one call and the back-offs between them. Each back-off is at most 1 s, 2 s, 4 s …
    (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html).

    Not in the sum: the resolution of a name; further addresses of a name, each of which has the connect time-out of its own;
    and what a service asks for by x-amz-retry-after.
    """
    config = client.meta.config
    assert config.retries["mode"] == "standard"
    tries = config.retries["total_max_attempts"]
    return tries * (config.connect_timeout + config.read_timeout) + sum(2**n for n in range(tries - 1))
