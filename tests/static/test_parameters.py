"""Each parameter: its default, the values that CloudFormation accepts and refuses, and the properties that it changes."""

import json
import re
from collections import defaultdict
from typing import Any

import pytest

from tests.static.template import BOUNDARY, KEY, PARAMETERS, SECRET, SENDERS, TOPIC, stack

#: parameter: default, least, most
WHOLE_NUMBERS = {
    "PollIntervalSeconds": ("10", 1, 60),
    "WindowSeconds": ("300", 10, 1800),
    "LastCheckLeadSeconds": ("2", 1, 9),
    "RetentionDays": ("91", 91, 3650),
    "CheckLinkMemorySize": ("512", 128, 1769),
    "MemorySize": ("512", 128, 1769),
    "ApiBurst": ("100", 1, 5000),
}
PERCENT = ["0", "100"], ["-1", "101"]
YES_OR_NO = ["true", "false"], ["", "yes"]
#: parameter: default, accepted, refused
OTHERS = {
    "SignzyBaseUrl": (
        "https://api.signzy.us/api/v3/us-kyc",
        [
            "https://abc-1.lambda-url.us-east-1.on.aws/api/v3/",
            "https://a.b:65535",
            "http://127.0.0.1:1/a",
            "http://signzy",
        ],
        [
            *(
                "",
                "https://",
                "ftp://api.signzy.us",
                "http://api.signzy.us",
                "http://127.0.0.2",
                "http://0x08080808/api",
            ),
            *("https://.signzy.us", "https://api..signzy.us", "https://-api.signzy.us", f"https://{'a' * 64}.us"),
            *("https://api.signzy.us:0", "https://api.signzy.us:65536", "https://user@api.signzy.us"),
            *("https://api.signzy.us/a?b=c", "https://api.signzy.us/a#b", "https://api.signzy.us//a"),
            f"https://api.signzy.us/{'a' * 79}",
        ],
    ),
    "CheckLinkReservedConcurrency": ("", ["", "1", "1000"], ["0", "-1", "1.5", "100000"]),
    "ApiRequestsPerSecond": ("50", ["1", "10000"], ["0", "10001"]),
    "ApiAccessLogRole": ("none", ["none", "existing", "create"], ["", "other"]),
    "LogRetentionDays": ("30", ["1", "365", "3653"], ["0", "31"]),
    "EgressProxyUrl": (
        "",
        ["", "http://proxy.bank.example:3128", "http://10.0.0.1:3128/"],
        [
            *("proxy:3128", "https://proxy:3128", "http://user:password@proxy:3128", "http://proxy/path"),
            *("http://proxy:0", f"http://{'a.' * 36}aa"),
        ],
    ),
    "SignzyTokenSecretArn": (
        "",
        ["", SECRET, SECRET.replace("arn:aws", "arn:aws-us-gov")],
        ["bank/signzy", SECRET.removesuffix("-AbCdEf"), SECRET + ":AWSCURRENT", SECRET.replace("bank", "b" * 160)],
    ),
    "VpcSubnetIds": (
        "",
        ["", "subnet-01234567", ",".join(["subnet-0123456789abcdef0"] * 4)],
        ["vpc-01234567", "subnet-01234567, subnet-01234568", ",".join(["subnet-01234567"] * 5)],
    ),
    "VpcSecurityGroupIds": ("", ["", ",".join(["sg-0123456789abcdef0"] * 3)], ["sg-1,", ",".join(["sg-01234567"] * 4)]),
    "SenderAccounts": (
        "",
        ["", SENDERS, ",".join(["123456789012"] * 100)],
        ["12345678901", "111111111111, 222222222222", "*", ",".join(["123456789012"] * 101)],
    ),
    "UseFipsEndpoints": ("false", *YES_OR_NO),
    "TracingEnabled": ("true", *YES_OR_NO),
    "TableDeletionProtection": ("false", *YES_OR_NO),
    "Architecture": ("x86_64", ["x86_64", "arm64"], ["x86", ""]),
    "KmsKeyArn": (
        "",
        ["", KEY, KEY.replace("arn:aws", "arn:aws-us-gov")],
        [KEY.replace("key/", "alias/"), KEY + "x" * 33],
    ),
    "PermissionsBoundaryArn": ("", ["", BOUNDARY, "arn:aws:iam::aws:policy/A"], ["boundary", BOUNDARY[:-9]]),
    "RolePath": ("/", ["/", "/team/linkwatch/"], ["", "/team", "team/", "//", "/a b/", f"/{'a' * 511}/"]),
    "AlarmEmail": ("", ["", "on-call@example.com"], ["on-call", "a@b@example.com", "a b@example.com"]),
    "AlarmTopicArn": ("", ["", TOPIC], ["pager", TOPIC.replace("sns", "sqs"), f"{TOPIC}:subscription"]),
    "AlarmOnLatenessSeconds": ("30", ["0", "600"], ["-1"]),
    "AlarmOnUnavailableChecksPercent": ("50", *PERCENT),
    "AlarmOnUnknownOutcomesPercent": ("10", *PERCENT),
    "AlarmOnRejectedOutcomesPercent": ("10", *PERCENT),
    "AlarmOnStartsPerMinute": ("1000", ["0", "100000"], ["-1"]),
    "AlarmOnApiErrors": ("5", ["0", "1000"], ["-1"]),
    "ProbeMinutes": ("0", ["0", "2", "5", "10", "15", "30", "60"], ["", "1", "7"]),
}


