"""What of Signzy's answer is stored, by the definition's own expression; each engine of JSONata has its own null."""

import pytest
from jsonata import Jsonata
from jsonata.utils import Utils

from tests.definition.engine.definition import STATES

_VALUES = STATES["Record Outcome"]["Arguments"]["ExpressionAttributeValues"]
RESULT = _VALUES[":result"].removeprefix("{%").removesuffix("%}")


def stored(result: object) -> object:
    return Jsonata(RESULT).evaluate(None, {"result": result})


@pytest.mark.parametrize("null", [None, Utils.NULL_VALUE], ids=["Python's None", "JSONata's null"])
def test_a_field_that_signzy_did_not_say_is_stored_as_null(null):
    result = {"carrier": "T-Mobile USA", "phoneMatch": null, "ipAddressMatch": False}

    assert stored(result) == {
        "M": {"carrier": {"S": "T-Mobile USA"}, "phoneMatch": {"NULL": True}, "ipAddressMatch": {"BOOL": False}}
    }


def test_without_a_click_no_result_is_stored():
    assert stored(Utils.NULL_VALUE) == {"NULL": True}
