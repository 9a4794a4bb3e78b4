"""Parses the query of GET /verifications."""

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from linkwatch.start_request import CORRELATION_ID_PATTERN, InvalidInput, fields_of

#: 24 bytes in base64 for URLs (RFC 4648, section 5): every text of this form is one verificationId.
NEXT_PATTERN = "^[0-9A-Za-z_-]{32}$"
_NEXT = re.compile(NEXT_PATTERN)


def next_after(verification_id: str) -> str:
    """A page's next, where the next page follows this verification."""
    return base64.urlsafe_b64encode(bytes.fromhex(verification_id.replace("-", ""))).decode()


def _verification_id_in(value: object) -> str:
    if not isinstance(value, str) or not _NEXT.fullmatch(value):
        raise ValueError("should be next, as the page before has it")
    digits = base64.urlsafe_b64decode(value).hex()
    return f"{digits[:24]}-{digits[24:]}"


class FindRequest(BaseModel):
    """The parameters of the query. next: as callers write it, what the page before gave; parsed, the verificationId that the
    page follows.
    """

    model_config = ConfigDict(strict=True, extra="forbid")

    correlationId: Annotated[str, Field(min_length=1, max_length=128, pattern=CORRELATION_ID_PATTERN)]
    next: Annotated[str | None, BeforeValidator(_verification_id_in)] = None


def parse_find(parameters: Mapping[str, Sequence[str]]) -> FindRequest:
    """A query from its decoded parameters, each with all of its values. Raises InvalidInput."""
    repeated = {name: "should be given once" for name, values in parameters.items() if len(values) != 1}
    if repeated:
        raise InvalidInput("query", repeated)
    try:
        return FindRequest.model_validate({name: values[0] for name, values in parameters.items()})
    except ValidationError as error:
        raise InvalidInput("query", fields_of(error, "query")) from None  # the cause quotes the input