def accepts(parameter: dict[str, Any], value: str) -> bool:
    """Whether CloudFormation accepts a value for a parameter."""
    if "AllowedValues" in parameter:
        return value in parameter["AllowedValues"]
    if parameter["Type"] == "Number":
        return parameter["MinValue"] <= float(value) <= parameter.get("MaxValue", float("inf"))
    is_short_enough = len(value) <= parameter.get("MaxLength", 4096)
    return is_short_enough and re.fullmatch(parameter["AllowedPattern"], value) is not None


def test_the_parameters_are_those_of_the_tables_with_their_defaults():
    assert {name: str(parameter["Default"]) for name, parameter in PARAMETERS.items()} == {
        name: default for name, (default, *_) in (WHOLE_NUMBERS | OTHERS).items()
    }
    assert all(accepts(parameter, str(parameter["Default"])) for parameter in PARAMETERS.values())
    assert {name for name, *_ in CHANGES} == PARAMETERS.keys()


@pytest.mark.parametrize("name", OTHERS)
def test_a_parameter_accepts_and_refuses_values(name):
    _, accepted, refused = OTHERS[name]

    assert [value for value in accepted + refused if accepts(PARAMETERS[name], value)] == accepted


@pytest.mark.parametrize("name", WHOLE_NUMBERS)
def test_every_whole_number_in_its_range_is_accepted_and_nothing_else(name):
    _, least, most = WHOLE_NUMBERS[name]
    values = [*map(str, range(10_001)), "", "-1", " 10", "010", "10.0", "100.5", "1e1"]

    assert [value for value in values if accepts(PARAMETERS[name], value)] == [str(n) for n in range(least, most + 1)]


@pytest.mark.parametrize("subnets", ["", "subnet-01234567"])
@pytest.mark.parametrize("groups", ["", "sg-01234567"])
def test_subnets_and_security_groups_are_given_together(subnets, groups):
    assert stack(VpcSubnetIds=subnets, VpcSecurityGroupIds=groups).follows_rules == (bool(subnets) == bool(groups))


# ── What they change ──────────────────────────────────────────────────────────────────────────────────────────────────

