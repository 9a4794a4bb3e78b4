"""The in-process engine's table refuses what DynamoDB refuses; it is moto's, with what moto lacks."""

import pytest

from tests.definition.engine.dynamodb import ConditionFailed, InMemoryTable, Refused

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


@pytest.mark.parametrize(
    "refused",
    [
        pytest.param(request("SET source = :s", values={":s": SOURCE}), id="a reserved word"),
        pytest.param(
            request("SET a = :s", values={":s": SOURCE}, ConditionExpression="attribute_exists(source)"),
            id="a reserved word in a condition",
        ),
        pytest.param(request("SET a = :s", values={":s": SOURCE, ":t": SOURCE}), id="a value that is not used"),
        pytest.param(request("SET #a = :s", {"#a": "a", "#b": "b"}, {":s": SOURCE}), id="a name that is not used"),
        pytest.param(request("SET a = :s"), id="a value that is not declared"),
        pytest.param(request("SET a = :s, a = :s", values={":s": SOURCE}), id="one attribute twice"),
        pytest.param(request("SET a = b"), id="from an attribute that does not exist"),
        pytest.param(request("SET a = :s SET b = :s", values={":s": SOURCE}), id="a clause twice"),
        pytest.param(request("SET a = :s", values={":s": {"N": "x"}}), id="an invalid number"),
        pytest.param(request("SET a = :s", values={":s": {"S": None}}), id="an invalid text"),
        pytest.param(request("SET #i = :s", {"#i": "index"}, {":s": {"S": ""}}), id="an empty key of an index"),
        pytest.param(request("SET id = :s", values={":s": SOURCE}), id="the key itself"),
        pytest.param(request("SET a = :s", values={":s": SOURCE}, Returns="ALL_NEW"), id="an unknown argument"),
    ],
)
def test_the_table_refuses_what_dynamodb_refuses(table, refused):
    with pytest.raises(Refused):
        table.update_item(refused)

    assert table.items == {}


def test_a_failed_condition_returns_the_item_on_request(table):
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
def test_an_update_returns_what_it_is_asked_for(table, wanted, attributes):
    table.put_item({"Item": {"id": {"S": "1"}}})

    assert table.update_item(request("SET a = :s", values={":s": SOURCE}, ReturnValues=wanted)) == attributes
