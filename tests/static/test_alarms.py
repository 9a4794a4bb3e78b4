"""Each way in which a guarantee is endangered has an alarm, each alarm its runbook entry, and the dashboard shows them all."""

import json
import re
from typing import Any

import pytest

from linkwatch.model import parse_ids
from local.checkout import ROOT
from tests.static.filter_patterns import FILTERS, matches, pattern_of
from tests.static.template import RESOURCES, RUNBOOK, TEMPLATE, of_type, referred, text_of

ALARMS = of_type("AWS::CloudWatch::Alarm")
FUNCTIONS = list(of_type("AWS::Lambda::Function"))
BODY: str = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
DASHBOARD: dict[str, Any] = json.loads(re.sub(r"\$\{[^}]+\}", "x", BODY))
ENTRIES: dict[str, str] = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL))


def heading_of(alarm: str) -> str:
    """The runbook's heading for an alarm: those of functions share one for errors and one for throttles."""
    function = next(
        (function for function in FUNCTIONS if alarm in {f"{function}Errors", f"{function}Throttles"}), None
    )
    return alarm.replace(function, "{Function}") if function else alarm


def test_alarms_and_runbook_entries_are_the_same_in_the_same_order():
    assert list(ENTRIES) == list(dict.fromkeys(map(heading_of, ALARMS)))


@pytest.mark.parametrize("name", ALARMS)
def test_the_runbook_says_what_the_alarm_says_how_to_check_and_what_to_do(name):
    entry = re.sub(r"\s+", " ", ENTRIES[heading_of(name)].replace("`", "")).replace("{Function}", _function_of(name))

    assert text_of(ALARMS[name]["AlarmDescription"]) in entry
    assert " Check: " in entry
    assert " Do: " in entry


def _function_of(alarm: str) -> str:
    return alarm.removesuffix("Errors").removesuffix("Throttles")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_has_an_alarm_for_errors_and_one_for_throttles(function):
    for metric in ("Errors", "Throttles"):
        alarm = ALARMS[f"{function}{metric}"]

        assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/Lambda", metric)
        assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": function}}]


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_reaches_somebody_and_says_what_silence_means(name):
    assert json.dumps(ALARMS[name]["AlarmActions"]).count("HasAlarm") == 2
    silence = {
        "SweepMissing": "breaching",
        "ProbeFailing": {"Fn::If": ["HasProbe", "breaching", "notBreaching"]},
    }
    assert ALARMS[name]["TreatMissingData"] == silence.get(name, "notBreaching")


@pytest.mark.parametrize("name", ALARMS)
def test_a_threshold_is_nothing_at_all_or_a_parameter(name):
    threshold = ALARMS[name]["Threshold"]

    fixed = {"SweepMissing": 1, "ProbeFailing": 1, "InstantLinkSentDelayed": 300}.get(name, 0)

    assert threshold == fixed if isinstance(threshold, int) else threshold["Ref"] in TEMPLATE["Parameters"]


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_looks_at_this_stack_only(name):
    own = {"AWS::StackName", "LinkWatch", "InstantLinkSentQueue", "InstantLinkSentDeadLetters", *FUNCTIONS}
    own |= {"LinkBus", "InstantLinkSentRule"}

    of = [set(referred(dimension["Value"])) for dimension in ALARMS[name]["Dimensions"]]

    assert [names for names in of if names]
    assert set().union(*of) <= own


def test_the_dashboard_shows_every_alarm():
    shown = re.findall(r"\$\{(\w+)\.Arn\}", BODY.split('"alarms"')[1].split("]", maxsplit=1)[0])

    assert shown == list(ALARMS)


def test_the_dashboards_widgets_fill_their_rows_and_do_not_overlap():
    rows: dict[int, int] = {}
    for widget in DASHBOARD["widgets"]:
        assert widget["x"] == rows.get(widget["y"], 0), widget["properties"]["title"]
        rows[widget["y"]] = widget["x"] + widget["width"]

    assert set(rows.values()) == {24}


