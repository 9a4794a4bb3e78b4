"""What of moto's interpreter is exchanged so that an execution lives in its host's time and calls its host's AWS."""

from datetime import datetime
from typing import Any, Protocol

from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.retry.max_attempts_decl import MaxAttemptsOutcome
from moto.stepfunctions.parser.asl.component.common.retry.retrier_decl import RetrierDecl
from moto.stepfunctions.parser.asl.component.common.retry.retrier_outcome import RetrierOutcome
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task import StateTask
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.timestamp import Timestamp
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager


class TaskFailed(Exception):
    """A task's call was answered with an error of this name; States.Timeout among them."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(error, cause)
        self.error, self.cause = error, cause


class Host(Protocol):
    """What surrounds one execution. Each may wait as long as it likes, or end the thread."""

    name: str
    input: dict[str, Any]

    def now(self) -> int: ...
    def entered(self, state: str) -> None: ...
    def call(self, state: str, resource: str, arguments: dict[str, Any], timeout_seconds: int) -> dict[str, Any]: ...
    def back_off(self, state: str, seconds: float) -> None: ...
    def wait_until(self, state: str, moment: int) -> None: ...


class HostedEnvironment(Environment):
    host: Host


def _host_of(env: Environment) -> Host:
    assert isinstance(env, HostedEnvironment)
    return env.host


class HostedTask(StateTask):
    """A task without moto's thread, deep copies and boto3 client: what it calls is its host's."""

    def _eval_execution(self, env: Environment) -> None:
        raise NotImplementedError

    def _evaluate_with_timeout(self, env: Environment) -> None:
        self.timeout.eval(env=env)
        timeout_seconds = env.stack.pop()
        arguments = self._eval_parameters(env=env)
        try:
            output = _host_of(env).call(self.name, self.resource.resource_arn, arguments, timeout_seconds)
        except TaskFailed as failed:
            if failed.error == "States.Timeout":
                raise TimeoutError from failed
            raise FailureEventException(_failure(env, failed)) from failed
        env.stack.append(output)
        env.states.set_result(output)
        if self.assign_decl:
            self.assign_decl.eval(env=env)


def _failure(env: Environment, failed: TaskFailed) -> FailureEvent:
    # moto builds its details so too, although its type wants all keys.
    details: Any = {"taskFailedEventDetails": TaskFailedEventDetails(error=failed.error, cause=failed.cause)}
    return FailureEvent(env, CustomErrorName(failed.error), HistoryEventType.TaskFailed, details)


class HostedRetrier(RetrierDecl):
    """A retrier that backs off in its host's time; the host draws the jitter."""

    def _eval_body(self, env: Environment) -> None:
        self.error_equals.eval(env)
        if not env.stack.pop():
            env.stack.append(RetrierOutcome.Skipped)
            return
        self.max_attempts.eval(env=env)
        if env.stack.pop() == MaxAttemptsOutcome.EXHAUSTED:
            env.stack.append(RetrierOutcome.Failed)
            return
        for part in (self.interval_seconds, self.backoff_rate, self.max_delay_seconds):
            part.eval(env=env)
        _host_of(env).back_off(env.next_state_name or "", env.stack.pop())
        env.stack.append(RetrierOutcome.Executed)


class HostedWait(WaitFunction):
    """A wait for a moment, which AWS truncates to the second."""

    def __init__(self, timestamp: Timestamp) -> None:
        self._moment = timestamp.string

    def _get_wait_seconds(self, env: Environment) -> int:
        raise NotImplementedError

    def _eval_body(self, env: Environment) -> None:
        self._moment.eval(env=env)
        moment = datetime.fromisoformat(env.stack.pop()).replace(microsecond=0)
        _host_of(env).wait_until(env.next_state_name or "", int(moment.timestamp() * 1000))


class EnteredStates(EventManager):
    """Tells the host which states are entered; keeps nothing."""

    def __init__(self, host: Host) -> None:
        super().__init__()
        self._host = host

    def add_event(
        self,
        context: Any,  # noqa: ARG002  as moto's
        event_type: Any,  # noqa: ARG002
        event_details: Any = None,
        timestamp: Any = None,  # noqa: ARG002
        update_source_event_id: bool = True,  # noqa: ARG002, FBT001, FBT002
    ) -> int:
        if event_details and "stateEnteredEventDetails" in event_details:
            self._host.entered(event_details["stateEnteredEventDetails"]["name"])
        return 0
