"""The commands of the local stack, as a person calls them."""

import os
import subprocess
import sys

import pytest

from local.checkout import ROOT


def local(verb: str, environment: dict[str, str] | None = None, **chosen: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local", verb],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            **(environment or {}),
            **{f"LINKWATCH_{name}": chosen[name] for name in chosen},
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_run_shows_a_verification_from_start_to_outcome():
    done = local("run", SCENARIO="invalid-ids", VIA="event")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "check  2: REJECTED UNKNOWN_IDS" in done.stdout
    assert "settled: REJECTED UNKNOWN_IDS after" in done.stdout
    assert done.stdout.rstrip().endswith("Item and event agree.")


@pytest.mark.parametrize(
    ("verb", "chosen", "problem"),
    [
        ("run", {"SCENARIO": "clickd"}, "clicked-late"),
        ("send", {"CLICK": "25"}, "send does not use CLICK"),
    ],
)
def test_a_bad_choice_is_an_error_of_one_line(verb, chosen, problem):
    done = local(verb, **chosen)

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert problem in done.stderr


def test_an_incomplete_real_link_is_an_error_that_names_what_is_missing():
    done = local("run", {"SIGNZY_TOKEN": "hunter2"}, REQUEST_ID="6462150e29c23b4d42352a63")

    assert done.returncode == 2
    assert "missing: SIGNZY_BASE_URL, SESSION_ID" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr


def test_a_command_about_the_background_stack_says_when_there_is_none():
    done = local("send")

    assert (done.returncode, done.stderr) == (1, "Failed: no stack is up: make up starts one\n")
