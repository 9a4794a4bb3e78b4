"""Recovery: replaces executions that failed before their verification was published.

One rule, which anyone may apply at any time, repeatedly or late:

    Every open item names an execution, and that execution is running. If it was never started, start it.
    If it has failed, write the name of the next one into the item, then start that.

An execution counts as failed only when Step Functions says that it has ended. The name is written first: if recovery fails
after that, the item names an execution that was never started, and the rule starts it.
"""

import random
from collections.abc import Callable, Iterable, Iterator
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
#: Seconds between the end of an execution and the takeover that replaces it: none before the first takeover, 10 s before the
#: second, 10 minutes before the eighth and every later one. The first ten take about 40 minutes in all.
PAUSES = (0, 10, 20, 40, 80, 160, 320, 600)
#: From this takeover on, something is wrong that AWS's own failures do not explain: an execution retries until an outage ends.
REPEATED = 3
#: The sweep ignores a verification for this long after its start: its entry point may not have started the execution yet.
STARTING = timedelta(seconds=30)
#: What guarantee G1 allows beyond the deadline.
GRACE = timedelta(seconds=30)
#: How many verifications a sweep recovers at once. More would only be throttled: Step Functions refills 150 to 300 starts a
#: second (https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html), and a call takes some 50 ms.
WORKERS = 16

#: The longest that one call may take: two tries of 1 s to connect and 1 s to answer, and a back-off of 1 s. A connect time-out
#: applies to each address of a name, and nothing limits the resolution of the name: RESERVE_SECONDS has 2 s for these.
CALL_SECONDS = 5
#: The most calls for one item: StartExecution, DescribeExecution, UpdateItem, StartExecution.
CALLS_FOR_AN_ITEM = 4
#: A sweep begins nothing when less than this is left of its function's time. Later sweeps do the rest.
RESERVE_SECONDS = CALLS_FOR_AN_ITEM * CALL_SECONDS + 2
#: A sweep lists nothing more when less than this is left, so that even the longest list leaves time to recover some items.
LISTING_RESERVE_SECONDS = RESERVE_SECONDS + 10


class Recovered(Enum):
    """What recovery did for a verification."""

    NOTHING_TO_DO = "published, unknown, or names another execution"
    RUNNING = "its execution runs, or was started now"
    PAUSED = "its next takeover is due later"
    TAKEN_OVER = "taken over"
    TAKEN_OVER_REPEATEDLY = "taken over for the third time or more"
    EXHAUSTED = "taken over as often as allowed"


def verification_of(execution_name: str) -> str | None:
    """The verificationId in an execution's name, which is {requestId}-{sessionId}, alone or followed by a hyphen and a suffix.
    None for any other name.
    """
    return parse_verification_id("-".join(execution_name.split("-")[:2]))


def recover(item: Item, now: datetime, executions: Executions, table: Table, *, rearm: bool = False) -> Recovered:
    """Applies the rule to an open item, read from the table or from its index. rearm: where the takeovers are exhausted, allows
    TAKEOVERS more and makes the next one at once. Raises AwsUnavailable: a later call finishes what that leaves half done.
    """
    if executions.start(item["executionName"], item["verificationId"]):
        return Recovered.RUNNING
    ended_at = executions.ended_at(item["executionName"])
    if ended_at is None:
        return Recovered.RUNNING
    return take_over(item, now - ended_at, executions, table, rearm=rearm)


def take_over(item: Item, ended_for: timedelta, executions: Executions, table: Table, *, rearm: bool) -> Recovered:
    """Takes over an item whose execution ended ended_for ago. See recover()."""
    verification_id, name = item["verificationId"], item["executionName"]
    nth, limit = int(item["takeovers"]) + 1, int(item.get("takeoverLimit", TAKEOVERS))
    following: Item = {"executionName": f"{verification_id}-r{nth}", "takeovers": nth}
    if nth > limit:
        if not rearm:
            return Recovered.EXHAUSTED
        following["takeoverLimit"] = limit + TAKEOVERS
    elif ended_for < pause_before(nth):
        return Recovered.PAUSED
    if not table.name_next(verification_id, name, following):
        return Recovered.NOTHING_TO_DO
    executions.start(following["executionName"], verification_id)
    return Recovered.TAKEN_OVER_REPEATEDLY if nth >= REPEATED else Recovered.TAKEN_OVER


