"""A function's longest chain of calls, with all their tries, ends before its time-out."""

from importlib import import_module
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import loads as load_yaml

from linkwatch import recovery
from tests.definition.engine.definition import RESOURCES, ROOT

API, EVENTS, RECOVERY = "VerificationsApi", "InstantLinkSent", "RecoverUnfinished"
#: How each function has botocore retry, and the longest that one of its calls takes.
CALLS = {API: ("standard", 6), EVENTS: ("standard", 5), RECOVERY: ("legacy", recovery.CALL_SECONDS)}
#: API Gateway waits for so long, and the next sweep comes after so long.
GATEWAY_SECONDS, SWEEP_SECONDS = 29, 60


def properties_of(function: str) -> dict[str, Any]:
    return RESOURCES[function]["Properties"]


def seconds_at_most(config: Any) -> float:
    """All tries of a call. The back-offs are at most 1 s, 2 s, 4 s …
    (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html).

    Not in the sum: the resolution of a name; further addresses of a name, each of which has the connect time-out of its own;
    and what a service asks for by x-amz-retry-after, in mode "standard".
    """
    tries = config.retries["total_max_attempts"]
    return tries * (config.connect_timeout + config.read_timeout) + sum(2**n for n in range(tries - 1))


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("function", CALLS)
def test_every_call_ends_in_the_seconds_that_the_sums_count_with(function):
    mode, seconds = CALLS[function]
    handler: Any = import_module(properties_of(function)["Handler"].removesuffix(".handler"))
    clients = [handler._executions._step_functions, handler._table._dynamodb]  # noqa: SLF001
    for client in [*clients, handler.sqs] if function == EVENTS else clients:
        config = client.meta.config
        assert (config.retries["mode"], config.retries["total_max_attempts"]) == (mode, 2)
        assert seconds_at_most(config) == seconds
        assert config.tcp_keepalive or function == RECOVERY
        assert config.max_pool_connections >= recovery.WORKERS or function != RECOVERY


def test_the_longest_route_of_the_api_ends_before_its_function_does():
    calls = 4  # as test_verifications_api counts those of a search
    _, seconds = CALLS[API]

    assert calls * seconds < properties_of(API)["Timeout"] < GATEWAY_SECONDS


def test_a_batch_of_events_ends_before_its_function_does():
    calls = 2  # as test_instant_link_sent counts them; or one, to the dead letters
    _, seconds = CALLS[EVENTS]
    batch_size = properties_of(EVENTS)["Events"]["OnQueue"]["Properties"]["BatchSize"]

    assert (batch_size * calls + 1) * seconds < properties_of(EVENTS)["Timeout"]  # one returns events to the queue


def test_the_reserve_fits_the_calls_for_an_item_and_the_function_fits_the_reserve():
    for_an_item = recovery.CALLS_FOR_AN_ITEM * recovery.CALL_SECONDS
    timeout = properties_of(RECOVERY)["Timeout"]

    assert for_an_item < recovery.RESERVE_SECONDS
    assert recovery.RESERVE_SECONDS + recovery.CALL_SECONDS < recovery.LISTING_RESERVE_SECONDS < timeout < SWEEP_SECONDS
    assert recovery.CALL_SECONDS + for_an_item < timeout  # a status event, which is read first


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("example", "function", "calls", "other"),
    [
        ("consumer", "ActOnOutcome", 2, None),
        ("consumer_account", "ActOnOutcome", 1, "linkwatch_api"),
        ("webhook", "DeliverOutcome", 4, "deliver_outcome"),  # as test_webhook counts them
    ],
)
def test_an_examples_function_outlasts_its_calls(example, function, calls, other, monkeypatch):
    """other: the module that makes the one call that is not of AWS."""
    monkeypatch.setenv("DECISIONS_TABLE", "Decisions")
    template = load_yaml((ROOT / "examples" / example / "template.yaml").read_text("utf-8"))
    properties = template["Resources"][function]["Properties"]
    module: Any = import_module(properties["Handler"].removesuffix(".handler"))
    timeout: Any = vars(import_module(other))["TIMEOUT"] if other else None

    seconds = calls * seconds_at_most(module._config)  # noqa: SLF001
    assert seconds + (timeout.connect_timeout + timeout.read_timeout if timeout else 0) < properties["Timeout"]
