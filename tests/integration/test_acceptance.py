"""The acceptance run on the emulator: a sound stack keeps every guarantee, and each sabotage breaks its own.

Its verdicts on single verifications are tested without a stack, in tests/unit/test_acceptance.py.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from local.accept import local_target
from local.stack import Stack
from operations.acceptance.findings import Verdict, count_by_guarantee
from operations.acceptance.report import write_report
from operations.acceptance.run import Run
from operations.deployed.clock import await_that
from tests.integration import calls


class Runs(NamedTuple):
    sound: Run
    sabotaged: Run


@pytest.fixture(scope="module")
def runs() -> Iterator[Runs]:
    """A whole run, during which the outcomes of three sabotaged verifications are awaited."""
    with local_target() as target:
        sound, sabotaged = Run(target, print), Run(target, print)
        sabotage(sabotaged)
        sound.play()
        sound.finish()
        sabotaged.finish()
        yield Runs(sound, sabotaged)


def sabotage(run: Run) -> None:
    answer = "$states.result.Payload.answer"
    with changed_definition(run, "$answer = 'PENDING' ? 'EXPIRED' : 'UNKNOWN'", "'EXPIRED'"):
        run.start_scenarios(["upstream-down"], ("api",))
    with changed_definition(run, f"{{% {answer} %}}", f"{{% {answer} = 'PENDING' ? 'CLICKED' : {answer} %}}"):
        run.start_scenarios(["not-clicked"], ("api",))
    run.start_scenarios(["clicked"], ("api",))
    lost = run.send("an event that cannot be stored", "never", ago=run.target.window.seconds - 5)
    assert isinstance(run.target.stack, Stack)
    calls.refuse(run.target.stack, calls.PUT, lost.verification_id, 600)
    run.start(lost, "event")


@contextmanager
def changed_definition(run: Run, sound: str, unsound: str) -> Iterator[None]:
    """What starts within the block runs the state machine with one expression changed."""
    target = run.target
    client, arn = target.stack.client("stepfunctions"), target.stack.outputs.StateMachineArn
    definition = client.describe_state_machine(stateMachineArn=arn)["definition"]
    assert definition.count(sound) == 1
    client.update_state_machine(stateMachineArn=arn, definition=definition.replace(sound, unsound))
    yield
    name, stack = run.links[-1].verification_id, target.stack
    # The emulator reads the definition a moment after the start, AWS at once.
    await_that(lambda: stack.execution(name) and stack.states_entered(name), 20, "the execution runs")
    client.update_state_machine(stateMachineArn=arn, definition=definition)


def test_a_sound_stack_keeps_every_guarantee(runs, tmp_path):
    verdict = write_report(runs.sound, tmp_path)

    findings = runs.sound.findings
    assert verdict is not Verdict.BROKEN, [found for found in findings if found.verdict is Verdict.BROKEN]
    assert {row.verdict for row in count_by_guarantee(findings)} == {Verdict.KEPT}
    assert "| G6 |" in next(tmp_path.glob("*.md")).read_text()


def test_a_sabotaged_stack_breaks_the_guarantee_that_the_sabotage_is_about(runs):
    findings = [found for found in runs.sabotaged.findings if found.verdict is Verdict.BROKEN]

    broken = {(found.case, found.guarantee, found.what) for found in findings}
    assert {
        ("scenario upstream-down", "G3", "the outcome states what is known"),
        ("scenario not-clicked", "G3", "the outcome states what is known"),
        ("an event that cannot be stored", "G1", "what an entry point took is watched until it is published"),
    } <= broken
    assert not [case for case, _, _ in broken if case == "scenario clicked"]
