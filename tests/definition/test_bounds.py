"""Everything ends, and nothing ends too early: the sums of retries, time-outs and the history."""

import math
from datetime import timedelta

import pytest

from linkwatch.signzy import CHECK_SECONDS
from tests.definition.engine.definition import DEFINITION, RESOURCES, TASKS, TEMPLATE, values_of

#: The tasks that retry until an outage ends; a check's retries must not use up the window.
PATIENT = [name for name in TASKS if name != "Check Link"]
#: An outage of a day, and some time for somebody to notice its end.
LONGEST_OUTAGE = timedelta(hours=26).total_seconds()
#: G1: what an outage has delayed is finished within ten minutes of its end.
LONGEST_PAUSE = timedelta(minutes=10).total_seconds()
#: A start may be this long before linkSentAt (docs/contracts.md).
AHEAD_SECONDS = 60
LONGEST_WINDOW = values_of("WindowSeconds")[-1]
CHECK = TASKS["Check Link"]


def pauses(task: dict) -> list[float]:
    """The longest that each retry waits, one after the other, in seconds: without jitter."""
    return [
        min(retrier["IntervalSeconds"] * retrier["BackoffRate"] ** attempt, retrier["MaxDelaySeconds"])
        for retrier in task["Retry"]
        for attempt in range(retrier["MaxAttempts"])
    ]


def attempts(name: str) -> int:
    return 1 + len(pauses(TASKS[name]))


def visits(name: str) -> int:
    """A lost answer of Record sends an execution back to Read once: then an outcome is stored."""
    return 2 if name == "Read Verification" else 1


@pytest.mark.parametrize("name", TASKS)
def test_every_task_is_bounded_and_catches_all_errors_alone_and_last(name):
    task = TASKS[name]

    assert type(task["TimeoutSeconds"]) is int
    for handlers in (task["Retry"], task.get("Catch", [])):
        # Or Step Functions refuses the definition.
        assert [nth for nth, it in enumerate(handlers, 1) if "States.ALL" in it["ErrorEquals"]] in ([], [len(handlers)])
        assert all(it["ErrorEquals"] == ["States.ALL"] for it in handlers if "States.ALL" in it["ErrorEquals"])


def test_a_check_ends_within_its_interval():
    function = RESOURCES["CheckLink"]["Properties"]["Timeout"]
    interval = int(TEMPLATE["Parameters"]["PollIntervalSeconds"]["Default"])

    assert sum(pauses(CHECK)) <= 3
    assert CHECK_SECONDS < function < CHECK["TimeoutSeconds"] < interval


@pytest.mark.parametrize("name", PATIENT)
def test_the_retries_outlast_an_outage_of_a_day_even_with_short_random_pauses(name):
    longest = pauses(TASKS[name])
    assert all(it["JitterStrategy"] == "FULL" for it in TASKS[name]["Retry"] if it["MaxAttempts"])

    # With full jitter each wait is uniform between 0 and its longest: its mean is half of that, its variance the square by 12.
    expected, deviation = sum(longest) / 2, math.sqrt(sum(pause**2 for pause in longest) / 12)

    assert expected - 6 * deviation >= LONGEST_OUTAGE
    assert max(longest) <= LONGEST_PAUSE


@pytest.mark.parametrize("name", PATIENT)
def test_errors_that_a_retry_cannot_change_are_not_retried(name):
    first = TASKS[name]["Retry"][0]

    assert first["MaxAttempts"] == 0
    caught = {error for catcher in TASKS[name].get("Catch", ()) for error in catcher["ErrorEquals"]}
    assert set(first["ErrorEquals"]) == {"States.QueryEvaluationError", *caught}


def test_the_time_out_of_an_execution_is_longer_than_its_longest_run():
    tasks = sum(
        visits(name) * (sum(pauses(task)) + attempts(name) * task["TimeoutSeconds"]) for name, task in TASKS.items()
    )

    assert AHEAD_SECONDS + LONGEST_WINDOW + tasks < DEFINITION["TimeoutSeconds"]


def test_the_longest_history_stays_below_its_limit():
    # https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html: 25,000 events. A state has two, a task three more
    # for each attempt. With one check a second, checks that are retried come every other second at the earliest.
    loop = 2 + 2 + 2
    shortest_interval = values_of("PollIntervalSeconds")[0]
    each_second = max((loop + 3) / shortest_interval, (loop + 3 * attempts("Check Link")) / (2 * shortest_interval))
    patient = sum(visits(name) * (2 + 3 * attempts(name)) for name in PATIENT)

    assert LONGEST_WINDOW * each_second + patient + 10 < 25_000
