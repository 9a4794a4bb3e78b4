"""One execution of the definition, run by sfnx.testing in virtual time.

sfnx.testing interprets definitions in JSONata by rules that its author measured on Step Functions. No time passes in it: a
task's latency, time-out and back-off, and a wait, pass here.
"""

import functools
import json
import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jsonata.parser import Parser
from sfnx import testing

from tests.definition.engine.definition import DEFINITION, STATES, substituted
from tests.definition.engine.dynamodb import AwsError
from tests.definition.engine.virtual_time import Ended, Thread

if TYPE_CHECKING:
    from tests.definition.engine.account import Account

#: More calls than any execution makes; AWS ends one whose history has 25,000 events
#: (https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html).
_MOST_CALLS = 2_000
_FAILED_CHECK = {"answer": "UNAVAILABLE", "reason": "CHECK_FAILED", "result": None}

# sfnx.testing checks a definition before each run and parses an expression each time it evaluates it, which takes more time than
# all else. Here both happen once for each text.
_parse, _check = Parser.parse, testing.check
_parsed = functools.cache(lambda *given: _parse(Parser(), *given))
Parser.parse = lambda _, *given: _parsed(*given)  # pyright: ignore[reportAttributeAccessIssue]
testing.check = lambda _: None


@functools.cache
def definition_for(name: str, parameters: tuple[tuple[str, object], ...]) -> dict[str, Any]:
    """The definition for an execution of this name: sfnx gives every execution the same one."""
    text = json.dumps(substituted(dict(parameters)))
    definition = json.loads(text.replace("$states.context.Execution.Name", f"'{name}'"))
    _check(definition)
    return definition


def respelled(answer: Any) -> Any:
    """As Step Functions returns DynamoDB's answers: it spells the types BOOL and NULL inside maps as Bool and Nul
    (https://github.com/aws/aws-sdk-js-v3/issues/5423, https://github.com/boto/boto3/issues/4253).
    """
    if isinstance(answer, dict):
        return {{"BOOL": "Bool", "NULL": "Nul"}.get(name, name): respelled(it) for name, it in answer.items()}
    return answer


@dataclass
class Execution:
    """Times are epoch milliseconds.  entered_states: known once it has ended by itself."""

    account: "Account"
    name: str
    input: dict[str, Any]
    started_at: int
    status: str = "RUNNING"
    ended_at: int | None = None
    entered_states: tuple[str, ...] = ()
    #: What each check resulted in: CheckLink's answer, or _FAILED_CHECK.
    checks: list[dict[str, Any]] = field(default_factory=list)
    calls: int = 0
    #: How often each retrier of the present state has been used.
    _retries: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.thread = Thread(self.account.time, self._run, self.name)

    @property
    def answers(self) -> list[str]:
        """CheckLink's, in order."""
        return [check["answer"] for check in self.checks]

    @property
    def is_takeover(self) -> bool:
        return self.name.rpartition("-")[2].startswith("r")

    def start(self) -> None:
        self._finish_later(DEFINITION["TimeoutSeconds"] * 1000, "TIMED_OUT")
        self.thread.start()

    def _run(self) -> None:
        ended = testing.run(
            definition_for(self.name, tuple(self.account.parameters.items())),
            self.input,
            self._task,
            functions={"millis": lambda: self.account.time.now},
            on_wait=self._wait,
        )
        self.entered_states = ended.states
        self.finish("FAILED" if ended.error else "SUCCEEDED", f"{ended.error or ''} {ended.cause or ''}".strip())

    def finish(self, status: str, why: str = "") -> None:
        if self.status == "RUNNING":
            self.status, self.ended_at = status, self.account.time.now
            self.account.note(self.name, f"{status} {why}")
            if status == "FAILED":
                self.account.bugs.append(f"{self.name} failed: {why}")
            if status not in {"SUCCEEDED", "FAILED"}:
                self.thread.end()
            self.account.on_end(self)

    def _finish_later(self, millis: int, status: str) -> None:
        self.account.time.at(self.account.time.now + millis, lambda: self.finish(status))

    def _enter(self, state: str) -> None:
        self.calls += 1
        if self.calls == _MOST_CALLS:
            self.finish("FAILED", "does not end")
            raise Ended
        for end in self.account.ends_at(state):
            self.account.note_trouble(end.after_millis)
            self._finish_later(end.after_millis, end.status)
            self.thread.wait(0)

    def _wait(self, wait: testing.Wait) -> None:
        self._enter(wait.state)
        moment = math.floor(datetime.fromisoformat(wait.timestamp or "").timestamp()) * 1000  # AWS truncates to seconds
        fault = self.account.fault_at(wait.state)
        late = fault.after_millis if fault else 0
        left = moment + late - self.account.time.now
        if late > 0:
            self.account.note_trouble(left)
        self.thread.wait(left)
        self.thread.wait(self.account.scenario.transition)

    def _task(self, called: testing.Call) -> Any:
        self._enter(called.state)
        service, operation = called.resource.removeprefix("arn:aws:states:::").split(":")
        is_check = service == "lambda"
        if is_check and not self._retries:
            self.checks.append(_FAILED_CHECK)
        try:
            output = self.account.answer(
                self.thread,
                service,
                operation[0].upper() + operation[1:],
                json.loads(json.dumps(called.arguments)),
                self.account.fault_at(called.state),
                patience=STATES[called.state]["TimeoutSeconds"] * 1000,
                latency=(50, self.account.scenario.check) if is_check else (10, 10),
            )
        except (TimeoutError, AwsError) as error:
            name = error.code if isinstance(error, AwsError) else "States.Timeout"
            if name == "ConditionalCheckFailedException":
                name = f"DynamoDB.{name}"
            self._back_off(STATES[called.state]["Retry"], name)
            raise testing.Failure(name) from None
        self._retries.clear()
        if is_check:
            self.checks[-1] = output["Payload"]
        self.thread.wait(2 * self.account.scenario.transition)
        return respelled(output)

    def _back_off(self, retriers: list[dict[str, Any]], error: str) -> None:
        """Waits as long as the retrier says that sfnx is about to use, and a transition where it uses none."""
        for nth, retrier in enumerate(retriers):
            if error in retrier["ErrorEquals"] or retrier["ErrorEquals"] == ["States.ALL"]:
                used = self._retries.get(nth, 0)
                if used < retrier["MaxAttempts"]:
                    self._retries[nth] = used + 1
                    longest = retrier["IntervalSeconds"] * retrier["BackoffRate"] ** used
                    seconds = min(longest, retrier["MaxDelaySeconds"]) * self.account.next_jitter()
                    self.thread.wait(int(seconds * 1000))
                    return
                break
        self._retries.clear()
        self.thread.wait(2 * self.account.scenario.transition)
