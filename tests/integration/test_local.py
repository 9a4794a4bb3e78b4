"""The commands of the local stack, as a person calls them."""

import os
import subprocess
import sys

import pytest

from local.checkout import ROOT


def local(verb: str, **environment: str) -> subprocess.CompletedProcess[str]:
    program, env = [sys.executable, "-m", "local", verb], {"PATH": os.environ["PATH"], **environment}
    return subprocess.run(program, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False)


def test_run_shows_a_verification_from_start_to_outcome():
    done = local("run", LINKWATCH_SCENARIO="invalid-ids", LINKWATCH_VIA="event")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "check  2: REJECTED UNKNOWN_IDS" in done.stdout
    assert "settled: REJECTED UNKNOWN_IDS after" in done.stdout
    assert done.stdout.rstrip().endswith("Item and event agree.")


REAL_LINK = {"SIGNZY_TOKEN": "hunter2", "LINKWATCH_REQUEST_ID": "6462150e29c23b4d42352a63"}


@pytest.mark.parametrize(
    ("verb", "environment", "status", "problem"),
    [
        ("run", {"LINKWATCH_SCENARIO": "clickd"}, 2, "clicked-late"),
        ("run", REAL_LINK, 2, "missing: SIGNZY_BASE_URL, SESSION_ID"),
        ("send", {"LINKWATCH_CLICK": "25"}, 2, "send does not use CLICK"),
        ("send", {}, 1, "Failed: no stack is up: make up starts one"),
    ],
    ids=["an unknown scenario", "an incomplete real link", "an unused choice", "no stack"],
)
def test_what_cannot_be_done_is_an_error_of_one_line_without_the_token(verb, environment, status, problem):
    done = local(verb, **environment)

    assert (done.returncode, done.stderr.count("\n")) == (status, 1)
    assert problem in done.stderr
    assert "hunter2" not in done.stdout + done.stderr