_ROLES = (
    "VerificationsApiRole.Policies InstantLinkSentRole.Policies LinkWatchRole.Policies CheckLinkRole.Policies "
    "RecoverUnfinishedRole.Policies"
)
IN_A_VPC = {"VpcSubnetIds": "subnet-01234567", "VpcSecurityGroupIds": "sg-01234567"}
BASE = stack(**IN_A_VPC)
#: A parameter and a value, the properties that then contain the value, and the others that change. A property is that of a
#: resource, or of a type if it changes in all resources of the type.
CHANGES = [
    ("PollIntervalSeconds", "7", "CheckLink.Environment StateMachine.DefinitionSubstitutions", ""),
    ("WindowSeconds", "77", "InstantLinkSent.Environment VerificationsApi.Environment", ""),
    ("LastCheckLeadSeconds", "7", "StateMachine.DefinitionSubstitutions", ""),
    ("RetentionDays", "777", "StateMachine.DefinitionSubstitutions", ""),
    ("SignzyBaseUrl", "https://signzy.example", "CheckLink.Environment", ""),
    ("EgressProxyUrl", "http://proxy.example:3128", "CheckLink.Environment", ""),
    ("UseFipsEndpoints", "true", "Function.Environment", ""),
    ("SignzyTokenSecretArn", SECRET, "CheckLink.Environment CheckLinkRole.Policies", ""),
    ("CheckLinkMemorySize", "777", "CheckLink.MemorySize", ""),
    ("MemorySize", "777", "InstantLinkSent.MemorySize MeasureOutcomes.MemorySize VerificationsApi.MemorySize", ""),
    ("CheckLinkReservedConcurrency", "77", "CheckLink.ReservedConcurrentExecutions", ""),
    ("Architecture", "arm64", "Function.Architectures", ""),
    ("ApiRequestsPerSecond", "77", "Stage.MethodSettings", ""),
    ("ApiBurst", "77", "Stage.MethodSettings", ""),
    ("ApiAccessLogRole", "existing", "", "Stage.AccessLogSetting"),
    ("ApiAccessLogRole", "create", "", "Stage.AccessLogSetting ApiAccount ApiAccessLogWriter"),
    ("LogRetentionDays", "365", "LogGroup.RetentionInDays", ""),
    (
        "TracingEnabled",
        "false",
        "Stage.TracingEnabled StateMachine.TracingConfiguration",
        f"Function.TracingConfig MeasureOutcomesRole.Policies {_ROLES}",
    ),
    ("TableDeletionProtection", "true", "Table.DeletionProtectionEnabled", ""),
    (
        "KmsKeyArn",
        KEY,
        (
            "Table.SSESpecification Secret.KmsKeyId LogGroup.KmsKeyId Queue.KmsMasterKeyId EventBus.KmsKeyIdentifier "
            "StateMachine.EncryptionConfiguration Function.KmsKeyArn Schedule.KmsKeyArn SchedulerRole.Policies "
            + _ROLES
        ),
        "EventBus.DeadLetterConfig Queue.SqsManagedSseEnabled QueuePolicy.PolicyDocument",
    ),
    ("PermissionsBoundaryArn", BOUNDARY, "Role.PermissionsBoundary", ""),
    ("RolePath", "/team/", "Role.Path", ""),
    ("SenderAccounts", "444444444444", "EventBus.Policy RestApi.Body", ""),
    ("VpcSubnetIds", "subnet-76543210", "Function.VpcConfig", ""),
    ("VpcSecurityGroupIds", "sg-76543210", "Function.VpcConfig", ""),
    ("AlarmEmail", "on-call@example.com", "Alarms", "AlarmsPolicy Alarm.AlarmActions Alarm.OKActions"),
    ("AlarmTopicArn", TOPIC, "Alarm.AlarmActions Alarm.OKActions", ""),
    ("AlarmOnLatenessSeconds", "77", "SettledLate.Threshold", ""),
    ("AlarmOnUnavailableChecksPercent", "77", "UnavailableChecks.Threshold", ""),
    ("AlarmOnUnknownOutcomesPercent", "77", "UnknownOutcomes.Threshold", ""),
    ("AlarmOnRejectedOutcomesPercent", "77", "RejectedOutcomes.Threshold", ""),
    ("AlarmOnStartsPerMinute", "77", "StartsUnusuallyMany.Threshold", ""),
    ("AlarmOnApiErrors", "77", "ApiFailing.Threshold", ""),
    ("ProbeMinutes", "60", "Probe ProbeFailing.Period", "ProbeFailing.TreatMissingData"),
]


def changed_by(parameter: str, value: str) -> dict[str, list[Any]]:
    """The properties that differ from BASE, with their values; new resources by their name alone."""
    resources = stack(**IN_A_VPC | {parameter: value}).resources
    assert not BASE.resources.keys() - resources.keys()
    places = {name: [resources[name]] for name in resources.keys() - BASE.resources.keys()}
    found: dict[tuple[str, str], dict[str, Any]] = defaultdict(dict)
    for name, before in BASE.resources.items():
        after = resources[name]["Properties"]
        for key in before["Properties"].keys() | after.keys():
            if before["Properties"].get(key) != after.get(key):
                found[before["Type"], key][name] = after.get(key)
    for (kind, key), values in found.items():
        if values.keys() == BASE.of_type(kind).keys():
            places[f"{kind.rpartition('::')[2]}.{key}"] = list(values.values())
        else:
            places |= {f"{name}.{key}": [value] for name, value in values.items()}
    return places


# A version is not published while its description stays, and Lambda refuses one whose description changes while the function
# stays: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-version.html
@pytest.mark.parametrize(("parameter", "value", "containing", "others"), CHANGES, ids=lambda it: str(it)[:20])
def test_a_parameter_changes_what_it_is_for_and_the_versions_of_the_functions_it_changes(
    parameter, value, containing, others
):
    places = changed_by(parameter, value)
    versions = {name for name in places if re.search(r"Version(\w{10})?\.", name)}

    assert places.keys() - versions == {*containing.split(), *others.split()}
    for place in containing.split():
        assert all(value in json.dumps(each) for each in places[place]), place
    functions = {*BASE.of_type("AWS::Lambda::Function"), "Function"}
    changed = {
        name.partition(".")[0] for name in places if not name.endswith(".ReservedConcurrentExecutions")
    } & functions
    assert {re.sub(r"Version\w*\.Description$", "", name) or "Function" for name in versions} == changed
