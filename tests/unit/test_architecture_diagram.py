"""docs/architecture.md draws the state machine; the drawing has the states and transitions of the definition."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
STATES = json.loads((ROOT / "statemachine" / "link_watch.asl.json").read_text("utf-8"))["States"]
DRAWING = (ROOT / "docs" / "architecture.md").read_text("utf-8").partition("start(( ))")[2].partition("```")[0]


def test_the_drawing_has_every_state():
    assert set(re.findall(r'"([^"]+)"', DRAWING)) == set(STATES)


def test_the_drawing_has_every_transition():
    short = {name: re.sub(r"\W", "", name) for name in STATES}
    expected = {
        (short[name], short[way["Next"]])
        for name, state in STATES.items()
        for way in (state, *state.get("Choices", []), *state.get("Catch", []), {"Next": state.get("Default")})
        if way.get("Next")
    }

    drawn = {(a, b) for a, b in re.findall(r"^  (\w+) -\.?-> (\w+)$", DRAWING, re.MULTILINE)}

    assert drawn == expected
