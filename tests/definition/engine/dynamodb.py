"""A DynamoDB table in memory: moto's, behind a check for the invalid requests that moto accepts and AWS refuses.

Requests and answers have the shapes of the API, which boto3 and Step Functions share.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.dynamodb.exceptions import ConditionalCheckFailed
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

#: An attribute as DynamoDB writes it: {"S": "…"}.
Attribute = dict[str, Any]
Item = dict[str, Attribute]

_TABLE = "Verifications"
_TYPES = {"S": str, "N": str, "BOOL": bool, "NULL": bool, "M": dict}
_CONDITIONAL = {"TableName", "ConditionExpression", "ReturnValues", "ReturnValuesOnConditionCheckFailure"}
_EXPRESSIONS = {"UpdateExpression", "ExpressionAttributeNames", "ExpressionAttributeValues"}
_ARGUMENTS = {
    "GetItem": {"TableName", "Key", "ConsistentRead"},
    "PutItem": {*_CONDITIONAL, "Item"},
    "UpdateItem": {*_CONDITIONAL, *_EXPRESSIONS, "Key"},
}
_PLACEHOLDER = re.compile(r"[#:][A-Za-z_]\w*")
_NAME = re.compile(r"(?<![#:\w])[A-Za-z_]\w*")
_WORDS = {"SET", "REMOVE", "AND", "OR", "NOT", "IN", "IF_NOT_EXISTS", "ATTRIBUTE_EXISTS", "ATTRIBUTE_NOT_EXISTS"}
_RESERVED = {word.upper() for word in ReservedKeywords.get_reserved_keywords()} - _WORDS


class Refused(Exception):
    """DynamoDB would answer ValidationException."""


class ConditionFailed(Exception):
    """ConditionalCheckFailedException. item: the stored item, where the request asks for it and there is one."""

    def __init__(self, item: Item | None) -> None:
        super().__init__("the conditional request failed")
        self.item = item


def check_attribute(attribute: Attribute, place: str) -> None:
    """Raises Refused for an invalid attribute value."""
    kinds = list(attribute) if isinstance(attribute, dict) else []
    if len(kinds) != 1 or not isinstance(attribute[kinds[0]], _TYPES.get(kinds[0], ())):
        raise Refused(f"{place} is not an attribute: {attribute}")
    kind, value = kinds[0], attribute[kinds[0]]
    if (kind == "N" and not re.fullmatch(r"-?\d+(\.\d+)?", value)) or (kind == "NULL" and value is not True):
        raise Refused(f"{place} is not of type {kind}: {value}")
    if isinstance(value, dict):
        for name, inner in value.items():
            check_attribute(inner, f"{place}.{name}")


def check_expressions(request: dict[str, Any]) -> None:
    """Raises Refused where a #name or :value is declared and not used, or the reverse, and for a bare reserved word."""
    names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
    text = f"{request.get('UpdateExpression', '')} {request.get('ConditionExpression', '')}"
    if (used := set(_PLACEHOLDER.findall(text))) != (declared := {*names, *values}):
        raise Refused(f"declared and not used: {declared - used}; used and not declared: {used - declared}")
    if reserved := {name for name in _NAME.findall(text) if name.upper() in _RESERVED}:
        raise Refused(f"reserved words: {reserved}")
    for name, attribute in values.items():
        check_attribute(attribute, name)


class InMemoryTable:
    """One table. index_keys: the key attributes of its indexes, which have to be texts and not empty. Every method raises
    Refused for a request that DynamoDB would refuse.
    """

    def __init__(self, key: str, index_keys: Iterable[str] = ()) -> None:
        self._key, self._keys = key, {key, *index_keys}
        self._backend = DynamoDBBackend("us-east-1", "123456789012")
        self._backend.create_table(
            _TABLE,
            schema=[{"AttributeName": key, "KeyType": "HASH"}],
            attr=[{"AttributeName": name, "AttributeType": "S"} for name in self._keys],
            billing_mode="PAY_PER_REQUEST",
            throughput=None,
            global_indexes=[],
            indexes=[],
            streams=None,
            sse_specification=None,
            tags=[],
            deletion_protection_enabled=False,
            warm_throughput=None,
        )

    @property
    def items(self) -> dict[str, Item]:
        """A copy of the items, by key."""
        stored = self._backend.tables[_TABLE].items.values()
        return {it.to_json()["Attributes"][self._key]["S"]: it.to_json()["Attributes"] for it in stored}  # pyright: ignore[reportAttributeAccessIssue]

    def store(self, item: Item) -> None:
        """Puts an item, in DynamoDB's types, without a request and its checks."""
        self._backend.put_item(_TABLE, item)

    def delete(self, key: str) -> None:
        self._backend.delete_item(_TABLE, {self._key: {"S": key}})

    def get_item(self, request: dict[str, Any]) -> dict[str, Any]:
        self._check("GetItem", request, request["Key"])
        found = self._backend.get_item(_TABLE, request["Key"])
        return {"Item": found.to_json()["Attributes"]} if found else {}

    def put_item(self, request: dict[str, Any]) -> dict[str, Any]:
        """Raises ConditionFailed."""
        item = request["Item"]
        self._check("PutItem", request, item)
        for name, attribute in item.items():
            check_attribute(attribute, name)
        self._write(self._backend.put_item, request, item_attrs=item)
        return {}

    def update_item(self, request: dict[str, Any]) -> dict[str, Any]:
        """Raises ConditionFailed."""
        key = request["Key"]
        self._check("UpdateItem", request, key)
        if set(key) != {self._key}:
            raise Refused(f"the key is {self._key}, not {set(key)}")
        values = request.get("ExpressionAttributeValues", {})
        set_to = re.findall(r"(#?\w+) *= *(:\w+)", request["UpdateExpression"])
        names = request.get("ExpressionAttributeNames", {})
        self._check_keys({names.get(name, name): values[value] for name, value in set_to})
        before = self.items.get(key[self._key]["S"])
        updated = self._write(
            self._backend.update_item, request, key=key, update_expression=request["UpdateExpression"]
        ).to_json()["Attributes"]
        answers = {
            "ALL_NEW": {"Attributes": updated},
            "ALL_OLD": {"Attributes": before} if before else {},
            "NONE": {},
        }
        return answers[request.get("ReturnValues", "NONE")]

    def _write(self, write: Any, request: dict[str, Any], **arguments: Any) -> Any:
        try:
            return write(
                _TABLE,
                **arguments,
                condition_expression=request.get("ConditionExpression"),
                expression_attribute_names=request.get("ExpressionAttributeNames", {}),
                expression_attribute_values=request.get("ExpressionAttributeValues", {}),
                return_values_on_condition_check_failure=request.get("ReturnValuesOnConditionCheckFailure"),
            )
        except ConditionalCheckFailed as failed:
            raise ConditionFailed(json.loads(failed.description).get("Item")) from None
        except JsonRESTError as error:
            raise Refused(str(error.description)) from error

    def _check(self, operation: str, request: dict[str, Any], keys: Item) -> None:
        if unknown := set(request) - _ARGUMENTS[operation]:
            raise Refused(f"unknown arguments of {operation}: {unknown}")
        check_expressions(request)
        self._check_keys(keys)

    def _check_keys(self, item: Item) -> None:
        for name in self._keys & set(item):
            check_attribute(item[name], name)
            if not item[name].get("S"):
                raise Refused(f"{name} is a key and must be a text that is not empty: {item[name]}")
