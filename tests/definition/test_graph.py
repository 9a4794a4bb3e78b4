"""What sam validate and cfn-lint do not look at inside the definition. The interpreter itself refuses dangling targets, states
that cannot be reached and expressions that do not parse.
"""

import json
import re
from collections.abc import Iterator

import pytest

from tests.definition.engine.definition import (
    DEFINITION,
    STATE_MACHINE,
    STATES,
    TASKS,
    TEXT,
    UPDATES,
    expressions,
    ways_out,
    without_strings,
)

EXPRESSIONS = dict(expressions(DEFINITION))
CHOICE = STATES["Is It Settled?"]

#: The flow as docs/architecture.md draws it, and the end of an execution that has nothing to do.
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
LONGEST_EXPRESSION = 160

_VARIABLE = re.compile(r"\$([A-Za-z_]\w*)\b(?!\s*\()")


def variables_read(expression: str) -> set[str]:
    """The machine's variables in an expression, without $states and functions."""
    return set(_VARIABLE.findall(without_strings(expression))) - {"states"}


def assignments() -> Iterator[tuple[str, dict[str, object]]]:
    for name, state in STATES.items():
        for place in (state, *state.get("Choices", ()), *state.get("Catch", ())):
            if "Assign" in place:
                yield name, place["Assign"]


def test_the_file_is_json_before_substitution():
    assert json.loads(TEXT)["QueryLanguage"] == "JSONata"


def test_the_template_substitutes_what_the_file_needs():
    assert set(re.findall(r"\$\{(\w+)\}", TEXT)) == set(STATE_MACHINE["DefinitionSubstitutions"])


def test_the_flow_is_the_documented_one():
    assert {name: {target for target, _ in ways_out(state)} for name, state in STATES.items()} == FLOW


@pytest.mark.parametrize("place", EXPRESSIONS)
def test_step_functions_accepts_every_expression(place):
    # https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html: no $eval, no $ or $$ at the top
    assert not re.search(r"\$eval\b|\$\$|\?\?|\?:", without_strings(EXPRESSIONS[place]))


def test_no_expression_is_too_long_for_a_reader():
    assert {place: len(text) for place, text in EXPRESSIONS.items() if len(text) > LONGEST_EXPRESSION} == {}


def test_every_expression_is_closed():
    assert TEXT.count("{%") == TEXT.count("%}") == len(EXPRESSIONS)


def test_every_variable_is_assigned_before_it_is_read():
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
def test_no_assignment_reads_a_variable_that_another_one_beside_it_writes(name, assign):
    # AWS evaluates them side by side, the emulator one after the other: the result must not depend on it.
    for variable, value in assign.items():
        for _, expression in expressions(value):
            assert not (variables_read(expression) & set(assign)) - {variable}, f"{name}: {variable}"


def test_a_choice_assigns_in_its_rules_only_and_its_last_rule_always_matches():
    # https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html: a Choice state's own Assign applies
    # whichever rule matches.
    assert not {"Assign", "Output", "Default"} & set(CHOICE)
    assert CHOICE["Choices"][-1]["Condition"] == "{% true %}"


def test_the_definition_reads_and_writes_the_types_s_and_n_only():
    types = {next(iter(value)) for update in UPDATES.values() for value in update["ExpressionAttributeValues"].values()}

    assert types <= {"S", "N"}
    assert not re.search(r"\b(BOOL|NULL|Bool|Nul|SS|[ML])\b", "".join(EXPRESSIONS.values()))


@pytest.mark.parametrize("name", STATES)
def test_an_execution_has_no_output_that_a_rule_on_the_default_bus_could_read(name):
    # https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html: events contain input and output
    state = STATES[name]

    for place in (state, *state.get("Catch", ())):
        assert place.get("Output", {}) == {}
    if state["Type"] in {"Task", "Succeed"}:
        assert "Output" in state


def test_a_failed_check_stays_in_the_loop():
    check = TASKS["Check Link"]

    assert {catcher["Next"] for catcher in check["Catch"]} == {check["Next"]}


def test_the_item_is_read_consistently():
    assert TASKS["Read Verification"]["Arguments"]["ConsistentRead"] is True


@pytest.mark.parametrize("name", UPDATES)
def test_every_update_is_conditional(name):
    assert UPDATES[name]["ConditionExpression"]
