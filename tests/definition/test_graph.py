"""What no run of the definition shows, and sam validate and cfn-lint do not look at."""

import re
from collections.abc import Iterator

from tests.definition.engine.definition import DEFINITION, STATES, TEXT

#: What a reader can take in, in characters.
LONGEST_EXPRESSION = 160
#: The machine's variables in an expression, without functions.
VARIABLE = re.compile(r"\$([A-Za-z_]\w*)\b(?!\s*\()")
STRING = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")


def expressions(value: object) -> Iterator[str]:
    """Every JSONata expression in a part of the definition, its strings emptied."""
    if isinstance(value, str) and value.startswith("{%"):
        yield STRING.sub("''", value)
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from expressions(inner)


def test_step_functions_accepts_every_expression_and_a_reader_can_take_it_in():
    found = list(expressions(DEFINITION))

    assert TEXT.count("{%") == TEXT.count("%}") == len(found)
    # https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html: no $eval, no $ or $$ at the top
    assert [it for it in found if re.search(r"\$eval\b|\$\$|\?\?|\?:", it)] == []
    assert [it for it in re.findall(r"\{%(.*?)%\}", TEXT) if len(it) > LONGEST_EXPRESSION] == []


def test_no_assignment_reads_a_variable_that_another_one_beside_it_writes():
    # AWS evaluates them side by side, the emulator one after the other: the result must not depend on it.
    for name, state in STATES.items():
        for place in (state, *state.get("Choices", ()), *state.get("Catch", ())):
            assign = place.get("Assign", {})
            for variable, value in assign.items():
                read = {it for expression in expressions(value) for it in VARIABLE.findall(expression)}
                assert not (read & set(assign)) - {variable}, f"{name}: {variable}"


def test_a_choice_assigns_in_its_rules_only_and_its_last_rule_always_matches():
    # https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html: a Choice state's own Assign applies
    # whichever rule matches.
    choice = STATES["Is It Settled?"]

    assert not {"Assign", "Output", "Default"} & set(choice)
    assert choice["Choices"][-1]["Condition"] == "{% true %}"


def test_an_execution_has_no_output_that_a_rule_on_the_default_bus_could_read():
    # https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html: events contain input and output
    for name, state in STATES.items():
        assert "Output" in state or state["Type"] not in {"Task", "Succeed"}, name
        assert all(place.get("Output", {}) == {} for place in (state, *state.get("Catch", ()))), name
