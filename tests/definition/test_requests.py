"""What the definition asks of DynamoDB is what AWS takes, and the table that the second engine uses is as strict."""

import pytest
from tests.definition.engine.dynamodb_expressions import Refused, condition, update

from tests.definition.engine.definition import RESOURCES, TASKS, UPDATES
from tests.definition.engine.dynamodb import ConditionFailed, InMemoryTable

SOURCE = {"S": "API"}


@pytest.fixture
def table():
    return InMemoryTable("id", ["index"])


def request(update_expression, names=None, values=None, **more):
    return {
        "Key": {"id": {"S": "1"}},
        "UpdateExpression": update_expression,
        **({"ExpressionAttributeNames": names} if names else {}),
        **({"ExpressionAttributeValues": values} if values else {}),
        **more,
    }


@pytest.mark.parametrize("name", UPDATES)
def test_every_name_and_value_is_declared_and_used_and_no_reserved_word_stands_bare(name):
    arguments = UPDATES[name]

    used = update(arguments["UpdateExpression"]).used | condition(arguments["ConditionExpression"])[1]

    assert used == {*arguments.get("ExpressionAttributeNames", {}), *arguments["ExpressionAttributeValues"]}


def test_the_item_is_read_consistently():
    assert TASKS["Read Verification"]["Arguments"]["ConsistentRead"] is True


@pytest.mark.parametrize("name", UPDATES)
def test_every_update_is_conditional(name):
    assert UPDATES[name]["ConditionExpression"]


@pytest.mark.parametrize("name", UPDATES)
def test_the_key_is_the_tables(name):
    keys = RESOURCES["Verifications"]["Properties"]["KeySchema"]

    assert list(UPDATES[name]["Key"]) == [key["AttributeName"] for key in keys]


@pytest.mark.parametrize(
    "refused",
    [
        pytest.param(request("SET source = :s", values={":s": SOURCE}), id="a reserved word"),
        pytest.param(request("SET a = :s", values={":s": SOURCE, ":t": SOURCE}), id="a value not used"),
        pytest.param(request("SET #a = :s", {"#a": "a", "#b": "b"}, {":s": SOURCE}), id="a name not used"),
        pytest.param(request("SET a = :s"), id="a value not declared"),
        pytest.param(request("SET a = :s, a = :s", values={":s": SOURCE}), id="one attribute twice"),
        pytest.param(request("SET a = b"), id="from an attribute that is not there"),
        pytest.param(request("SET a = :s SET b = :s", values={":s": SOURCE}), id="a clause twice"),
        pytest.param(request("SET a = :s", values={":s": {"N": "x"}}), id="a number that is none"),
        pytest.param(request("SET a = :s", values={":s": {"S": None}}), id="a text that is none"),
        pytest.param(request("SET index = :s", {}, {":s": {"S": ""}}), id="an empty key of an index"),
        pytest.param(request("SET id = :s", values={":s": SOURCE}), id="the key itself"),
        pytest.param(request("SET a = :s", values={":s": SOURCE}, Returns="ALL_NEW"), id="an unknown argument"),
    ],
)
def test_the_table_refuses_what_dynamodb_refuses(table, refused):
    with pytest.raises(Refused):
        table.update_item(refused)

    assert table.items == {}


def test_right_sides_are_asked_of_the_item_as_it_was(table):
    values = {":new": {"S": "new"}}
    table.update_item(request("SET a = :new", values={":new": {"S": "old"}}))

    table.update_item(request("SET a = :new, b = if_not_exists(a, :new) REMOVE c", values=values))

    assert table.items["1"] == {"id": {"S": "1"}, "a": {"S": "new"}, "b": {"S": "old"}}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("attribute_not_exists(b) AND (attribute_not_exists(a) OR a IN (:x, :y))", True),
        ("attribute_not_exists(a) OR a = :x AND a = :y", False),
        ("NOT a = :x", False),
        ("b = :x", False),
        ("b <> :x", True),
    ],
)
def test_conditions_are_read_as_dynamodb_reads_them(table, text, holds):
    values = {value: {"S": value} for value in (":x", ":y") if value in text}
    table.update_item(request("SET a = :x", values={":x": {"S": ":x"}}))

    conditional = request("REMOVE c", values=values, ConditionExpression=text)

    if holds:
        table.update_item(conditional)
    else:
        with pytest.raises(ConditionFailed):
            table.update_item(conditional)


def test_a_condition_that_fails_gives_the_item_where_it_is_asked_for(table):
    table.put_item({"Item": {"id": {"S": "1"}, "a": SOURCE}})
    again = {"Item": {"id": {"S": "1"}}, "ConditionExpression": "attribute_not_exists(id)"}

    with pytest.raises(ConditionFailed) as plain:
        table.put_item(again)
    with pytest.raises(ConditionFailed) as asked:
        table.put_item(again | {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"})

    assert (plain.value.item, asked.value.item) == (None, {"id": {"S": "1"}, "a": SOURCE})


@pytest.mark.parametrize(
    ("wanted", "attributes"),
    [
        ("ALL_OLD", {"Attributes": {"id": {"S": "1"}}}),
        ("ALL_NEW", {"Attributes": {"id": {"S": "1"}, "a": SOURCE}}),
        ("NONE", {}),
    ],
)
def test_an_update_gives_what_it_is_asked_for(table, wanted, attributes):
    table.put_item({"Item": {"id": {"S": "1"}}})

    assert table.update_item(request("SET a = :s", values={":s": SOURCE}, ReturnValues=wanted)) == attributes
