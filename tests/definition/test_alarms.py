"""Each alarm has its entry in the runbook, and each entry its alarm."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_alarms_and_runbook_entries_are_the_same():
    template = (ROOT / "template.yaml").read_text()
    alarms = re.findall(r"^  (\w+):\n    Type: AWS::CloudWatch::Alarm$", template, re.MULTILINE)
    entries = re.findall(r"^## (\w+)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE)

    assert sorted(alarms) == sorted(entries)
