"""JSON from outside: whatever is valid is read, in linear time."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkwatch.json_text import MAX_DEPTH, parse_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)


@given(JSON)
def test_reads_json_as_python_does(value: object):
    assert parse_json(json.dumps(value)) == value


def test_a_number_too_long_for_python_is_read_as_text():
    digits = "9" * 5_000

    assert parse_json(f'{{"kept": 1, "unknown": {digits}}}') == {"kept": 1, "unknown": digits}


@pytest.mark.parametrize("brackets", [("[", "]"), ('{"x":', "}")])
def test_a_value_nested_too_deep_is_read_as_null(brackets: tuple[str, str]):
    opening, closing = brackets
    deep = opening * 100_000 + '"]"' + closing * 100_000

    read = parse_json(f'{{"before": 1, "deep": {deep}, "after": "[{{"}}')

    assert (read["before"], read["after"]) == (1, "[{")


def test_the_deepest_value_allowed_is_read():
    text = "[" * MAX_DEPTH + "7" + "]" * MAX_DEPTH

    read = parse_json(text)

    for _ in range(MAX_DEPTH):
        (read,) = read
    assert read == 7


@pytest.mark.parametrize("text", ["", "{", "[1", "NaN", '{"a": Infinity}', "[" * 100_000, '"\\"' * 50_000, "1 2"])
def test_invalid_json_is_a_value_error(text: str):
    with pytest.raises(ValueError, match=r"."):
        parse_json(text)
