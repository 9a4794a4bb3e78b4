"""A DynamoDB table in memory: moto's, behind a check for the invalid requests that moto accepts and AWS refuses.

Requests and answers have the shapes of the API, which boto3 and Step Functions share.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

import botocore.session
from botocore.exceptions import ParamValidationError
from botocore.validate import validate_parameters
from moto.core.exceptions import JsonRESTError
from moto.dynamodb.exceptions import ConditionalCheckFailed
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

#: Attributes as DynamoDB writes them: {"S": "…"}, by name.
Item = dict[str, dict[str, Any]]

_TABLE = "Verifications"
_MODEL = botocore.session.get_session().get_service_model("dynamodb")
_PLACEHOLDER = re.compile(r"[#:][A-Za-z_]\w*")
_NAME = re.compile(r"(?<![#:\w])[A-Za-z_]\w*")
_WORDS = {"SET", "REMOVE", "AND", "OR", "NOT", "IN", "IF_NOT_EXISTS", "ATTRIBUTE_EXISTS", "ATTRIBUTE_NOT_EXISTS"}
_RESERVED = {word.upper() for word in ReservedKeywords.get_reserved_keywords()} - _WORDS


class Refused(Exception):
    """AWS would answer ValidationException."""


class AwsError(Exception):
    """An error answer. more: members in addition to the code and the message."""

    def __init__(self, code: str, **more: Any) -> None:
        super().__init__(code)
        self.code, self.more = code, more


class InMemoryTable:
    """One table. index_keys: the key attributes of its indexes, which have to be texts and not empty. Every method raises
    Refused for a request that DynamoDB would refuse, and AwsError where a condition is not met.
    """

    def __init__(self, key: str, index_keys: Iterable[str] = ()) -> None:
        self._key, self._keys = key, {key, *index_keys}
        self._backend = DynamoDBBackend("us-east-1", "123456789012")
        self._backend.tables[_TABLE] = Table(  # pyright: ignore[reportArgumentType]  moto gives its models two classes
            _TABLE,
            self._backend.account_id,
            self._backend.region_name,
            schema=[{"AttributeName": key, "KeyType": "HASH"}],
            attr=[{"AttributeName": key, "AttributeType": "S"}],
        )

    @property
    def items(self) -> dict[str, Item]:
        """A copy of the items, by key."""
        stored: Any = self._backend.tables[_TABLE].items.values()
        attributes = [it.to_json()["Attributes"] for it in stored]
        return {it[self._key]["S"]: it for it in attributes}

    def store(self, item: Item) -> None:
        """Puts an item, in DynamoDB's types, without a request and its checks."""
        self._backend.put_item(_TABLE, item)

    def delete(self, key: str) -> None:
        self._backend.delete_item(_TABLE, {self._key: {"S": key}})

    def get_item(self, request: dict[str, Any]) -> dict[str, Any]:
        _check("GetItem", request)
        found = self._backend.get_item(_TABLE, request["Key"])
        return {"Item": found.to_json()["Attributes"]} if found else {}

    def put_item(self, request: dict[str, Any]) -> dict[str, Any]:
        _check("PutItem", request)
        self._write(self._backend.put_item, request, item_attrs=request["Item"])
        return {}

    def update_item(self, request: dict[str, Any]) -> dict[str, Any]:
        _check("UpdateItem", request)
        key, expression = request["Key"], request["UpdateExpression"]
        before = self.items.get(key[self._key]["S"])
        after = self._write(self._backend.update_item, request, key=key, update_expression=expression)
        attributes = {"ALL_NEW": after, "ALL_OLD": before}.get(request.get("ReturnValues", ""))
        return {"Attributes": attributes} if attributes else {}

    def _write(self, write: Any, request: dict[str, Any], **arguments: Any) -> Item:
        """The item as it is then."""
        try:
            written = write(
                _TABLE,
                **arguments,
                condition_expression=request.get("ConditionExpression"),
                expression_attribute_names=request.get("ExpressionAttributeNames", {}),
                expression_attribute_values=request.get("ExpressionAttributeValues", {}),
                return_values_on_condition_check_failure=request.get("ReturnValuesOnConditionCheckFailure"),
            )
        except ConditionalCheckFailed as failed:
            found = json.loads(failed.description).get("Item")
            raise AwsError("ConditionalCheckFailedException", **({"Item": found} if found else {})) from None
        except JsonRESTError as error:
            raise Refused(str(error.description)) from error
        item: Item = written.to_json()["Attributes"]
        for name, value in item.items():
            if name in self._keys and not value.get("S"):
                raise Refused(f"{name} is a key and must be a text that is not empty: {value}")
            if not re.fullmatch(r"-?\d+(\.\d+)?", value.get("N", "0")):
                raise Refused(f"not a number: {value}")
        return item


def _check(operation: str, request: dict[str, Any]) -> None:
    shape: Any = _MODEL.operation_model(operation).input_shape
    try:
        validate_parameters({"TableName": _TABLE} | request, shape)
    except ParamValidationError as error:
        raise Refused(str(error)) from error
    declared = {*request.get("ExpressionAttributeNames", ()), *request.get("ExpressionAttributeValues", ())}
    text = f"{request.get('UpdateExpression', '')} {request.get('ConditionExpression', '')}"
    if (used := set(_PLACEHOLDER.findall(text))) != declared:
        raise Refused(f"declared and not used: {declared - used}; used and not declared: {used - declared}")
    if reserved := {name for name in _NAME.findall(text) if name.upper() in _RESERVED}:
        raise Refused(f"reserved words: {reserved}")
