"""One execution of the definition, run by sfnx.testing in virtual time, and a record of it.

sfnx.testing interprets definitions in JSONata by rules that its author measured on Step Functions. No time passes in it: a
task's latency, time-out and back-off, and a wait, pass here.
"""

import json
import math
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sfnx import testing

from tests.definition.engine.definition import DEFINITION, STATES, substituted
from tests.definition.engine.scenario import Fault, Service
from tests.definition.engine.state_tasks import perform
from tests.definition.engine.virtual_time import Thread

if TYPE_CHECKING:
    from tests.definition.engine.account import Account

_SERVICES: dict[str, Service] = {"dynamodb": "dynamodb", "events": "events", "lambda": "lambda"}
#: More calls than any execution makes; AWS ends one whose history has 25,000 events
#: (https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html).
_MOST_CALLS = 2_000


@lru_cache(maxsize=256)
def definition_for(name: str, parameters: tuple[tuple[str, object], ...]) -> dict[str, Any]:
    """The definition for an execution of this name: sfnx gives every execution the same one."""
    text = json.dumps(substituted(dict(parameters)))
    return json.loads(text.replace("$states.context.Execution.Name", f"'{name}'"))


def respelled(answer: Any) -> Any:
    """As Step Functions returns DynamoDB's answers: it spells the types BOOL and NULL inside maps as Bool and Nul
    (https://github.com/aws/aws-sdk-js-v3/issues/5423, https://github.com/boto/boto3/issues/4253).
    """
    if isinstance(answer, dict):
        return {{"BOOL": "Bool", "NULL": "Nul"}.get(name, name): respelled(it) for name, it in answer.items()}
    return answer


@dataclass
class Execution:
    """Times are epoch milliseconds. entered_states: known once it has ended by itself."""

    account: "Account"
    name: str
    input: dict[str, Any]
    started_at: int
    status: str = "RUNNING"
    output: Any = None
    ended_at: int | None = None
    entered_states: tuple[str, ...] = ()
    #: The result of each check: CheckLink's answer, or an error's name.
    checks: list[dict[str, Any] | str] = field(default_factory=list)
    calls: int = 0
    #: How often each retrier of the present state has been used.
    _retries: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.thread = Thread(self.account.time, self._run, self.name)

    def start(self) -> None:
        self.account.time.at(self.now() + DEFINITION["TimeoutSeconds"] * 1000, lambda: self.finish("TIMED_OUT"))
        self.thread.start()

    def _run(self) -> None:
        ended = testing.run(
            definition_for(self.name, tuple(self.account.parameters.items())),
            self.input,
            self._task,
            functions={"millis": self.now},
            on_wait=self._wait,
        )
        self.entered_states = ended.states
        self.output = None if ended.error else ended.output
        self.finish("FAILED" if ended.error else "SUCCEEDED", f"{ended.error or ''} {ended.cause or ''}".strip())

    def finish(self, status: str, why: str = "") -> None:
        if self.status == "RUNNING":
            self.status, self.ended_at = status, self.now()
            self.account.note(self.name, f"{status} {why}")
            if status == "FAILED":
                self.account.record.bugs.append(f"{self.name} failed: {why}")
            if status not in {"SUCCEEDED", "FAILED"}:
                self.thread.end()
            self.account.on_end(self)

    def now(self) -> int:
        return self.account.time.now

    def _enter(self, state: str) -> None:
        self.calls += 1
        if self.calls == _MOST_CALLS:
            self.account.record.bugs.append(f"{self.name} does not end")
            self.account.time.at(self.now(), lambda: self.finish("ABORTED"))
            self.thread.wait(0)
        for end in self.account.ends_at(state):
            self.account.note_trouble(self.now() + end.after_millis)
            self.account.time.at(self.now() + end.after_millis, lambda end=end: self.finish(end.status))
            self.thread.wait(0)

    def _wait(self, wait: testing.Wait) -> None:
        self._enter(wait.state)
        moment = math.floor(datetime.fromisoformat(wait.timestamp or "").timestamp()) * 1000  # AWS truncates to seconds
        fault = self.account.fault_at(wait.state)
        late = fault.after_millis if fault else 0
        self.account.note_trouble(moment + late if late > 0 else 0)
        self.thread.wait_until(moment + late)
        self.thread.wait(self.account.scenario.transition)

    def _task(self, call: testing.Call) -> Any:
        self._enter(call.state)
        service = _SERVICES[call.resource.split(":::")[1].split(":", maxsplit=1)[0]]
        is_check = service == "lambda"
        fault = self.account.fault_at(call.state)
        if fault:
            self.account.note_trouble(self.now() + fault.before_millis + max(fault.after_millis, 0))
        fault = self.account.outage_of(service, call.state) or fault
        if is_check and not self._retries:
            self.checks.append("unfinished")
        try:
            output = self._answer(call, fault, is_check=is_check)
        except testing.Failure as failure:
            self.account.note(self.name, f"{call.state}: {failure.error}")
            if is_check:
                self.checks[-1] = failure.error
            self._back_off(STATES[call.state]["Retry"], failure.error)
            raise
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

    def _answer(self, call: testing.Call, fault: Fault | None, *, is_check: bool) -> Any:
        before, after = (50, self.account.scenario.check) if is_check else (10, 10)
        if fault:
            before, after = fault.before_millis, max(fault.after_millis, 0)
        invoked_at, answers = self.now(), []
        if not fault or fault.takes_effect:  # even when nobody waits for it any more
            arguments = json.loads(json.dumps(call.arguments))
            self.account.time.at(
                invoked_at + before, lambda: answers.append(perform(self, call.resource, arguments, invoked_at))
            )
        timeout = STATES[call.state]["TimeoutSeconds"] * 1000
        self.thread.wait(min(before + after, timeout))
        if before + after > timeout:
            raise testing.Failure("States.Timeout")
        if (fault and fault.error) or not answers:
            raise testing.Failure((fault and fault.error) or "States.Timeout")
        if isinstance(answers[0], testing.Failure):
            raise answers[0]
        return answers[0]
