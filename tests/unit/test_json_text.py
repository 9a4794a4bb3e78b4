"""JSON from outside: whatever is valid is read, in linear time."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkwatch.json_text import MAX_DEPTH, parse_json

TEXT = st.lists(st.sampled_from('a"\\[]{}é\n\ud800')).map("".join)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)


@given(JSON)
def test_json_is_read_as_python_does(value):
    assert parse_json(json.dumps(value)) == value


def test_a_number_too_long_for_python_is_read_as_text():
    digits = "9" * 5_000

    assert parse_json(f'{{"kept": 1, "unknown": {digits}}}') == {"kept": 1, "unknown": digits}


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"x":', "}")])
def test_a_value_nested_too_deep_is_read_as_null(opening, closing):
    deep = opening * 100_000 + r'"\"]"' + closing * 100_000

    read = parse_json(f'{{"before": 1, "deep": {deep}, "after": "[{{"}}')

    assert (read["before"], read["after"]) == (1, "[{")


@pytest.mark.parametrize(("depth", "deepest"), [(MAX_DEPTH, 7), (MAX_DEPTH + 1, None)])
def test_the_deepest_value_allowed_is_read(depth, deepest):
    read = parse_json("[" * depth + "7" + "]" * depth)

    for _ in range(MAX_DEPTH):
        (read,) = read
    assert read == deepest


@pytest.mark.parametrize("text", ["", "{", "[1", "NaN", '{"a": Infinity}', "[" * 100_000, '"\\"' * 50_000, "1 2"])
def test_invalid_json_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"."):
        parse_json(text)
