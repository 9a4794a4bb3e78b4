"""The state machine's graph, which neither sam validate nor cfn-lint checks into (they pass a dangling Next)."""

import json
import re
from collections.abc import Iterator

import pytest
from jsonata import Jsonata

from tests.definition.engine.definition import (
    DEFINITION,
    STATE_MACHINE,
    STATES,
    TASKS,
    TEXT,
    expressions,
    ways_out,
    without_strings,
)

EXPRESSIONS = dict(expressions(DEFINITION))

#: The flow as docs/flow.md draws it, and the end of an execution that has nothing to do.
FLOW = {
    "Read Verification": {"Is It Settled?"},
    "Is It Settled?": {"Nothing To Do", "Publish Outcome", "Record Outcome", "Wait For Next Check"},
    "Wait For Next Check": {"Check Link"},
    "Check Link": {"Is It Settled?"},
    "Record Outcome": {"Publish Outcome", "Read Verification"},
    "Publish Outcome": {"Mark Published"},
    "Mark Published": {"Nothing To Do"},
    "Nothing To Do": set(),
}
#: What a reader can take in.
LONGEST_EXPRESSION = 200

_VARIABLE = re.compile(r"\$([A-Za-z_]\w*)\b(?!\s*\()")
_LOCAL = re.compile(r"\$(\w+)\s*:=|function\s*\(([^)]*)\)")


def variables_read(expression: str) -> set[str]:
    """The machine's variables in an expression: no $states, no function called, nothing bound within."""
    bare = without_strings(expression)
    local = {name.strip(" $") for found in _LOCAL.findall(bare) for part in found for name in part.split(",")}
    return set(_VARIABLE.findall(bare)) - local - {"states"}


def assignments() -> Iterator[tuple[str, dict[str, object]]]:
    for name, state in STATES.items():
        for place in (state, *state.get("Choices", ()), *state.get("Catch", ())):
            if "Assign" in place:
                yield name, place["Assign"]


def test_the_file_is_json_before_anything_is_substituted():
    assert json.loads(TEXT)["QueryLanguage"] == "JSONata"


def test_what_the_file_wants_substituted_is_what_the_template_gives():
    assert set(re.findall(r"\$\{(\w+)\}", TEXT)) == set(STATE_MACHINE["DefinitionSubstitutions"])


def test_no_state_goes_back_to_jsonpath():
    assert {state.get("QueryLanguage", "JSONata") for state in STATES.values()} == {"JSONata"}


def test_the_flow_is_the_one_in_the_documents():
    flow = {name: {target for target, _ in ways_out(state)} for name, state in STATES.items()}

    assert flow == FLOW


def test_every_transition_leads_to_a_state():
    assert DEFINITION["StartAt"] in STATES
    assert {target for state in STATES.values() for target, _ in ways_out(state)} <= set(STATES)


def test_every_state_can_be_reached():
    reached, ahead = set(), {DEFINITION["StartAt"]}
    while ahead:
        reached |= ahead
        ahead = {target for name in ahead for target, _ in ways_out(STATES[name])} - reached

    assert reached == set(STATES)


def test_every_state_ends_or_goes_on():
    for name, state in STATES.items():
        ends = state["Type"] in {"Succeed", "Fail"} or state.get("End", False)
        goes_on = "Next" in state or "Default" in state
        assert ends != goes_on, name


@pytest.mark.parametrize("place", EXPRESSIONS)
def test_an_expression_is_one_that_step_functions_takes(place):
    expression = without_strings(EXPRESSIONS[place])

    assert Jsonata(EXPRESSIONS[place]).errors is None
    # https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html: no $eval, no $ or $$ at the top
    assert not re.search(r"\$eval\b|\$\$|\?\?|\?:", expression)


def test_no_expression_is_longer_than_a_reader_can_take_in():
    assert {place: len(text) for place, text in EXPRESSIONS.items() if len(text) > LONGEST_EXPRESSION} == {}


def test_no_braces_of_an_expression_are_left_open():
    assert TEXT.count("{%") == TEXT.count("%}") == len(EXPRESSIONS)


def test_every_variable_is_assigned_on_every_way_to_its_reader():
    known: dict[str, set[str]] = {DEFINITION["StartAt"]: set()}
    ahead = [DEFINITION["StartAt"]]
    while ahead:
        name = ahead.pop()
        for target, assigned in ways_out(STATES[name]):
            arriving = known[name] | set(assigned)
            if target not in known or known[target] - arriving:
                known[target] = known.get(target, arriving) & arriving
                ahead.append(target)

    for name, state in STATES.items():
        for place, expression in expressions(state, name):
            assert variables_read(expression) <= known[name], place


@pytest.mark.parametrize(("name", "assign"), list(assignments()))
def test_no_assignment_reads_what_another_beside_it_assigns(name, assign):
    # Side by side on AWS, one after the other on the emulator: only what is right both ways is right.
    for variable, value in assign.items():
        for _, expression in expressions(value):
            assert not (variables_read(expression) & set(assign)) - {variable}, f"{name}: {variable}"


@pytest.mark.parametrize("name", STATES)
def test_an_execution_puts_out_nothing_that_a_rule_on_the_default_bus_could_read(name):
    # https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html: events tell input and output
    state = STATES[name]

    for place in (state, *state.get("Catch", ())):
        assert place.get("Output", {}) == {}
    if state["Type"] in {"Task", "Succeed"}:
        assert "Output" in state


def test_no_failure_of_a_check_leaves_the_loop():
    check = TASKS["Check Link"]

    assert {catcher["Next"] for catcher in check["Catch"]} == {check["Next"]}
