"""The commands of the local stack, as a person calls them."""

import os
import subprocess
import sys

from local.checkout import ROOT


def local(verb: str, **chosen: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local", verb],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **chosen},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_run_shows_a_verification_from_start_to_outcome():
    done = local("run", SCENARIO="invalid-ids", SPEED="20", VIA="event")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "check  1: REJECTED UNKNOWN_IDS" in done.stdout
    assert "Outcome: REJECTED, UNKNOWN_IDS after 1 checks" in done.stdout
    assert done.stdout.rstrip().endswith("Item and event agree.")


def test_a_choice_that_does_not_exist_is_told_in_one_line():
    done = local("run", SCENARIO="clickd")

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "clicked-late" in done.stderr


def test_a_real_link_without_all_it_takes_is_told_what_is_missing():
    done = local("run", SIGNZY_TOKEN="hunter2", REQUEST_ID="6462150e29c23b4d42352a63")

    assert done.returncode == 2
    assert "missing: SIGNZY_BASE_URL, SESSION_ID" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr


def test_what_needs_a_kept_stack_says_so():
    done = local("send")

    assert (done.returncode, done.stderr) == (1, "Failed: no stack is up: make up starts one\n")
