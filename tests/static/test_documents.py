"""The runbook and security.md say the same of alarms and roles as the tables that the template is checked against."""

import re

import pytest

from local.checkout import ROOT
from tests.static.alarms import ALARMS
from tests.static.roles import ROLES
from tests.static.template import DEFAULT

RUNBOOK = (ROOT / "docs" / "runbook.md").read_text("utf-8")
SECURITY = (ROOT / "docs" / "security.md").read_text("utf-8")
SECTIONS = {part.partition("\n")[0]: " ".join(part.split()) for part in RUNBOOK.split("\n## ")[1:]}
#: Alarms of the same kind share a section.
SHARED = re.compile(r"\w+?(Errors|Throttles)$")


def section_of(alarm: str) -> str:
    shared = SHARED.fullmatch(alarm)
    return SECTIONS[f"{{Function}}{shared[1]}" if shared else alarm]


@pytest.mark.parametrize("alarm", ALARMS)
def test_the_runbook_has_a_section_with_severity_and_description(alarm):
    severity, _, description = DEFAULT.properties(alarm)["AlarmDescription"].partition(": ")
    section = section_of(alarm)

    if SHARED.fullmatch(alarm):
        assert severity in section
    else:
        assert f"**{severity}.** *{description.rstrip('.')}" in section


def actions_in(text: str) -> set[str]:
    """The actions in a row: `service:Action`, and those after it that leave the service out."""
    found, service = set(), ""
    for given, action in re.findall(r"`(?:(\w+):)?([A-Z]\w+)`", text):
        service = given or service
        found.add(f"{service}:{action}")
    return found


@pytest.mark.parametrize("role", [name for name in ROLES if name != "ApiAccessLogWriter"])
def test_security_lists_the_actions_of_each_role(role):
    row = re.search(rf"^\| {role.removesuffix('Role')}\b[^|]*\|(.*)\|$", SECURITY, re.MULTILINE)
    assert row
    allowed = {action for actions, _, _ in ROLES[role].allowed for action in actions.split(", ")}
    for_all = ("logs:", "xray:", "kms:", "ec2:")  # the document has these once, for all roles

    assert {action for action in allowed if not action.startswith(for_all)} == actions_in(row[1])
