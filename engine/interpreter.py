"""The shipped definition on moto's Step Functions interpreter, in process, under whatever clock and AWS its Host gives it.

moto keeps flow, variables, choices, retries, catches and outputs. Three of its components are exchanged after parsing, because
they sleep or call AWS: tasks, retriers, waits. JSONata runs on jsonata-python through the one name that moto keeps for it.
"""

import json
import logging
import threading
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Protocol

from moto.stepfunctions.parser.api import HistoryEventType, StateMachineType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.retry.max_attempts_decl import MaxAttemptsOutcome
from moto.stepfunctions.parser.asl.component.common.retry.retrier_decl import RetrierDecl
from moto.stepfunctions.parser.asl.component.common.retry.retrier_outcome import RetrierOutcome
from moto.stepfunctions.parser.asl.component.common.retry.retry_decl import RetryDecl
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task import StateTask
from moto.stepfunctions.parser.asl.component.state.wait.state_wait import StateWait
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.timestamp import Timestamp
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.evaluation_details import AWSExecutionDetails
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext, EventManager
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded, ProgramError
from moto.stepfunctions.parser.asl.eval.states import ContextObjectData, ExecutionData, StateMachineData
from moto.stepfunctions.parser.asl.jsonata import jsonata as moto_jsonata
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

from engine.jsonata_bindings import evaluate

STATE_MACHINE_ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:LinkWatch"
EXECUTION_ARN = STATE_MACHINE_ARN.replace(":stateMachine:", ":execution:")
_ROLE = "arn:aws:iam::123456789012:role/none"


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


# ── Parsing and running ──


def _exchanged(part: Any, kind: type) -> Any:
    exchanged = object.__new__(kind)
    vars(exchanged).update(vars(part))
    return exchanged


@lru_cache(maxsize=64)
def program(definition: str) -> Program:
    """A definition, parsed (slow: once each) and ready for run()."""
    parsed, _ = AmazonStateLanguageParser.parse(definition)
    assert isinstance(parsed, Program)
    for name, state in parsed.states.states.items():
        if isinstance(state, StateTask):
            task = _exchanged(state, HostedTask)
            if task.retry:
                task.retry = RetryDecl([_exchanged(retrier, HostedRetrier) for retrier in task.retry.retriers])
            parsed.states.states[name] = task
        elif isinstance(state, StateWait):
            assert isinstance(state.wait_function, Timestamp)
            state.wait_function = HostedWait(state.wait_function)
    return parsed


_clock = threading.local()  # .now: the clock of the execution that this thread runs
moto_jsonata._eval_jsonata = lambda expression: evaluate(expression, _clock.now())  # noqa: SLF001  the documented seam
logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)  # it logs each failure of a task as an error


def run(program: Program, host: Host) -> tuple[str, Any]:
    """Runs an execution to its end in this thread: its status, and its output or its error."""
    env = HostedEnvironment(
        aws_execution_details=AWSExecutionDetails("123456789012", "us-east-1", _ROLE),
        execution_type=StateMachineType.STANDARD,
        context=_context(host),
        event_history_context=EventHistoryContext.of_program_start(),
        cloud_watch_logging_session=None,
        activity_store={},
    )
    env.host = host
    env.event_manager = EnteredStates(host)
    env.next_state_name = program.start_at.start_at_name
    _clock.now = host.now
    program._eval_body(env)  # noqa: SLF001  eval() would put it into a thread under a real time-out
    match env.program_state():
        case ProgramEnded():
            return "SUCCEEDED", env.states.get_input()
        case ProgramError(error=error):
            return "FAILED", error
        case other:
            raise AssertionError(f"ended as {other}")


def _context(host: Host) -> ContextObjectData:
    """What $states.context says."""
    return ContextObjectData(
        Execution=ExecutionData(
            Id=f"{EXECUTION_ARN}:{host.name}",
            Input=json.loads(json.dumps(host.input)),
            Name=host.name,
            RoleArn=_ROLE,
            StartTime=datetime.fromtimestamp(host.now() / 1000, UTC).isoformat(),
        ),
        State=None,
        StateMachine=StateMachineData(Id=STATE_MACHINE_ARN, Name="LinkWatch"),
        Task=None,
        Map=None,
    )
