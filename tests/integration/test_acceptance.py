"""make accept on the emulator: a sound stack passes it, a broken one fails under the guarantee that is broken."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console

from local import sam
from local.checkout import BUILT_TEMPLATE, ROOT
from operations.acceptance.place import Place, on_emulator
from operations.acceptance.report import broken, report
from operations.acceptance.run import Run

BURST = 6


def test_a_sound_stack_keeps_every_guarantee_and_the_report_says_so(tmp_path):
    with on_emulator() as place:
        run = Run(place, BURST, print)
        run.happen()

        is_kept = report(run, place, tmp_path, Console(width=120))

    assert is_kept
    data = json.loads(next(tmp_path.glob("*.json")).read_text())
    assert {row["guarantee"]: row["verdict"] for row in data["guarantees"]} == dict.fromkeys(
        ["G1", "G2", "G3", "G4", "G5", "G6", "contract"], "kept"
    )
    assert len(data["figures"]) == 6
    assert "| G6 |" in next(tmp_path.glob("*.md")).read_text()


# ── It can fail ───────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def broken_stack(folder: Path, file: str, sound: str, unsound: str) -> Iterator[Place]:
    """What was built, with one change in one file."""
    sam.build()
    built = folder / "build"
    shutil.copytree(BUILT_TEMPLATE.parent, built)
    definition = ROOT / "statemachine" / "link_watch.asl.json"
    shutil.copy(definition, folder)
    template = built / "template.yaml"
    text = template.read_text().replace(os.path.relpath(definition, BUILT_TEMPLATE.parent), f"../{definition.name}")
    template.write_text(text)
    changed = folder / file
    head, found, tail = changed.read_text().rpartition(sound)
    assert found, "the change does not fit the file any more"
    changed.write_text(head + unsound + tail)
    with on_emulator(template) as place:
        yield place


def broken_in(place: Place) -> tuple[set[str], str]:
    """The guarantees that the scenarios alone find broken, and what was found."""
    run = Run(place, 0, print, only_scenarios=True)
    run.happen()
    return broken(run.findings), "\n".join(str(finding) for finding in run.findings if not finding.holds)


@pytest.mark.slow
def test_a_definition_that_takes_silence_for_an_expired_link_breaks_g3(tmp_path):
    sound, unsound = "$answer = 'PENDING' ? 'EXPIRED' : 'UNKNOWN'", "'EXPIRED'"
    with broken_stack(tmp_path, "link_watch.asl.json", sound, unsound) as place:
        guarantees, found = broken_in(place)

    assert "G3" in guarantees, found
    assert "scenario upstream-down" in found


@pytest.mark.slow
def test_a_check_that_takes_not_clicked_for_a_click_breaks_g3(tmp_path):
    sound, unsound = "if clicked else CheckResult(Answer.PENDING)", "if True else CheckResult(Answer.PENDING)"
    with broken_stack(tmp_path, "build/CheckLink/linkwatch/signzy_answer.py", sound, unsound) as place:
        guarantees, found = broken_in(place)

    assert "G3" in guarantees, found
    assert "scenario not-clicked" in found


@pytest.mark.slow
def test_an_event_handler_that_may_not_write_the_table_breaks_g1(tmp_path):
    # The last of the two roles that may put an item.
    with broken_stack(tmp_path, "build/template.yaml", "dynamodb:PutItem", "dynamodb:GetItem") as place:
        guarantees, found = broken_in(place)

    assert "G1" in guarantees, found
    assert "what an entry point took is watched to an outcome" in found
