"""The state machine as Mermaid draws it on GitHub, from the shipped definition: docs/architecture.md shows it."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DEFINITION = ROOT / "statemachine" / "link_watch.asl.json"
DOCUMENT = ROOT / "docs" / "architecture.md"
#: The document has other pictures, too.
_BEGIN, _END = "<!-- make pictures writes from here -->\n", "<!-- to here -->\n"

#: How a state of each type stands in the picture.
_SHAPES = {"Choice": ("{{", "}}"), "Succeed": ("([", "])"), "Fail": ("([", "])")}


def mermaid(definition: dict[str, Any]) -> str:
    """A flowchart: every state, every way on; dotted where it is an error's."""
    states: dict[str, Any] = definition["States"]
    ids = {name: "".join(letter for letter in name if letter.isalnum()) for name in states}
    lines = ["flowchart LR", f"  start(( )) --> {ids[definition['StartAt']]}"]
    for name, state in states.items():
        opening, closing = _SHAPES.get(state["Type"], ("[", "]"))
        lines.append(f'  {ids[name]}{opening}"{name}"{closing}')
    for name, state in states.items():
        lines += [f"  {ids[name]} --> {ids[after]}" for after in _ways_on(state)]
        lines += [f"  {ids[name]} -.-> {ids[after]}" for after in _ways_out(state)]
    lines += [f"  {ids[name]} --> done(( ))" for name, state in states.items() if state.get("End")]
    return "\n".join(lines) + "\n"


def _ways_on(state: dict[str, Any]) -> list[str]:
    """Where a state leads to when all is well, each place once."""
    ways = [choice["Next"] for choice in state.get("Choices", [])] + [state.get("Default"), state.get("Next")]
    return list(dict.fromkeys(way for way in ways if way))


def _ways_out(state: dict[str, Any]) -> list[str]:
    """Where its errors lead to, if not to where it leads anyway."""
    ways = [caught["Next"] for caught in state.get("Catch", [])]
    return [way for way in dict.fromkeys(ways) if way not in _ways_on(state)]


def with_flow(document: str) -> str:
    """The document with the flow of the definition as it is now, between the two marks that it has."""
    before, rest = document.split(_BEGIN, 1)
    after = rest.split(_END, 1)[1]
    flow = mermaid(json.loads(DEFINITION.read_text("utf-8")))
    return f"{before}{_BEGIN}```mermaid\n{flow}```\n{_END}{after}"


def write() -> None:
    """Draws the flow into the document."""
    DOCUMENT.write_text(with_flow(DOCUMENT.read_text("utf-8")), "utf-8")
