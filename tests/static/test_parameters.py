"""Each parameter: its default, and the values that CloudFormation accepts and refuses for it."""

import re
from typing import Any

import pytest

from tests.static.template import CLOUDFORMATION, KEY, PARAMETERS, SECRET, TEXT, TOPIC, translated

#: parameter: (default, accepted, refused)
WHOLE_NUMBERS = {
    "PollIntervalSeconds": ("10", ["1", "9", "10", "59", "60"], ["0", "61", "100", "10.0", "010", "1e1", "", " 10"]),
    "WindowSeconds": ("300", ["10", "99", "100", "999", "1000", "1799", "1800"], ["9", "1801", "2000", "299.5", ""]),
    "LastCheckLeadSeconds": ("2", ["1", "9"], ["0", "10", "60", "1.5", ""]),
    "RetentionDays": ("91", ["91", "99", "100", "999", "1000", "3599", "3650"], ["30", "90", "3651", "91.5", "9999"]),
    "CheckLinkMemorySize": ("512", ["128", "129", "199", "999", "1699", "1769"], ["127", "1770", "64", "256.5", ""]),
    "MemorySize": ("512", ["128", "129", "199", "999", "1699", "1769"], ["127", "1770", "64", "512.5", ""]),
    "ApiBurst": ("100", ["1", "999", "1000", "5000"], ["0", "5001", "100.5", ""]),
}
ACCEPTED_AND_REFUSED = WHOLE_NUMBERS | {
    "SignzyBaseUrl": (
        "https://api.signzy.us/api/v3/us-kyc",
        [
            "https://api-preproduction.signzy.us/api/v3/us-kyc",
            "https://abc123.lambda-url.us-east-1.on.aws/api/v3/us-kyc/",
            "https://a.b:1",
            "https://localhost:65535",
            "http://127.0.0.1:8080/api",
            "http://signzy:8080",
        ],
        [
            "",
            "http://api.signzy.us/api",
            "http://134744072/api",  # 8.8.8.8
            "http://0x08080808/api",
            "http://127.0.0.2",
            "http://[::1]",
            "https://",
            "https://.signzy.us",
            "https://api..signzy.us",
            "https://api.signzy.us.",
            "https://-api.signzy.us",
            f"https://{'a' * 64}.us",
            "https://api.signzy.us:0",
            "https://api.signzy.us:65536",
            "https://api.signzy.us:99999",
            "https://user@api.signzy.us",
            "https://api.signzy.us/api?a=b",
            "https://api.signzy.us/api#a",
            "https://api.signzy.us//api",
            "https://api.signzy.us/a b",
            f"https://api.signzy.us/{'a' * 80}",
            "ftp://api.signzy.us",
        ],
    ),
    "CheckLinkReservedConcurrency": ("", ["", "1", "1000"], ["0", "-1", "1.5", "100000"]),
    "ApiRequestsPerSecond": ("50", ["1", "10000"], ["0", "10001"]),
    "ApiAccessLogRole": ("none", ["none", "existing", "create"], ["", "other"]),
    "LogRetentionDays": ("30", ["1", "30", "365", "3653"], ["0", "31", "366", "30.0"]),
    "EgressProxyUrl": (
        "",
        ["", "http://proxy.bank.example:3128", "http://proxy:8080/", "http://10.0.0.1:3128"],
        [
            "proxy:3128",
            "https://proxy:3128",
            "http://user:password@proxy:3128",
            "http://proxy/path",
            "http://proxy:0",
            f"http://{'a.' * 40}a",
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
        ["subnet-1", "vpc-01234567", "subnet-01234567, subnet-01234568", ",".join(["subnet-0123456789abcdef0"] * 5)],
    ),
    "VpcSecurityGroupIds": (
        "",
        ["", "sg-01234567", ",".join(["sg-0123456789abcdef0"] * 3)],
        ["default", "sg-01234567,", ",".join(["sg-0123456789abcdef0"] * 4)],
    ),
    "SenderAccounts": (
        "",
        ["", "123456789012", "111111111111,222222222222", ",".join(["123456789012"] * 100)],
        ["12345678901", "111111111111, 222222222222", "111111111111,", "*", ",".join(["123456789012"] * 101)],
    ),
    "UseFipsEndpoints": ("false", ["true", "false"], ["", "yes"]),
    "TracingEnabled": ("true", ["true", "false"], ["", "yes"]),
    "TableDeletionProtection": ("false", ["true", "false"], ["", "yes"]),
    "Architecture": ("x86_64", ["x86_64", "arm64"], ["x86", ""]),
    "KmsKeyArn": (
        "",
        ["", KEY, KEY.replace("arn:aws", "arn:aws-us-gov")],
        [KEY.replace("key/", "alias/"), "0a1b", KEY + ",x", KEY + "x" * 33],
    ),
    "PermissionsBoundaryArn": (
        "",
        ["", "arn:aws:iam::123456789012:policy/team/boundary", "arn:aws:iam::aws:policy/PowerUserAccess"],
        ["boundary", "arn:aws:iam::123456789012:role/boundary"],
    ),
    "RolePath": ("/", ["/", "/team/", "/team/linkwatch/"], ["", "team", "/team", "team/", "//", "/a b/"]),
    "AlarmEmail": ("", ["", "on-call@example.com"], ["on-call", "a@b@example.com", "a b@example.com"]),
    "AlarmTopicArn": ("", ["", TOPIC], ["pager", TOPIC.replace("sns", "sqs"), f"{TOPIC}:subscription"]),
    "AlarmOnLatenessSeconds": ("30", ["0", "600"], ["-1"]),
    "AlarmOnUnavailableChecksPercent": ("50", ["0", "100"], ["-1", "101"]),
    "AlarmOnUnknownOutcomesPercent": ("10", ["0", "100"], ["-1", "101"]),
    "AlarmOnRejectedOutcomesPercent": ("10", ["0", "100"], ["-1", "101"]),
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


def test_the_parameters_are_those_of_the_table_with_its_defaults():
    assert {name: str(parameter["Default"]) for name, parameter in PARAMETERS.items()} == {
        name: default for name, (default, *_) in ACCEPTED_AND_REFUSED.items()
    }


def test_every_parameter_accepts_its_default_and_says_what_it_is_for():
    for parameter in PARAMETERS.values():
        assert accepts(parameter, str(parameter["Default"]))
        assert parameter["Description"]


@pytest.mark.parametrize("name", ACCEPTED_AND_REFUSED)
def test_a_parameter_accepts_and_refuses_values(name):
    _, accepted, refused = ACCEPTED_AND_REFUSED[name]

    assert [value for value in accepted + refused if accepts(PARAMETERS[name], value)] == accepted


@pytest.mark.parametrize("name", WHOLE_NUMBERS)
def test_every_whole_number_in_its_range_is_accepted_and_no_other(name):
    _, accepted, _ = WHOLE_NUMBERS[name]
    least, most = int(accepted[0]), int(accepted[-1])

    assert [n for n in range(10_001) if accepts(PARAMETERS[name], str(n))] == list(range(least, most + 1))


# Only thresholds and the API's rate, which CloudWatch and API Gateway take as floats, are Numbers.
def test_a_parameter_of_type_number_may_be_a_fraction():
    numbers = {name for name, parameter in PARAMETERS.items() if parameter["Type"] == "Number"}

    assert {name for name in numbers if not name.startswith("AlarmOn")} == {"ApiRequestsPerSecond"}


def test_the_simulators_parameters_accept_whole_numbers_only():
    simulator = translated("simulator/template.yaml")["Parameters"]

    for name, accepted, refused in [
        ("WindowSeconds", ["300"], ["299.5", "9"]),
        ("ConcurrentRequests", ["0", "1000"], ["1001", "1.5"]),
    ]:
        assert [value for value in accepted + refused if accepts(simulator[name], value)] == accepted


def test_the_console_shows_every_parameter_in_one_group():
    groups = CLOUDFORMATION["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]

    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(PARAMETERS)


def test_the_sections_follow_the_story():
    assert re.findall(r"^  # ── (.*?) ─+$", TEXT, re.MULTILINE) == [
        *("ENTRY POINTS", "PROCESS", "STEPS", "STATE AND EVENTS", "RECOVERY", "MONITORING")
    ]
