"""The acceptance run on the emulator: a sound stack keeps every guarantee, and each sabotage breaks its own.

Its verdicts on single verifications are tested without a stack, in tests/unit/test_acceptance.py.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from local.accept import local_target
from local.stack import Stack
from operations.acceptance.findings import GUARANTEES, Finding, Verdict, write_report
from operations.acceptance.links import Case
from operations.acceptance.run import Run
from operations.acceptance.target import Target
from operations.deployed.clock import await_that
from tests.integration import calls


@pytest.fixture(scope="module")
def runs() -> Iterator[tuple[Run, Run]]:
    """A whole run on a sound stack, during which the outcomes of sabotaged verifications are awaited; both runs."""
    with local_target() as target:
        sound, sabotaged = Run(target, print), Run(target, print)
        sabotage(sabotaged, target)
        sound.play()
        sound.finish()
        sabotaged.finish()
        yield sound, sabotaged


def sabotage(run: Run, target: Target) -> None:
    answer = "$states.result.Payload.answer"
    with changed_definition(run, target, "$answer = 'PENDING' ? 'EXPIRED' : 'UNKNOWN'", "'EXPIRED'"):
        run.start(Case("always expired", "upstream-down"))
    with changed_definition(run, target, f"{{% {answer} %}}", f"{{% {answer} = 'PENDING' ? 'CLICKED' : {answer} %}}"):
        run.start(Case("always clicked", "not-clicked"))
    run.start(Case("not sabotaged", "clicked"))
    lost = Case("an event that cannot be stored", "never", ("event",), ago=target.window.seconds - 5)
    assert isinstance(target.stack, Stack)
    calls.refuse(target.stack, calls.PUT, lost.name, 600)
    run.start(lost)


@contextmanager
def changed_definition(run: Run, target: Target, sound: str, unsound: str) -> Iterator[None]:
    """What starts within the block runs the state machine with one expression changed."""
    client, arn = target.stack.client("stepfunctions"), target.stack.outputs.StateMachineArn
    definition = client.describe_state_machine(stateMachineArn=arn)["definition"]
    assert definition.count(sound) == 1
    client.update_state_machine(stateMachineArn=arn, definition=definition.replace(sound, unsound))
    yield
    name, executions = run.links[-1].verification_id, target.stack.executions
    # The emulator reads the definition a moment after the start, AWS at once.
    await_that(lambda: executions.find(name) and executions.states_entered(name), 20, "the execution runs")
    client.update_state_machine(stateMachineArn=arn, definition=definition)


def broken(findings: list[Finding]) -> set[tuple[str, str, str]]:
    return {(it.case, it.guarantee, it.what) for it in findings if it.verdict is Verdict.BROKEN}


def test_a_sound_stack_keeps_every_guarantee(runs, tmp_path):
    sound, _ = runs

    verdict = write_report(sound.target, sound.findings, tmp_path)

    assert broken(sound.findings) == set()
    assert verdict is not Verdict.BROKEN
    assert {it.guarantee for it in sound.findings if it.verdict is Verdict.KEPT} == set(GUARANTEES)
    assert "| G6 |" in next(tmp_path.glob("*.md")).read_text()


def test_a_sabotaged_stack_breaks_the_guarantee_that_the_sabotage_is_about(runs):
    found = broken(runs[1].findings)

    assert {
        ("always expired", "G3", "the outcome states what is known"),
        ("always clicked", "G3", "the outcome states what is known"),
        ("an event that cannot be stored", "G1", "what an entry point took is watched until it is published"),
    } <= found
    assert "not sabotaged" not in {case for case, _, _ in found}
