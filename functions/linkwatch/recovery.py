"""Recovery: finishes what its execution left open. One rule, which may be applied at any time, twice or too late:

    An item that is open has an execution of the name that it holds running. If there never was one, start it.
    If it has died, name the next one in the item, then start that.

Dead is only what Step Functions says has ended. The name is written first: whoever dies after that has left a name that was
never started, and the rule starts it.
"""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from linkwatch.aws_errors import AwsUnavailable
from linkwatch.executions import Executions
from linkwatch.model import iso_from, parse_verification_id
from linkwatch.table import Item, Table

#: How many takeovers a verification gets before an engineer has to look, and how many more each time recovery is re-armed.
TAKEOVERS = 10
#: The pause before the second takeover. Each later one is twice as long, up to the longest: about 40 minutes for all ten.
FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(minutes=10)
#: From this takeover on something is wrong that AWS's own failures do not explain: an execution sits those out by itself.
REPEATED = 3
#: The sweep leaves a verification alone for this long after its start: its entry point is still at work.
STARTING = timedelta(seconds=30)
#: What guarantee G1 allows beyond the deadline.
GRACE = timedelta(seconds=30)
#: How many verifications a sweep recovers at once. More would only be throttled: Step Functions refills 150 to 300 starts a
#: second (https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html), and a call takes some 50 ms.
WORKERS = 16
#: A sweep that has more than this to recover lists what has died, 1,000 in a call, instead of asking for each by
#: DescribeExecution: AWS allows 10 to 15 of those a second, and 250 to 300 at once (same page).
DESCRIBED = 100


class Recovered(Enum):
    """What became of a verification that recovery looked at."""

    NOTHING_TO_DO = "published, or unknown"
    NAMES_ANOTHER = "the item names another execution"
    RUNNING = "its execution runs, started now if it never was"
    PAUSED = "its next takeover is due later"
    TAKEN_OVER = "taken over"
    TAKEN_OVER_REPEATEDLY = "taken over for the third time or more"
    EXHAUSTED = "taken over as often as allowed"


def verification_of(execution_name: str) -> str | None:
    """The verificationId in an execution's name; None where the execution is not one of ours."""
    return parse_verification_id(execution_name[:49])


def recover(item: Item, now: datetime, executions: Executions, table: Table, *, rearm: bool = False) -> Recovered:
    """Applies the rule to an open item, as it stands or as the index has it. rearm: where the takeovers are exhausted, allows
    TAKEOVERS more and makes the next at once. Raises AwsUnavailable; what that leaves half done, the rule finishes next time.
    """
    if executions.start(item["executionName"], item["verificationId"]):
        return Recovered.RUNNING
    ended_at = executions.ended_at(item["executionName"])
    if ended_at is None:
        return Recovered.RUNNING
    return take_over(item, now - ended_at, executions, table, rearm=rearm)


def take_over(item: Item, dead_for: timedelta, executions: Executions, table: Table, *, rearm: bool) -> Recovered:
    """The rule for an item whose execution has died, so long ago; as recover."""
    verification_id, name = item["verificationId"], item["executionName"]
    nth, limit = int(item["takeovers"]) + 1, int(item.get("takeoverLimit", TAKEOVERS))
    following: Item = {"executionName": f"{verification_id}-r{nth}", "takeovers": nth}
    if nth > limit:
        if not rearm:
            return Recovered.EXHAUSTED
        following["takeoverLimit"] = limit + TAKEOVERS
    elif dead_for < pause_before(nth):
        return Recovered.PAUSED
    if not table.name_next(verification_id, name, following):
        return Recovered.NAMES_ANOTHER
    executions.start(following["executionName"], verification_id)
    return Recovered.TAKEN_OVER_REPEATEDLY if nth >= REPEATED else Recovered.TAKEN_OVER


def recover_named(execution_name: str, now: datetime, executions: Executions, table: Table) -> Recovered:
    """Applies the rule to the verification of an execution that is said to have died. Raises AwsUnavailable."""
    verification_id = verification_of(execution_name)
    item = table.find(verification_id) if verification_id else None
    if not item or "publishedAt" in item:
        return Recovered.NOTHING_TO_DO
    if item["executionName"] != execution_name:
        return Recovered.NAMES_ANOTHER
    return recover(item, now, executions, table)


def pause_before(nth: int) -> timedelta:
    """How long after the end of the execution before it the nth takeover may start: at once for the first."""
    return min(FIRST_PAUSE * 2 ** (nth - 2), LONGEST_PAUSE) if nth > 1 else timedelta(0)


# ── The sweep ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a sweep found and did. open, late: how many verifications are not published, and how many of them are past their
    deadline by more than GRACE. recovered: by verificationId. failures: one for each that AWS did not let it recover. left:
    how many it had no time for.
    """

    open: int
    late: int
    recovered: dict[str, Recovered]
    failures: list[AwsUnavailable]
    left: int


def sweep(  # noqa: PLR0913  the last two are for an engineer and for tests
    now: datetime,
    has_time: Callable[[], bool],
    executions: Executions,
    table: Table,
    *,
    rearm: bool = False,
    described: int = DESCRIBED,
) -> Sweep:
    """Applies the rule to all open verifications whose execution is not among the running, several at once, in an order drawn
    by chance, so that none is always the last where the time does not suffice. rearm: as for recover. described:
    how many it recovers without listing what has died. Raises AwsUnavailable where it cannot list them.
    """
    items = list(table.open())
    due = _due(items, now, executions)
    died: dict[str, datetime] = {}
    if len(due) > described:
        died = executions.died(datetime.fromisoformat(min(item["startedAt"] for item in due)) - STARTING)

    def recover_one(item: Item) -> Recovered | AwsUnavailable | None:
        try:
            if not has_time():
                return None
            if ended_at := died.get(item["executionName"]):
                return take_over(item, now - ended_at, executions, table, rearm=rearm)
            return recover(item, now, executions, table, rearm=rearm)
        except AwsUnavailable as error:
            return error

    with ThreadPoolExecutor(WORKERS) as pool:
        results = list(pool.map(recover_one, due))
    return Sweep(
        open=len(items),
        late=sum(item["openVerifications"] < iso_from(now - GRACE) for item in items),
        recovered={
            item["verificationId"]: result
            for item, result in zip(due, results, strict=True)
            if isinstance(result, Recovered)
        },
        failures=[result for result in results if isinstance(result, AwsUnavailable)],
        left=results.count(None),
    )


def _due(items: list[Item], now: datetime, executions: Executions) -> list[Item]:
    """Those whose execution is not among the running and whose entry point is no longer at work, in an order drawn by chance."""
    running = set(executions.running())
    due = [
        item for item in items if item["executionName"] not in running and item["startedAt"] < iso_from(now - STARTING)
    ]
    random.shuffle(due)
    return due
