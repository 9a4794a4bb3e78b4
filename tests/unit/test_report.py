"""The report: its rows, the period that they are from, what it reads, and its page in a headless browser."""

import re
import shutil
import subprocess
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from operations.environment import BadChoice
from operations.report import page, period, row, rows

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY_BEFORE, NOVEMBER = datetime(2026, 11, 24, 12, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
CLICKED = {
    "verificationId": "a" * 24 + "-" + "b" * 24,
    "outcome": "LINK_CLICKED",
    "reason": "",
    "linkSentAt": "2026-11-25T10:00:00.250Z",
    "deadline": "2026-11-25T10:05:00.000Z",
    "startedAt": "2026-11-25T10:00:00.250Z",
    "settledAt": "2026-11-25T10:00:30.400Z",
    "publishedAt": "2026-11-25T10:00:30.900Z",
    "checks": 3,
    "takeovers": 0,
    "source": "API",
}
EXPIRED = {"outcome": "EXPIRED", "settledAt": "2026-11-25T10:04:58.300Z", "checks": 30}
OPEN = {"outcome": None, "settledAt": None, "publishedAt": None, "checks": None}


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        pytest.param(
            {},
            {"checks": 3, "checks_due": 3, "late": 0.4, "seconds": 30.15, "publishing": 0.5, "reason": None},
            id="clicked",
        ),
        pytest.param(EXPIRED, {"checks_due": 30, "late": 0.3}, id="expired, after the last check"),
        pytest.param({"startedAt": "2026-11-25T10:00:15.000Z"}, {"checks_due": 2}, id="due only after the start"),
        pytest.param(OPEN, {"outcome": "OPEN", "seconds": None, "checks_due": None, "late": None}, id="open"),
        pytest.param({"outcome": "CANCELLED", "checks": None}, {"checks_due": None, "late": None}, id="cancelled"),
    ],
)
def test_a_row_says_how_late_an_outcome_was_and_which_checks_were_due(changes, shown):
    made = row(CLICKED | changes, 10, 2)

    assert {name: made[name] for name in shown} == shown


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, (DAY_BEFORE, NOW)),
        ({"HOURS": "24", "UNTIL": "2026-11-25T14:00:00+02:00"}, (DAY_BEFORE, NOW)),
        ({"SINCE": "2026-11-01"}, (NOVEMBER, NOW)),
    ],
)
def test_the_period_is_the_one_chosen(chosen, expected):
    assert period(chosen, NOW) == expected


@pytest.mark.parametrize("chosen", [{"HOURS": "a day"}, {"HOURS": "99999999"}, {"SINCE": "2027-01-01"}])
def test_an_impossible_period_is_refused(chosen):
    with pytest.raises(BadChoice):
        period(chosen, NOW)


class FakeStack:
    """A stack whose table has one page of items; it records what it is asked for."""

    outputs: ClassVar = SimpleNamespace(TableName="Verifications")
    parameters: ClassVar = {"PollIntervalSeconds": "10", "LastCheckLeadSeconds": "2"}

    def client(self, _: str) -> Any:
        return SimpleNamespace(get_paginator=lambda _: self)

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        self.asked = asked
        older = CLICKED | {"linkSentAt": "2026-11-25T09:59:59.000Z"}
        typed = [{k: {"N" if isinstance(v, int) else "S": str(v)} for k, v in it.items()} for it in (older, CLICKED)]
        return [{"Items": typed}]


def test_the_table_is_asked_for_nothing_personal():
    stack = FakeStack()

    found = rows(stack, DAY_BEFORE, NOW)  # pyright: ignore[reportArgumentType]

    assert [each["sent"] for each in found] == [CLICKED["linkSentAt"], "2026-11-25T09:59:59.000Z"]
    assert not {"result", "correlationId", "requestId"} & set(stack.asked["ExpressionAttributeNames"].values())


def test_the_page_loads_nothing_from_elsewhere():
    own_markup = re.sub(r"<script>.*?</script>", "", page([row(CLICKED, 10, 2)], "linkwatch"), flags=re.DOTALL)

    assert not re.search(r"(src|href|url)\s*[=(]", own_markup)


@pytest.mark.skipif(CHROMIUM is None, reason="this machine has no chromium (apt install chromium)")
@pytest.mark.parametrize(("changes", "charts"), [([{}, EXPIRED, OPEN], 3), ([], 0)], ids=["three links", "none"])
def test_the_page_draws_its_charts_and_lists_every_verification(tmp_path, changes, charts):
    found = [row(CLICKED | {"verificationId": f"id-{n}"} | each, 10, 2) for n, each in enumerate(changes)]
    file = tmp_path / "report.html"
    file.write_text(page(found, "linkwatch"), "utf-8")

    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000"]
    command = [str(CHROMIUM), *options, "--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom", file.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout

    assert dom.count('data-drawn="yes"') == charts
    assert f"{len(found)} found" in dom
    assert all(f"<td>{each['id']}</td>" in dom for each in found)
