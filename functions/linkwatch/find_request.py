"""What GET /verifications takes: its query. Parsed here, trusted behind."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from linkwatch.start_request import CORRELATION_ID_PATTERN

#: 24 bytes in base64 for URLs (RFC 4648, section 5): every text of this form stands for one verificationId.
NEXT_PATTERN = "^[0-9A-Za-z_-]{32}$"
_NEXT = re.compile(NEXT_PATTERN)


class BadFind(Exception):
    """A query that cannot be answered. fields: the name of each bad parameter and what is wrong with it; never its value."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(f"bad query, see: {', '.join(sorted(fields))}")
        self.fields = fields


@dataclass(frozen=True, slots=True)
class Find:
    """A valid query. after: the verificationId that the page follows; None for the first page."""

    correlation_id: str
    after: str | None


def next_after(verification_id: str) -> str:
    """A page's next, where the next page follows this verification."""
    return base64.urlsafe_b64encode(bytes.fromhex(verification_id.replace("-", ""))).decode()


def _verification_id_in(value: object) -> str:
    if not isinstance(value, str) or not _NEXT.fullmatch(value):
        raise ValueError("should be next, as the page before has it")
    digits = base64.urlsafe_b64decode(value).hex()
    return f"{digits[:24]}-{digits[24:]}"


class FindRequest(BaseModel):
    """The parameters of the query, as callers write them."""

    model_config = ConfigDict(strict=True, extra="forbid")

    correlationId: Annotated[str, Field(min_length=1, max_length=128, pattern=CORRELATION_ID_PATTERN)]
    next: Annotated[str | None, BeforeValidator(_verification_id_in)] = None


def parse_find(parameters: Mapping[str, Sequence[str]]) -> Find:
    """A query from its decoded parameters, each with all of its values. Raises BadFind."""
    repeated = {name: "should be given once" for name, values in parameters.items() if len(values) != 1}
    if repeated:
        raise BadFind(repeated)
    try:
        request = FindRequest.model_validate({name: values[0] for name, values in parameters.items()})
    except ValidationError as error:
        fields = {
            str(each["loc"][0]): each["msg"].removeprefix("Value error, ")
            for each in error.errors(include_url=False, include_context=False, include_input=False)
        }
        raise BadFind(fields) from None  # the cause quotes the input
    return Find(request.correlationId, request.next)
