"""A table that is as strict as DynamoDB about what updateItem may say. moto's is not: it takes unused names and the like."""

import re
from collections.abc import Iterable
from typing import Any

from tests.definition.dynamodb_expressions import Attribute, Item, Names, Refused, condition, update

_TYPES = {"S": str, "N": str, "BOOL": bool, "NULL": bool, "M": dict}
_ARGUMENTS = {
    *("TableName", "Key", "ConditionExpression", "UpdateExpression"),
    *("ExpressionAttributeNames", "ExpressionAttributeValues", "ReturnValues"),
}


class ConditionFailed(Exception):
    """DynamoDB.ConditionalCheckFailedException."""


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
    if unknown := set(request) - _ARGUMENTS:
        raise Refused(f"unknown arguments: {unknown}")
    names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
    for name, attribute in values.items():
        check(attribute, name)
    given = {*names, *values}
    needed = set(update(request["UpdateExpression"]).used)
    if "ConditionExpression" in request:
        needed |= condition(request["ConditionExpression"])[1]
    if given != needed:
        raise Refused(f"given and not used: {given - needed}; used and not given: {needed - given}")
    return Names(names, values)


class SmallDynamoDB:
    """One table. index_keys: the key attributes of its indexes, which have to be text that is not empty."""

    def __init__(self, key: str, index_keys: Iterable[str] = ()) -> None:
        self._key = key
        self._keys = {key, *index_keys}
        self.items: dict[str, Item] = {}

    def update_item(self, request: dict[str, Any]) -> dict[str, Any]:
        """Raises ConditionFailed, Refused."""
        names = used(request)
        key = request["Key"]
        if set(key) != {self._key}:
            raise Refused(f"the key is {self._key}, not {set(key)}")
        self._check_keys(key)
        before = self.items.get(key[self._key]["S"], {})
        if "ConditionExpression" in request and not condition(request["ConditionExpression"])[0](before, names):
            raise ConditionFailed
        after = {**before, **key, **self._changed(request["UpdateExpression"], before, names)}
        after = {name: attribute for name, attribute in after.items() if attribute is not None}
        self._check_keys(after)
        self.items[key[self._key]["S"]] = after
        return {"Attributes": after} if request.get("ReturnValues") == "ALL_NEW" else {}

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
