"""Everything ends: retries, time-outs and the fuse, added up from what is written."""

import re
from typing import Any

import pytest

from linkwatch.signzy import CHECK_SECONDS
from engine.definition import DEFINITION, RESOURCES, TASKS, TEMPLATE, default_of

#: Lambda's own errors may not eat the window; the table's and the bus's may be sat out for two minutes.
MOST_SECONDS = {"Check Link": 3, "Stop Old Watch": 3}
MOST_SECONDS_ELSEWHERE = 130
#: A start may lie this far ahead of linkSentAt (design.md, Contracts).
AHEAD_SECONDS = 60


def delays(retriers: list[dict[str, Any]]) -> list[int]:
    """The longest that each retry can wait, one after the other: no jitter."""
    return [
        min(retrier["IntervalSeconds"] * retrier["BackoffRate"] ** attempt, retrier["MaxDelaySeconds"])
        for retrier in retriers
        for attempt in range(retrier["MaxAttempts"])
    ]


def attempts(task: dict[str, Any]) -> int:
    return 1 + sum(retrier["MaxAttempts"] for retrier in task["Retry"])


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_bounded_and_nothing_it_does_is_left_uncaught(name):
    task = TASKS[name]

    assert type(task["TimeoutSeconds"]) is int
    assert task["Catch"][-1]["ErrorEquals"] == ["States.ALL"]
    for handler in (*task["Retry"][:-1], *task["Catch"][:-1]):
        assert "States.ALL" not in handler["ErrorEquals"], "alone and last, or Step Functions refuses the definition"
    assert len(task["Retry"][-1]["ErrorEquals"]) == 1 or "States.ALL" not in task["Retry"][-1]["ErrorEquals"]


@pytest.mark.parametrize("name", TASKS)
def test_the_retries_of_a_task_end_in_time_and_its_comment_says_when(name):
    waits = delays(TASKS[name]["Retry"])

    written = re.findall(r"at most ([\d+]+) = (\d+) s", TASKS[name]["Comment"])
    assert written == [("+".join(str(wait) for wait in waits), str(sum(waits)))]
    assert sum(waits) <= MOST_SECONDS.get(name, MOST_SECONDS_ELSEWHERE)


def test_the_time_outs_of_a_check_nest_and_fit_the_interval():
    task = TASKS["Check Link"]["TimeoutSeconds"]
    function = RESOURCES["CheckLink"]["Properties"]["Timeout"]

    assert CHECK_SECONDS < function < task < default_of("PollIntervalSeconds")
    written = re.findall(r"task (\d+) s > function (\d+) s > HTTP (\d+) s", TASKS["Check Link"]["Comment"])
    assert written == [(str(task), str(function), f"{CHECK_SECONDS:g}")]


def test_the_fuse_burns_longer_than_anything_lawful():
    longest_window = TEMPLATE["Parameters"]["WindowSeconds"]["MaxValue"]
    tasks = sum(sum(delays(task["Retry"])) + attempts(task) * task["TimeoutSeconds"] for task in TASKS.values())

    assert DEFINITION["TimeoutSeconds"] > AHEAD_SECONDS + longest_window + tasks
