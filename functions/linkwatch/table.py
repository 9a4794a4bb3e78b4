"""The table of verifications."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError

from linkwatch.model import AwsUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: An item with plain values; numbers are Decimals.
Item = dict[str, Any]

_SERIALIZER, _DESERIALIZER = TypeSerializer(), TypeDeserializer()


class Table:
    """Find, list and add items. All raise AwsUnavailable. Only the state machine changes an item."""

    def __init__(self, dynamodb: "DynamoDBClient", table_name: str) -> None:
        self._dynamodb = dynamodb
        self._table_name = table_name

    def find(self, verification_id: str) -> Item | None:
        """The item as it stands, or None."""
        try:
            item = self._dynamodb.get_item(
                TableName=self._table_name, Key={"verificationId": {"S": verification_id}}, ConsistentRead=True
            ).get("Item")
        except (ClientError, BotoCoreError) as error:
            raise AwsUnavailable.during("GetItem", error) from error
        return _plain(item) if item else None

    def add(self, item: Item) -> None:
        """Adds an item, unless there is one of that verificationId already."""
        try:
            self._dynamodb.put_item(
                TableName=self._table_name,
                Item={name: _SERIALIZER.serialize(value) for name, value in item.items()},
                ConditionExpression="attribute_not_exists(verificationId)",
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return
        except (ClientError, BotoCoreError) as error:
            raise AwsUnavailable.during("PutItem", error) from error

    def open(self) -> Iterator[Item]:
        """verificationId, executionName and deadline (as openVerifications) of all that are not published, as of a moment
        ago: an index is read late.
        """
        pages = self._dynamodb.get_paginator("scan")
        try:
            for page in pages.paginate(TableName=self._table_name, IndexName="openVerifications"):
                yield from map(_plain, page["Items"])
        except (ClientError, BotoCoreError) as error:
            raise AwsUnavailable.during("Scan", error) from error


def _plain(item: dict[str, Any]) -> Item:
    return {name: _DESERIALIZER.deserialize(value) for name, value in item.items()}
