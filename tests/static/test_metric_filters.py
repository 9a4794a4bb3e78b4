"""CheckLink's log line run through the metric filters: each check and each probe results in the right metrics."""

from typing import Any

import pytest

from tests.static.patterns import matches_line
from tests.static.template import DEFAULT

FILTERS = DEFAULT.of_type("AWS::Logs::MetricFilter")
PROBE = "000000000000000000000000-000000000000000000000000"
SERVICE = {"service": "linkwatch"}
#: As tests/unit/test_check_link.py asserts that it is logged.
LINE = SERVICE | {
    "level": "INFO",
    "message": "Checked",
    "verificationId": "6462150e29c23b4d42352a63-6462",
    "durationMs": 42,
}


def figures_of(line: dict[str, Any]) -> dict[str, tuple[str, dict[str, str], int]]:
    """Unit, dimensions and value of each metric that the filters make of a log line."""
    found = {}
    for properties in FILTERS.values():
        [made] = properties["MetricTransformations"]
        assert (properties["LogGroupName"], made["MetricNamespace"]) == ("${CheckLinkLogs}", "linkwatch")
        assert set(properties) == {"LogGroupName", "FilterPattern", "MetricTransformations"}
        if matches_line(properties["FilterPattern"], line):
            assert made["MetricName"] not in found
            dimensions = {each["Key"]: line[each["Value"].removeprefix("$.")] for each in made["Dimensions"]}
            value = line.get(made["MetricValue"].removeprefix("$."), made["MetricValue"])
            found[made["MetricName"]] = (made["Unit"], dimensions, int(value))
    return found


# Only the answer to unknown ids proves the network, the URL and the token.
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("CLICKED", None),
        ("PENDING", None),
        ("UNAVAILABLE", "CREDENTIALS_REFUSED"),
        ("REJECTED", "UNKNOWN_IDS"),
        ("REJECTED", "MALFORMED_IDS"),
    ],
)
def test_a_line_is_counted_as_a_check_or_as_a_probe(answer, reason):
    line = LINE | {"answer": answer} | ({"reason": reason} if reason else {})
    with_reason = {"ChecksWithReason": ("Count", SERVICE | {"reason": reason}, 1)} if reason else {}

    assert figures_of(line) == with_reason | {
        "Checks": ("Count", SERVICE | {"answer": answer}, 1),
        "CheckDuration": ("Milliseconds", SERVICE, 42),
        "UnavailableChecks": ("Percent", SERVICE, 100 if answer == "UNAVAILABLE" else 0),
    }
    assert figures_of(line | {"verificationId": PROBE}) == {
        "ProbesAnswered": ("Count", SERVICE, 1 if reason == "UNKNOWN_IDS" else 0)
    }
    assert figures_of(line | {"message": "Something else"}) == {}
    assert figures_of(line | {"verificationId": PROBE, "message": "Something else"}) == {}
