"""Brings a local stack up and takes it down."""

import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from local.stack import sam_cli
from local.stack.clock import Clock
from local.stack.launch import Launched, end_background, launch
from local.stack.paths import BACKGROUND_STACK, BUILT_TEMPLATE
from local.stack.signed_calls import SignedCalls
from local.stack.stack import STACK_NAME, Outputs, Stack
from simulator.server import DEFAULT_TOKEN

DEFAULT_WINDOW_SECONDS = 300


@dataclass(frozen=True, slots=True)
class StackConfig:
    """A stack as one wants it. speed: how many times faster than real time; parameters: of the template, where they differ from
    their defaults; signzy_base_url: a real Signzy's, with token, instead of the simulator; template: another build than this
    checkout's.
    """

    speed: float = 1
    parameters: Mapping[str, object] = field(default_factory=dict)
    signzy_base_url: str | None = None
    token: str = field(default=DEFAULT_TOKEN, repr=False)
    template: Path = BUILT_TEMPLATE


@contextmanager
def running_stack(config: StackConfig) -> Iterator[Stack]:
    """A stack that ends with the block, however it ends. Raises LocalStackFailed, NoAcceleratedClock."""
    launched, stack = _bring_up(config, in_background=False)
    try:
        yield stack
    finally:
        launched.end()


def launch_background_stack(config: StackConfig) -> Stack:
    """Brings up a stack that outlives this process. Raises LocalStackFailed, NoAcceleratedClock."""
    launched, stack = _bring_up(config, in_background=True)
    known = {
        "pid": launched.process.pid,
        "endpoint": stack.endpoint,
        "simulator": launched.simulator_address,
        "outcomes": stack.outcomes.url,
        "outputs": asdict(stack.outputs),
        "clock": asdict(stack.clock),
    }
    BACKGROUND_STACK.write_text(json.dumps(known, indent=2))
    return stack


def background_stack() -> Stack | None:
    """The stack that launch_background_stack() brought up, or None."""
    if not BACKGROUND_STACK.exists():
        return None
    known = json.loads(BACKGROUND_STACK.read_text())
    try:
        os.kill(known["pid"], 0)
    except ProcessLookupError:
        return None
    stack = Stack(
        known["endpoint"], Outputs(**known["outputs"]), Clock(**known["clock"]), known["simulator"], known["outcomes"]
    )
    stack.outcomes.is_shared = True
    return stack


def end_background_stack() -> bool:
    """Ends the background stack; False when there is none."""
    if not BACKGROUND_STACK.exists():
        return False
    end_background(json.loads(BACKGROUND_STACK.read_text())["pid"])
    BACKGROUND_STACK.unlink()
    return True


def _bring_up(config: StackConfig, *, in_background: bool) -> tuple[Launched, Stack]:
    sam_cli.build()
    window_seconds = int(str(config.parameters.get("WindowSeconds", DEFAULT_WINDOW_SECONDS)))
    launched = launch(
        config.speed, window_seconds, with_simulator=config.signzy_base_url is None, in_background=in_background
    )
    try:
        return launched, _deployed(launched, config)
    except BaseException:  # Ctrl-C, too: nothing stays behind
        launched.end()
        raise


def _deployed(launched: Launched, config: StackConfig) -> Stack:
    simulator = launched.simulator_address
    base_url = config.signzy_base_url or f"{simulator}/api/v3/us-kyc"
    parameters = {"SignzyBaseUrl": base_url, **config.parameters}
    sam_cli.deploy(launched.endpoint, parameters, launched.clock_environment, config.template)
    calls = SignedCalls(launched.endpoint, launched.clock)
    outputs = outputs_of(calls.client, STACK_NAME)
    outcomes_url = listen(calls.client, outputs.BusName, "local-outcomes")
    stack = Stack(launched.endpoint, outputs, launched.clock, simulator, outcomes_url)
    stack.clock_environment = launched.clock_environment
    stack.fill_token(config.token)
    _warm_up(stack)
    return stack


def outputs_of(client: Callable[[str], Any], stack_name: str) -> Outputs:
    """A deployed stack's outputs. client gives boto3's client of a service."""
    described = client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"][0]
    found = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
    return Outputs(**{name: found[name] for name in Outputs.__annotations__})


def listen(client: Callable[[str], Any], bus_name: str, name: str) -> str:
    """Puts a queue on the bus, as a consumer would, and gives its URL. name: the queue's and the rule's."""
    sqs, events = client("sqs"), client("events")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = json.dumps({"source": ["linkwatch"], "detail-type": ["VerificationSettled"]})
    rule = events.put_rule(Name=name, EventBusName=bus_name, EventPattern=pattern)["RuleArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    events.put_targets(Rule=name, EventBusName=bus_name, Targets=[{"Id": "queue", "Arn": arn}])
    return url


def _warm_up(stack: Stack) -> None:
    """Calls the functions once: under an accelerated clock a first start would count as many seconds of the window."""
    stack.functions.invoke("CheckLink", json.dumps({"requestId": "", "sessionId": ""}))
    stack.functions.invoke("RecoverUnfinished", json.dumps({"sweep": True}))
    stack.find("warm-up")
    # Malformed: of the events that leave nothing behind it takes only those it sends to the dead letters.
    stack.functions.invoke("InstantLinkSent", json.dumps({"Records": [{"messageId": "warm-up", "body": "{}"}]}))
    stack.event_queue.purge_dead_letters()


def warm_up_many(stack: Stack) -> None:
    """Starts as many Lambdas of the busiest functions as tests use at once. Two cores take half a second for each, which under
    an accelerated clock is several seconds of a window.
    """
    ids = {"requestId": secrets.token_hex(12), "sessionId": secrets.token_hex(12)}
    script = [{"answer": "pending", "slowBySeconds": 20}]
    stack.signzy.send_link(ids["requestId"], ids["sessionId"], script=script)
    unknown = f"{ids['requestId']}-{ids['sessionId']}"
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _: stack.functions.invoke("CheckLink", json.dumps(ids)), range(10)))
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda _: stack.find(unknown), range(10)))
