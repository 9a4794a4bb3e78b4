"""The acceptance run on the emulator: a sound stack keeps every guarantee, and each sabotage breaks its own.

Its verdicts on single verifications are tested without a stack, in tests/unit/test_acceptance.py.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from local.accept import local_target
from operations.acceptance.findings import Verdict, count_by_guarantee
from operations.acceptance.report import write_report
from operations.acceptance.run import Run
from operations.acceptance.target import Target
from operations.deployed.clock import await_that


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with local_target() as target:
        yield target


def test_a_sound_stack_keeps_every_guarantee(target, tmp_path):
    run = Run(target, print)
    run.play()
    run.finish()

    verdict = write_report(run, tmp_path)

    assert verdict is not Verdict.BROKEN, [found for found in run.findings if found.verdict is Verdict.BROKEN]
    assert {row.verdict for row in count_by_guarantee(run.findings)} == {Verdict.KEPT}
    assert "| G6 |" in next(tmp_path.glob("*.md")).read_text()


# ── It can fail ───────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def changed_definition(run: Run, sound: str, unsound: str) -> Iterator[None]:
    """What starts within the block runs the state machine with one expression changed."""
    target = run.target
    client, arn = target.stack.client("stepfunctions"), target.stack.outputs.StateMachineArn
    definition = client.describe_state_machine(stateMachineArn=arn)["definition"]
    assert definition.count(sound) == 1
    client.update_state_machine(stateMachineArn=arn, definition=definition.replace(sound, unsound))
    yield
    name, executions = run.links[-1].verification_id, target.stack.executions
    # The emulator reads the definition a moment after the start, AWS at once.
    await_that(lambda: executions.find(name) and executions.states_entered(name), 20, "the execution runs")
    client.update_state_machine(stateMachineArn=arn, definition=definition)


def deny_put_item(target: Target, logical_id: str) -> None:
    """Takes from a role the right to put an item."""
    statement = {"Effect": "Deny", "Action": "dynamodb:PutItem", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = target.stack.resources.physical_id(logical_id)
    target.stack.client("iam").put_role_policy(RoleName=role, PolicyName="Sabotage", PolicyDocument=policy)


def test_a_sabotaged_stack_breaks_the_guarantee_that_the_sabotage_is_about(target):
    run, answer = Run(target, print), "$states.result.Payload.answer"
    with changed_definition(run, "$answer = 'PENDING' ? 'EXPIRED' : 'UNKNOWN'", "'EXPIRED'"):
        run.start_scenarios(["upstream-down"], ("api",))
    with changed_definition(run, f"{{% {answer} %}}", f"{{% {answer} = 'PENDING' ? 'CLICKED' : {answer} %}}"):
        run.start_scenarios(["not-clicked"], ("api",))
    run.start_scenarios(["clicked"], ("api",))
    deny_put_item(target, "InstantLinkSentRole")
    run.start(run.send("an event that cannot be stored", "never", ago=target.window.seconds - 5), "event")

    run.finish()

    broken = {(found.case, found.guarantee, found.what) for found in run.findings if found.verdict is Verdict.BROKEN}
    assert {
        ("scenario upstream-down", "G3", "the outcome states what is known"),
        ("scenario not-clicked", "G3", "the outcome states what is known"),
        ("an event that cannot be stored", "G1", "what an entry point took is watched until it is published"),
    } <= broken
    assert not [case for case, _, _ in broken if case == "scenario clicked"]
