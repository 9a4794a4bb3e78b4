"""A table that is as strict as DynamoDB about its requests. moto's is not: it takes unused names and the like.

Requests and answers have the shapes of the API, which boto3 and Step Functions share.
"""

import re
from collections.abc import Iterable
from typing import Any

from engine.dynamodb_expressions import Attribute, Item, Names, Refused, condition, update

_TYPES = {"S": str, "N": str, "BOOL": bool, "NULL": bool, "M": dict}
_CONDITIONAL = {"TableName", "ConditionExpression", "ReturnValues", "ReturnValuesOnConditionCheckFailure"}
_ARGUMENTS = {
    "getItem": {"TableName", "Key", "ConsistentRead"},
    "putItem": {*_CONDITIONAL, "Item"},
    "updateItem": {
        *_CONDITIONAL,
        *("Key", "UpdateExpression", "ExpressionAttributeNames", "ExpressionAttributeValues"),
    },
}


class ConditionFailed(Exception):
    """ConditionalCheckFailedException. item: as it stands, where the request asks for it and there is one."""

    def __init__(self, item: Item | None) -> None:
        super().__init__("the conditional request failed")
        self.item = item


def check(attribute: Attribute, place: str) -> None:
    """Raises Refused for what is no attribute."""
    kinds = list(attribute) if isinstance(attribute, dict) else []
    if len(kinds) != 1 or not isinstance(attribute[kinds[0]], _TYPES.get(kinds[0], ())):
        raise Refused(f"{place} is no attribute: {attribute}")
    kind, value = kinds[0], attribute[kinds[0]]
    if (kind == "N" and not re.fullmatch(r"-?\d+(\.\d+)?", value)) or (kind == "NULL" and value is not True):
        raise Refused(f"{place} is no {kind}: {value}")
    if isinstance(value, dict):
        for name, inner in value.items():
            check(inner, f"{place}.{name}")


def used(request: dict[str, Any]) -> Names:
    """The request's #names and :values; raises Refused unless each is used and each that is used is there."""
    names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
    for name, attribute in values.items():
        check(attribute, name)
    needed: set[str] = set()
    if "UpdateExpression" in request:
        needed |= update(request["UpdateExpression"]).used
    if "ConditionExpression" in request:
        needed |= condition(request["ConditionExpression"])[1]
    if needed != (given := {*names, *values}):
        raise Refused(f"given and not used: {given - needed}; used and not given: {needed - given}")
    return Names(names, values)


class InMemoryTable:
    """One table. index_keys: the key attributes of its indexes, which have to be text that is not empty. Every method raises
    Refused for a request that DynamoDB would not take.
    """

    def __init__(self, key: str, index_keys: Iterable[str] = ()) -> None:
        self._key = key
        self._keys = {key, *index_keys}
        self.items: dict[str, Item] = {}

    def get_item(self, request: dict[str, Any]) -> dict[str, Any]:
        self._check_arguments("getItem", request)
        item = self.items.get(self._key_in(request["Key"]))
        return {"Item": item} if item else {}

    def put_item(self, request: dict[str, Any]) -> dict[str, Any]:
        """Raises ConditionFailed."""
        self._check_arguments("putItem", request)
        item = request["Item"]
        for name, attribute in item.items():
            check(attribute, name)
        self._check_keys(item)
        key = item[self._key]["S"]
        self._check_condition(request, self.items.get(key, {}))
        self.items[key] = dict(item)
        return {}

    def update_item(self, request: dict[str, Any]) -> dict[str, Any]:
        """Raises ConditionFailed."""
        self._check_arguments("updateItem", request)
        names, key = used(request), request["Key"]
        before = self.items.get(self._key_in(key), {})
        self._check_condition(request, before)
        after = {**before, **key, **self._changed(request["UpdateExpression"], before, names)}
        after = {name: attribute for name, attribute in after.items() if attribute is not None}
        self._check_keys(after)
        self.items[key[self._key]["S"]] = after
        answers = {"ALL_NEW": {"Attributes": after}, "ALL_OLD": {"Attributes": before} if before else {}, "NONE": {}}
        return answers[request.get("ReturnValues", "NONE")]

    @staticmethod
    def _check_arguments(operation: str, request: dict[str, Any]) -> None:
        if unknown := set(request) - _ARGUMENTS[operation]:
            raise Refused(f"unknown arguments of {operation}: {unknown}")

    @staticmethod
    def _check_condition(request: dict[str, Any], item: Item) -> None:
        if "ConditionExpression" in request and not condition(request["ConditionExpression"])[0](item, used(request)):
            wants_it = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
            raise ConditionFailed(item if wants_it and item else None)

    def _key_in(self, key: dict[str, Attribute]) -> str:
        if set(key) != {self._key}:
            raise Refused(f"the key is {self._key}, not {set(key)}")
        self._check_keys(key)
        return key[self._key]["S"]

    def _changed(self, expression: str, before: Item, names: Names) -> dict[str, Attribute | None]:
        parsed = update(expression)
        changed: dict[str, Attribute | None] = {}
        for path, value in (*parsed.assigned, *((path, None) for path in parsed.removed)):
            name = path(names)
            if name in changed or name == self._key:
                raise Refused(f"{name} is changed twice, or is the key")
            changed[name] = value(before, names) if value else None
            if value and changed[name] is None:
                raise Refused(f"{name} is set to an attribute that is not there")
        return changed

    def _check_keys(self, item: Item) -> None:
        for name in self._keys & set(item):
            check(item[name], name)
            if not item[name].get("S"):
                raise Refused(f"{name} is a key and needs text: {item[name]}")
