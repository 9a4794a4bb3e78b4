"""The table of verifications: the one source of truth. Each write is one conditional request to DynamoDB.

A write whose condition is refused returns the item that is there
(https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html, ReturnValuesOnConditionCheckFailure).
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from linkwatch.aws_errors import AwsUnavailable, aws_call

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_dynamodb import DynamoDBClient

#: An item with plain values; numbers are Decimals.
Item = dict[str, Any]

#: The keys of the index correlationId, and of the table.
_CORRELATION_KEY = ("correlationId", "linkSentAt", "verificationId")

#: DynamoDB leaves keys unprocessed where it is throttled in part; the rest is asked for one more time.
_BATCH_TRIES = 2

_SERIALIZER, _DESERIALIZER = TypeSerializer(), TypeDeserializer()


class Table:
    """Puts, finds, changes and lists items. Every method raises AwsUnavailable where DynamoDB refuses or does not answer."""

    def __init__(self, dynamodb: "DynamoDBClient", table_name: str) -> None:
        self._dynamodb = dynamodb
        self._table_name = table_name

    def put(self, item: Item) -> Item | None:
        """Puts a new item. None when it is there now; the item that was there already, when one was."""
        with aws_call("PutItem"):
            try:
                self._dynamodb.put_item(
                    TableName=self._table_name,
                    Item=_typed(item),
                    ConditionExpression="attribute_not_exists(verificationId)",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except self._dynamodb.exceptions.ConditionalCheckFailedException as refused:
                return _item_in(refused)
        return None

    def find(self, verification_id: str) -> Item | None:
        """The item as it is, or None."""
        with aws_call("GetItem"):
            item = self._dynamodb.get_item(
                TableName=self._table_name, Key={"verificationId": {"S": verification_id}}, ConsistentRead=True
            ).get("Item")
        return _plain(item) if item else None

    def find_each(self, verification_ids: Sequence[str]) -> list[Item]:
        """The items as they are, in the order asked for, without those that are not there; at most 100 are asked for."""
        keys = [{"verificationId": {"S": each}} for each in verification_ids]
        request: dict[str, Any] = {self._table_name: {"Keys": keys, "ConsistentRead": True}}
        found: dict[str, Item] = {}
        for _ in range(_BATCH_TRIES):
            with aws_call("BatchGetItem"):
                answer = self._dynamodb.batch_get_item(RequestItems=request)
            found |= {
                item["verificationId"]: item for item in map(_plain, answer["Responses"].get(self._table_name, []))
            }
            request = dict(answer.get("UnprocessedKeys", {}))
            if not request:
                return [found[each] for each in verification_ids if each in found]
        raise AwsUnavailable("BatchGetItem: UnprocessedKeys")

    def correlated(self, correlation_id: str, count: int, after: Item | None) -> list[str]:
        """The verificationIds of up to count items with a correlationId, newest link first, as of a moment ago (an index is
        eventually consistent). after: the item of this correlationId that they follow; None for the newest.
        """
        options: Any = {}
        if after:
            options["ExclusiveStartKey"] = _typed({name: after[name] for name in _CORRELATION_KEY})
        with aws_call("Query"):
            answer = self._dynamodb.query(
                TableName=self._table_name,
                IndexName="correlationId",
                KeyConditionExpression="correlationId = :correlationId",
                ExpressionAttributeValues=_typed({":correlationId": correlation_id}),
                ScanIndexForward=False,
                Limit=count,
                **options,
            )
        return [_plain(item)["verificationId"] for item in answer["Items"]]

    def settle(self, verification_id: str, outcome: Item) -> tuple[Item | None, bool]:
        """Writes a whole outcome where the item exists and has none. Gives the item as it was before (None: there is none),
        and whether the outcome was written.
        """
        condition = "attribute_exists(verificationId) AND attribute_not_exists(outcome)"
        return self._update(verification_id, outcome, condition, {})

    def name_next(self, verification_id: str, failed: str, changes: Item) -> bool:
        """Writes the name of the next execution, and further changes, if the item still names the failed one and is not
        published. Returns whether it did.
        """
        condition = "executionName = :failed AND attribute_not_exists(publishedAt)"
        return self._update(verification_id, changes, condition, {":failed": failed})[1]

    def _update(self, verification_id: str, changes: Item, condition: str, values: Item) -> tuple[Item | None, bool]:
        with aws_call("UpdateItem"):
            try:
                before = self._dynamodb.update_item(
                    TableName=self._table_name,
                    Key={"verificationId": {"S": verification_id}},
                    ConditionExpression=condition,
                    UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in changes),
                    ExpressionAttributeNames={f"#{name}": name for name in changes},
                    ExpressionAttributeValues=_typed({f":{name}": value for name, value in changes.items()} | values),
                    ReturnValues="ALL_OLD",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                ).get("Attributes", {})
            except self._dynamodb.exceptions.ConditionalCheckFailedException as refused:
                return _item_in(refused), False
        return _plain(before), True

    def open_pages(self) -> Iterator[Sequence[Item]]:
        """What recovery needs of each item that is not published: verificationId, executionName, takeovers, takeoverLimit,
        startedAt, and the deadline as openVerifications; eventually consistent. Each page is one call, made when it is asked for.
        """
        pages = self._dynamodb.get_paginator("scan")
        with aws_call("Scan"):
            for page in pages.paginate(TableName=self._table_name, IndexName="openVerifications"):
                yield [_plain(item) for item in page["Items"]]


def _item_in(refused: "ClientError") -> Item | None:
    """The item for which a condition was refused; None where there is none."""
    response: Any = refused.response
    return _plain(response["Item"]) if response.get("Item") else None


def _typed(item: Item) -> dict[str, Any]:
    return {name: _SERIALIZER.serialize(value) for name, value in item.items()}


def _plain(item: dict[str, Any]) -> Item:
    return {name: _DESERIALIZER.deserialize(value) for name, value in item.items()}
