"""CheckLink's own log lines run through the metric filters: each check and each probe results in the right metrics."""

import json
import os
import subprocess
import sys
from collections import Counter
from socket import socket
from typing import Any

import pytest

from local.checkout import ROOT
from tests.static.patterns import matches_line
from tests.static.template import DEFAULT
from tests.unit.scripted_server import ScriptedServer, message, serving

FILTERS = DEFAULT.of_type("AWS::Logs::MetricFilter")
SAMPLES = json.loads((ROOT / "simulator" / "answers.json").read_text("utf-8"))
PROBE = {"requestId": "0" * 24, "sessionId": "0" * 24}
CHECK = {"requestId": "6462150e29c23b4d42352a63", "sessionId": "646214d929c23b4d42c1fc39"}

#: Signzy's answer (in simulator/answers.json): the check's answer and reason, and its percentage in UnavailableChecks.
CHECKS = {
    "clicked": ("CLICKED", None, 0),
    "pending": ("PENDING", None, 0),
    "upstream-down": ("UNAVAILABLE", "UPSTREAM_DOWN", 100),
    "credentials-refused": ("UNAVAILABLE", "CREDENTIALS_REFUSED", 100),
    "unknown-ids": ("REJECTED", "UNKNOWN_IDS", 0),
    "malformed-request-id": ("REJECTED", "MALFORMED_IDS", 0),
}


_RUN_HANDLER = "import json, sys, check_link\nfor line in sys.stdin: check_link.handler(json.loads(line), None)"


@pytest.fixture(scope="module")
def ask():
    """Asks for the log line of CheckLink's handler, which runs in a process of its own, as in Lambda."""
    sample: dict[str, Any] = {}

    def answer(_server: ScriptedServer, connection: socket) -> None:
        connection.sendall(message(json.dumps(sample["body"]), f"{sample['status']} Any"))

    variables = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.fspath(ROOT / "functions"),
        "AWS_REGION": "us-east-1",
        "POWERTOOLS_SERVICE_NAME": "linkwatch",
        "POLL_INTERVAL_SECONDS": "10",
        "SIGNZY_TOKEN_ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:SignzyToken",
        "SIGNZY_TOKEN": "a-token",
    }
    program, pipe = [sys.executable, "-u", "-c", _RUN_HANDLER], subprocess.PIPE
    with serving(answer) as signzy:
        variables["SIGNZY_BASE_URL"] = signzy.url
        with subprocess.Popen(program, env=variables, stdin=pipe, stdout=pipe, text=True) as process:

            def asked(ids: dict[str, str], answer: str) -> dict[str, Any]:
                sample.update(SAMPLES[answer])
                print(json.dumps(ids), file=process.stdin, flush=True)
                assert process.stdout
                return json.loads(process.stdout.readline())

            yield asked


def figures_of(line: dict[str, Any]) -> dict[tuple[str, str], float]:
    """Returns the metrics that the filters make of a log line, except CheckDuration."""
    found: Counter[tuple[str, str]] = Counter()
    for properties in FILTERS.values():
        [made] = properties["MetricTransformations"]
        if made["MetricName"] != "CheckDuration" and matches_line(properties["FilterPattern"], line):
            dimensions = {each["Key"]: line[each["Value"].removeprefix("$.")] for each in made["Dimensions"]}
            assert dimensions.pop("service") == "linkwatch"
            key = (made["MetricName"], "".join(dimensions.values()))
            assert key not in found
            found[key] = int(made["MetricValue"])
    return dict(found)


@pytest.mark.parametrize("sample", CHECKS)
def test_a_check_is_counted_by_its_answer_and_its_reason(ask, sample):
    answer, reason, unavailable = CHECKS[sample]
    with_reason = {("ChecksWithReason", reason): 1} if reason else {}

    assert figures_of(ask(CHECK, sample)) == {
        ("Checks", answer): 1,
        ("UnavailableChecks", ""): unavailable,
        **with_reason,
    }


# Only the answer to unknown ids proves the network, the URL and the token.
@pytest.mark.parametrize("sample", CHECKS)
def test_every_probe_is_a_success_or_a_failure_and_no_check(ask, sample):
    assert figures_of(ask(PROBE, sample)) == {("ProbesAnswered", ""): 1 if sample == "unknown-ids" else 0}


def test_the_duration_of_a_check_is_its_lines(ask):
    [made] = FILTERS["CheckDurationMeasured"]["MetricTransformations"]
    pattern = FILTERS["CheckDurationMeasured"]["FilterPattern"]

    line = ask(CHECK, "pending")

    assert matches_line(pattern, line)
    assert not matches_line(pattern, ask(PROBE, "pending"))
    assert (made["MetricName"], made["Unit"]) == ("CheckDuration", "Milliseconds")
    assert line[made["MetricValue"].removeprefix("$.")] >= 0


def test_the_filters_read_the_log_of_check_link_and_name_our_metrics():
    for properties in FILTERS.values():
        [made] = properties["MetricTransformations"]
        assert properties["LogGroupName"] == "${CheckLinkLogs}"
        assert made["MetricNamespace"] == "linkwatch"
        assert made["Unit"] in {"Count", "Percent", "Milliseconds"}
        assert set(properties) == {"LogGroupName", "FilterPattern", "MetricTransformations"}


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_ignores_every_other_line(ask, name):
    other = ask(CHECK, "upstream-down") | {"message": "Something else"}

    assert not matches_line(FILTERS[name]["FilterPattern"], other)
