"""The shipped definition on moto's Step Functions interpreter, in process, under whatever clock and AWS its Host gives it.

moto keeps flow, variables, choices, retries, catches and outputs. Three of its components are exchanged after parsing, because
they sleep or call out: tasks, retriers, waits. JSONata runs on jsonata-python through the one name that moto keeps for it.
"""

import json
import logging
import threading
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from moto.stepfunctions.parser.api import StateMachineType
from moto.stepfunctions.parser.asl.component.common.retry.retry_decl import RetryDecl
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task import StateTask
from moto.stepfunctions.parser.asl.component.state.wait.state_wait import StateWait
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.timestamp import Timestamp
from moto.stepfunctions.parser.asl.eval.evaluation_details import AWSExecutionDetails
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded, ProgramError
from moto.stepfunctions.parser.asl.eval.states import ContextObjectData, ExecutionData, StateMachineData
from moto.stepfunctions.parser.asl.jsonata import jsonata as moto_jsonata
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

from tests.definition.composed_jsonata import evaluate
from tests.definition.hosted_parts import EnteredStates, Host, HostedEnvironment, HostedRetrier, HostedTask, HostedWait

STATE_MACHINE_ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:LinkWatch"
EXECUTION_ARN = STATE_MACHINE_ARN.replace(":stateMachine:", ":execution:")


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
        aws_execution_details=AWSExecutionDetails("123456789012", "us-east-1", "arn:aws:iam::123456789012:role/none"),
        execution_type=StateMachineType.STANDARD,
        context=ContextObjectData(
            Execution=ExecutionData(
                Id=f"{EXECUTION_ARN}:{host.name}",
                Input=json.loads(json.dumps(host.input)),
                Name=host.name,
                RoleArn="arn:aws:iam::123456789012:role/none",
                StartTime=datetime.fromtimestamp(host.now() / 1000, UTC).isoformat(),
            ),
            State=None,
            StateMachine=StateMachineData(Id=STATE_MACHINE_ARN, Name="LinkWatch"),
            Task=None,
            Map=None,
        ),
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
