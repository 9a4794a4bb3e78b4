"""The acceptance run on the emulator: a sound stack keeps every guarantee, and each sabotage breaks its own.

Its verdicts on single verifications are tested without a stack, in tests/unit/test_acceptance.py.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from local.accept import local_target
from local.stack import Stack
from operations.acceptance.accept import write_report
from operations.acceptance.guarantees import GUARANTEES, Verdict
from operations.acceptance.links import Case
from operations.acceptance.run import Run
from operations.deployed.clock import await_that
from tests.integration import calls


@contextmanager
def changed_definition(run: Run, sound: str, unsound: str) -> Iterator[None]:
    """What starts within the block runs the state machine with one expression changed."""
    stack = run.target.stack
    client, arn = stack.client("stepfunctions"), stack.outputs.StateMachineArn
    definition = client.describe_state_machine(stateMachineArn=arn)["definition"]
    assert definition.count(sound) == 1
    client.update_state_machine(stateMachineArn=arn, definition=definition.replace(sound, unsound))
    yield
    name = run.links[-1].verification_id
    # The emulator reads the definition a moment after the start, AWS at once.
    await_that(lambda: stack.execution(name) and stack.states_entered(name), 20, "the execution runs")
    client.update_state_machine(stateMachineArn=arn, definition=definition)


def sabotage(run: Run) -> None:
    answer = "$states.result.Payload.answer"
    with changed_definition(run, "$answer = 'PENDING' ? 'EXPIRED' : 'UNKNOWN'", "'EXPIRED'"):
        run.start(Case("always expired", "upstream-down"))
    with changed_definition(run, f"{{% {answer} %}}", f"{{% {answer} = 'PENDING' ? 'CLICKED' : {answer} %}}"):
        run.start(Case("always clicked", "not-clicked"))
    run.start(Case("not sabotaged", "clicked"))
    lost = Case("an event that cannot be stored", "never", ("event",), ago=run.target.window.seconds - 5)
    assert isinstance(run.target.stack, Stack)
    calls.refuse(run.target.stack, calls.PUT, lost.name, 600)
    run.start(lost)


def broken(run: Run) -> set[tuple[str, str, str]]:
    return {(it.case, it.guarantee, it.what) for it in run.findings if it.verdict is Verdict.BROKEN}


def test_a_sound_stack_keeps_every_guarantee_and_a_sabotage_breaks_the_one_that_it_is_about(tmp_path):
    with local_target() as target:
        sound, sabotaged = Run(target, print), Run(target, print)
        sabotage(sabotaged)
        sound.play()
        sound.finish()
        sabotaged.finish()
        verdict = write_report(target, sound.findings, tmp_path)

    assert broken(sound) == set()
    assert verdict is not Verdict.BROKEN
    assert {it.guarantee for it in sound.findings if it.verdict is Verdict.KEPT} == set(GUARANTEES)
    assert "| G6 |" in next(tmp_path.glob("*.md")).read_text()
    assert {
        ("always expired", "G3", "the outcome states what is known"),
        ("always clicked", "G3", "the outcome states what is known"),
        ("an event that cannot be stored", "G1", "what an entry point took is watched until it is published"),
    } <= broken(sabotaged)
    assert "not sabotaged" not in {case for case, _, _ in broken(sabotaged)}
