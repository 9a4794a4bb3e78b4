"""One execution of a scenario: the Host that the interpreter runs it in, and what is known of it afterwards."""

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.definition import DEFINITION
from engine.interpreter import TaskFailed, run
from engine.scenario import Fault, Service
from engine.tasks import perform
from engine.virtual_time import Thread

if TYPE_CHECKING:
    from engine.account import Account

_SERVICES: dict[str, Service] = {"dynamodb": "dynamodb", "events": "events", "lambda": "lambda"}

#: No execution enters as many states; AWS ends one whose history has 25,000 events
#: (https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html).
_FULL = 2_000


@dataclass
class Execution:
    """An execution, and the Host that the interpreter runs it in. Times are epoch milliseconds."""

    account: "Account"
    name: str
    input: dict[str, Any]
    started_at: int
    status: str = "RUNNING"
    output: Any = None
    ended_at: int | None = None
    entered_states: list[str] = field(default_factory=list)
    #: What each check came to: CheckLink's answer, or an error's name.
    checks: list[dict[str, Any] | str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.thread = Thread(self.account.time, self._run)

    def start(self) -> None:
        self.account.time.at(self.now() + DEFINITION["TimeoutSeconds"] * 1000, lambda: self.finish("TIMED_OUT"))
        self.thread.start()

    def _run(self) -> None:
        status, self.output = run(self.account.program, self)
        self.finish(status)

    def finish(self, status: str) -> None:
        if self.status == "RUNNING":
            self.status, self.ended_at = status, self.now()
            self.account.note(self.name, f"{status} {json.dumps(self.output)[:160]}")
            if status not in {"SUCCEEDED", "FAILED"}:
                self.thread.end()
            self.account.on_end(self)

    def now(self) -> int:
        return self.account.time.now

    def entered(self, state: str) -> None:
        self._enter(state, self.account.scenario.transition)

    def back_off(self, state: str, seconds: float) -> None:
        self._enter(f"{state} (again)", int(seconds * 1000 * self.account.next_jitter()))

    def _enter(self, state: str, after_millis: int) -> None:
        self.thread.wait_until(self.now() + after_millis)
        self.entered_states.append(state)
        if len(self.entered_states) == _FULL:
            self.account.record.bugs.append(f"{self.name} goes round in circles")
            self.account.time.at(self.now(), lambda: self.finish("ABORTED"))
            self.thread.wait_until(self.now())
        for end in self.account.ends_at(state):
            self.account.trouble(self.now() + end.after_millis)
            self.account.time.at(self.now() + end.after_millis, lambda end=end: self.finish(end.status))
            self.thread.wait_until(self.now())

    def wait_until(self, state: str, moment: int) -> None:
        fault = self.account.fault_at(state)
        late = fault.after_millis if fault else 0
        self.account.trouble(moment + late if late > 0 else 0)
        self.thread.wait_until(moment + late)

    def call(self, state: str, resource: str, arguments: dict[str, Any], timeout_seconds: int) -> dict[str, Any]:
        service = _SERVICES[resource.split(":::")[1].split(":", maxsplit=1)[0]]
        fault = self.account.fault_at(state, service) or Fault(
            state,
            before_millis=50 if service == "lambda" else 10,
            after_millis=self.account.scenario.check if service == "lambda" else 10,
        )
        if service == "lambda" and not self.entered_states[-1].endswith("(again)"):
            self.checks.append("unfinished")
        try:
            output = self._answer(fault, resource, arguments, timeout_seconds)
        except TaskFailed as failed:
            self.account.note(self.name, f"{state}: {failed.error}")
            if service == "lambda":
                self.checks[-1] = failed.error
            raise
        if service == "lambda":
            self.checks[-1] = output["Payload"]
        return output

    def _answer(self, fault: Fault, resource: str, arguments: dict[str, Any], timeout_seconds: int) -> dict[str, Any]:
        invoked_at, answers = self.now(), []
        if fault.takes_effect:  # even when nobody waits for it any more
            self.account.time.at(
                invoked_at + fault.before_millis,
                lambda: answers.append(perform(self, resource, arguments, invoked_at)),
            )
        answered_at = invoked_at + fault.before_millis + max(fault.after_millis, 0)
        gives_up_at = invoked_at + timeout_seconds * 1000
        self.thread.wait_until(min(answered_at, gives_up_at))
        if answered_at > gives_up_at:
            raise TaskFailed("States.Timeout")
        if fault.error or not answers:
            raise TaskFailed(fault.error or "States.Timeout")
        if isinstance(answers[0], TaskFailed):
            raise answers[0]
        return answers[0]