#: AWS's metrics by their namespace and dimensions, as it names them:
#: https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
#: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
#: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html (REST APIs)
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
#: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
OF_AWS = {
    ("AWS/States", "StateMachineArn"): {
        *("ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsAborted", "ExecutionsTimedOut"),
        "ExecutionThrottled",
    },
    ("AWS/Lambda", "FunctionName"): {"Invocations", "Errors", "Throttles"},
    ("AWS/ApiGateway", "ApiName"): {"Count", "4XXError", "5XXError"},
    ("AWS/Events", "EventBusName", "RuleName"): {"InvocationsFailedToBeSentToDlq"},
    ("AWS/SQS", "QueueName"): {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"},
}


def test_metrics_of_aws_are_asked_for_by_the_names_and_dimensions_that_aws_gives_them():
    watched = [(a["Namespace"], [d["Name"] for d in a["Dimensions"]], a["MetricName"]) for a in ALARMS.values()]
    lines = [line for widget in DASHBOARD["widgets"] for line in widget["properties"].get("metrics", [])]
    shown = [(line[0], line[2:4:2], line[1]) for line in lines if isinstance(line[0], str)]

    asked: dict[tuple[str, ...], set[str]] = {}
    for namespace, dimensions, metric in watched + shown:
        if namespace.startswith("AWS/"):
            asked.setdefault((namespace, *dimensions), set()).add(metric)

    assert asked == OF_AWS


# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
def test_no_alarm_looks_back_for_more_than_a_day_or_by_a_period_that_cloudwatch_does_not_know():
    of_probes = [period["Period"] for period in TEMPLATE["Mappings"]["ProbeSeconds"].values()]

    for alarm in ALARMS.values():
        for period in of_probes if isinstance(alarm["Period"], dict) else [alarm["Period"]]:
            assert period % 60 == 0
            assert period * alarm["EvaluationPeriods"] <= 24 * 60 * 60


def test_every_metric_of_ours_that_is_shown_or_watched_is_made():
    watched = {alarm["MetricName"] for alarm in ALARMS.values() if alarm["Namespace"] == "linkwatch"}
    body = json.dumps(DASHBOARD).replace('\\\\"', '"').replace('\\"', '"')
    shown = set(re.findall(r'\["linkwatch", "(\w+)"', body)) | set(re.findall(r'MetricName="(\w+)"', body))

    assert watched | shown == made_in_functions() | set(filters())


def made_in_functions() -> set[str]:
    """The metrics that functions/ makes: literals in the calls, and those that RecoverUnfinished has in a table."""
    source = "".join(path.read_text("utf-8") for path in (ROOT / "functions").glob("*.py"))
    table = re.search(r"^_METRICS = \{.*?^\}", source, re.DOTALL | re.MULTILINE)
    named = set(re.findall(r'(?:add_metric|single_metric)\(\s*"(\w+)"', source))
    return named | set(re.findall(r'"(\w+)"', table[0] if table else ""))


def filters() -> dict[str, set[str]]:
    """The metrics that come from CheckLink's log, with their dimensions."""
    transformations = [t for p in of_type("AWS::Logs::MetricFilter").values() for t in p["MetricTransformations"]]
    return {t["MetricName"]: {dimension["Key"] for dimension in t["Dimensions"]} for t in transformations}


# CloudWatch finds a metric by all of its dimensions or not at all; SEARCH names them in braces.
@pytest.mark.parametrize("metric", filters())
def test_a_metric_of_a_filter_is_read_with_the_dimensions_that_it_is_written_with(metric):
    for alarm in (alarm for alarm in ALARMS.values() if alarm["MetricName"] == metric):
        assert {dimension["Name"] for dimension in alarm["Dimensions"]} == filters()[metric]
    for names in re.findall(rf'SEARCH\(\'{{linkwatch,([\w,]+)}} service=[^\']*MetricName=\\\\?"{metric}\\\\?"', BODY):
        assert set(names.split(",")) == filters()[metric]


# ── The probe ─────────────────────────────────────────────────────────────────────────────────────────────────────────

PROBE: dict[str, str] = json.loads(RESOURCES["Probe"]["Properties"]["Target"]["Input"])
PROBED = f"{PROBE['requestId']}-*"
OF_PROBES = {"ProbesAnsweredMeasured", "ProbesFailedMeasured"}


def test_the_probe_calls_check_link_by_its_alias_and_only_where_it_is_wanted():
    assert parse_ids(PROBE["requestId"], PROBE["sessionId"]) is not None
    assert RESOURCES["Probe"]["Properties"]["Target"]["Arn"] == {"Ref": "CheckLinkAliaslive"}
    assert RESOURCES["Probe"]["Condition"] == "HasProbe"
    assert TEMPLATE["Parameters"]["ProbeMinutes"]["Default"] == "0"


def check_line(ids: str, answer: str, reason: str | None) -> dict[str, Any]:
    line = {"message": "Checked", "service": "linkwatch", "verificationId": ids, "answer": answer, "durationMs": 80}
    return line if reason is None else {**line, "reason": reason}


@pytest.mark.parametrize("name", FILTERS)
def test_a_probe_is_not_counted_among_the_checks_nor_a_check_among_the_probes(name):
    probe = check_line(PROBED.replace("*", PROBE["sessionId"]), "UNAVAILABLE", "TIMEOUT")
    check = check_line("6462150e29c23b4d42352a63-646214d929c23b4d42c1fc39", "REJECTED", "UNKNOWN_IDS")

    assert f'"{PROBED}"' in pattern_of(name)
    assert not matches(name, check if name in OF_PROBES else probe)


# CloudWatch looks further back for data than EvaluationPeriods says, and does not ask what missing data mean while it finds
# enough: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
@pytest.mark.parametrize(
    ("answer", "reason", "counted"),
    [
        ("REJECTED", "UNKNOWN_IDS", ["1"]),
        ("UNAVAILABLE", "TIMEOUT", ["0"]),
        ("UNAVAILABLE", "CREDENTIALS_REFUSED", ["0"]),
        ("PENDING", None, ["0"]),
    ],
)
def test_every_answer_to_a_probe_is_a_figure_and_only_that_to_unknown_ids_is_a_success(answer, reason, counted):
    line = check_line(PROBED.replace("*", PROBE["sessionId"]), answer, reason)

    transformations = [t for name in FILTERS if matches(name, line) for t in FILTERS[name]["MetricTransformations"]]

    assert [t["MetricValue"] for t in transformations] == counted
    assert {t["MetricName"] for t in transformations} == {ALARMS["ProbeFailing"]["MetricName"]}


# https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
def test_a_schedule_calls_at_its_time_and_once_by_a_role_that_only_this_accounts_schedules_may_take():
    trust = RESOURCES["SchedulerRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]

    for schedule in of_type("AWS::Scheduler::Schedule").values():
        assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
        assert schedule["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 0
        assert schedule["Target"]["RoleArn"] == {"Fn::GetAtt": ["SchedulerRole", "Arn"]}
    assert [statement["Principal"] for statement in trust] == [{"Service": "scheduler.amazonaws.com"}]
    assert trust[0]["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_the_alarms_period_is_the_probes_interval():
    parameter, seconds = TEMPLATE["Parameters"]["ProbeMinutes"], TEMPLATE["Mappings"]["ProbeSeconds"]

    assert {key: value["Period"] for key, value in seconds.items() if key != "0"} == {
        minutes: int(minutes) * 60 for minutes in parameter["AllowedValues"] if minutes != "0"
    }