def recover_named(execution_name: str, now: datetime, executions: Executions, table: Table) -> Recovered:
    """Applies the rule to the verification of an execution that was reported as failed. Raises AwsUnavailable."""
    verification_id = verification_of(execution_name)
    item = table.find(verification_id) if verification_id else None
    if not item or "publishedAt" in item or item["executionName"] != execution_name:
        return Recovered.NOTHING_TO_DO
    return recover(item, now, executions, table)


def pause_before(nth: int) -> timedelta:
    """How long after the end of an execution the nth takeover may start."""
    return timedelta(seconds=PAUSES[min(nth, len(PAUSES)) - 1])


# ── The sweep ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that failed while listing (verification_id is None), or an item that could not be recovered. error: the call and
    AWS's code, such as "Scan: ThrottlingException"; for an error of ours the name of its type.
    """

    error: str
    verification_id: str | None = None


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a sweep found and did. open: how many open verifications it listed; late: how many of those are past their deadline by
    more than GRACE. is_complete: whether it listed all. recovered: by verificationId. left: how many it had no time for.
    """

    open: int
    late: int
    is_complete: bool
    recovered: dict[str, Recovered]
    failures: list[Failure]
    left: int


def sweep(
    now: datetime, seconds_left: Callable[[], float], executions: Executions, table: Table, *, rearm: bool = False
) -> Sweep:
    """Applies the rule to all open verifications whose execution is not listed as running, several at once, in random order, so
    that none is always the last when the time does not suffice. What AWS refuses and what an item raises is in the failures. A
    list that is cut short leaves items to later sweeps, or costs calls that change nothing.

    seconds_left: of the function's time. rearm: see recover().
    """
    failures: list[Failure] = []

    def listed[Entry](pages: Iterator[Iterable[Entry]]) -> tuple[list[Entry], bool]:
        """The entries of all pages, and whether there was time for all, without a failure."""
        entries: list[Entry] = []
        try:
            while seconds_left() > LISTING_RESERVE_SECONDS:
                page = next(pages, None)
                if page is None:
                    return entries, True
                entries += page
        except AwsUnavailable as error:
            failures.append(Failure(str(error)))
        return entries, False

    items, is_complete = listed(table.open_pages())
    running = frozenset(listed(executions.running_pages())[0])
    due = [item for item in items if str(item.get("executionName")) not in running and not _is_starting(item, now)]
    starts = [started_at for item in due if (started_at := _started_at(item))]
    failed = dict(listed(executions.failed_pages(min(starts) - STARTING))[0]) if starts else {}
    random.shuffle(due)

    def recover_one(item: Item) -> Recovered | Failure | None:
        try:
            if seconds_left() <= RESERVE_SECONDS:
                return None
            if ended_at := failed.get(item["executionName"]):
                return take_over(item, now - ended_at, executions, table, rearm=rearm)
            return recover(item, now, executions, table, rearm=rearm)
        except AwsUnavailable as error:
            return Failure(str(error), item["verificationId"])
        except Exception as error:  # noqa: BLE001  one item with wrong values, or a bug, must not stop the recovery of the others
            return Failure(type(error).__name__, parse_verification_id(item["verificationId"]))

    with ThreadPoolExecutor(WORKERS) as pool:
        results = list(pool.map(recover_one, due))
    late_before = iso_from(now - GRACE)
    return Sweep(
        open=len(items),
        late=sum(item["openVerifications"] < late_before for item in items),
        is_complete=is_complete,
        recovered={
            item["verificationId"]: result
            for item, result in zip(due, results, strict=True)
            if isinstance(result, Recovered)
        },
        failures=failures + [result for result in results if isinstance(result, Failure)],
        left=results.count(None),
    )


def _is_starting(item: Item, now: datetime) -> bool:
    """Whether the item's entry point may still be about to start its execution."""
    started_at = _started_at(item)
    return started_at is not None and started_at >= now - STARTING


def _started_at(item: Item) -> datetime | None:
    """When the item was put; None where it does not say so in a valid way."""
    try:
        started_at = datetime.fromisoformat(item["startedAt"])
    except (KeyError, TypeError, ValueError):
        return None
    return started_at if started_at.tzinfo else None
