"""The guarantees G1 to G6 (docs/reliability.md), held against what came out of a verification: item, events, Signzy's log.

make accept judges by them, and so do the generated scenarios (make scenarios-deployed).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from simulator.answers import ANSWERS
from simulator.client import VendorRequest

#: G1, while AWS is healthy: seconds beyond the window.
GRACE_SECONDS = 30
#: The clock is read before the request is sent; this much later it may arrive, on a busy machine under an accelerated clock.
ARRIVAL_SECONDS = 0.5

#: After these a check asks once more: with the token read afresh, or over a new connection.
_ASKED_AGAIN = {"close", *(n for n, answer in ANSWERS.items() if answer.expect["reason"] == "CREDENTIALS_REFUSED")}


@dataclass(frozen=True, slots=True)
class Window:
    """A stack's parameters, in seconds."""

    seconds: int
    interval: int
    lead: int

    def points(self) -> list[int]:
        """When checks are due, in seconds after the link was sent."""
        last = self.seconds - self.lead
        return [*(second for second in range(self.interval, self.seconds, self.interval) if second < last), last]


@dataclass(frozen=True)
class Seen:
    """What a verification has left behind, and what was done to it. Times in epoch milliseconds by the stack's clock."""

    item: dict[str, Any]
    events: Sequence[dict[str, Any]]
    checks: Sequence[VendorRequest]
    window: Window
    cancel_statuses: Sequence[int] = ()
    #: How many executions were aborted, and when that was tried.
    aborts: int = 0
    aborts_ms: Sequence[float] = ()
    #: Calls of AWS were refused, so that G1's time and its one event are not asked for.
    is_disturbed: bool = False
    #: Among them calls of CheckLink, whose answers were lost.
    lost_answers: bool = False
    #: Its start may be left to a sweep, because AWS is slow here; that may come after so short a window: then there is no check.
    may_start_late: bool = False
    #: The outcomes that there may be; any where it is empty.
    expected: set[str] = field(default_factory=set)

    @property
    def sent_ms(self) -> float:
        """The whole second in which the link was sent."""
        return millis(self.item["linkSentAt"]) // 1000 * 1000

    @property
    def said(self) -> list[str]:
        """What each request was answered, as CheckLink has to read it."""
        return [ANSWERS[c.answer].expect["answer"] if c.answer in ANSWERS else "UNAVAILABLE" for c in self.checks]


def millis(moment: str) -> float:
    """ISO 8601 in epoch milliseconds."""
    return datetime.fromisoformat(moment).timestamp() * 1000


def judged(seen: Seen) -> dict[str, bool]:
    """What was held against the guarantees, "G1: …", and whether it holds."""
    item, events = seen.item, seen.events
    deadline_ms = millis(item["deadline"])
    in_time = max(deadline_ms, millis(item["startedAt"])) + GRACE_SECONDS * 1000
    starts_late = seen.may_start_late and not seen.checks
    is_disturbed = seen.is_disturbed or bool(seen.aborts) or starts_late
    is_cancelled = item["outcome"] == "CANCELLED"
    return {
        "G1: its event has come": bool(events),
        "G1: every event carries what is stored": all(
            event["detail"] == {key: item.get(key) for key in event["detail"]} for event in events
        ),
        "G1: what is published is not open": "openVerifications" not in item and "expiresAt" in item,
        "G1: in time while AWS is healthy": is_disturbed or millis(item["publishedAt"]) < in_time,
        # An execution that is cancelled may publish the cancel, too, before it is stopped.
        "G1: one event while AWS is healthy": is_disturbed or bool(seen.cancel_statuses) or len(events) <= 1,
        "G2: the deadline is where it was": abs(deadline_ms - seen.sent_ms - seen.window.seconds * 1000) < 1,
        "G2: no check after the deadline": all(c.at_ms < deadline_ms + ARRIVAL_SECONDS * 1000 for c in seen.checks),
        "G3: the outcome says what is known": _is_known(seen, is_disturbed=is_disturbed),
        "G4: a click that was seen is stored": _keeps_what_was_seen(seen),
        "G4: the outcome is one that what happened can have": not seen.expected or item["outcome"] in seen.expected,
        "G5: one execution watches at a time": _checks_apart(seen),
        "G5: an execution is replaced only when it has died": item["takeovers"] <= seen.aborts,
        "G6: a cancel answered with 200 is final": is_cancelled or 200 not in seen.cancel_statuses,
        "G6: nobody cancelled what is CANCELLED": not is_cancelled or bool({200, 503} & set(seen.cancel_statuses)),
        "G6: nothing of a click in a cancel": not is_cancelled
        or (item["result"], item["reason"], item["checks"]) == (None, None, None),
        "G6: a cancel answered with 409 found another outcome": not (is_cancelled and 409 in seen.cancel_statuses),
    }


def breaches(seen: Seen) -> list[str]:
    """What does not hold; nothing, if all is well."""
    return [guarantee for guarantee, holds in judged(seen).items() if not holds]


def _is_known(seen: Seen, *, is_disturbed: bool) -> bool:
    item, said = seen.item, seen.said
    last_check_ms = millis(item["deadline"]) - seen.window.lead * 1000
    return {
        "LINK_CLICKED": "CLICKED" in said and item["result"] is not None,
        "REJECTED": "REJECTED" in said and item["reason"] is not None,
        "CANCELLED": True,
        "EXPIRED": any(
            says == "PENDING" and check.at_ms >= last_check_ms - 1000
            for check, says in zip(seen.checks, said, strict=True)
        ),
        "UNKNOWN": item["reason"] not in {None, "INTERRUPTED"} or is_disturbed,
    }[item["outcome"]] and (item["result"] is None) == (item["outcome"] != "LINK_CLICKED")


def _keeps_what_was_seen(seen: Seen) -> bool:
    # An answer that Lambda or the execution died with was not seen.
    is_lost = seen.aborts or seen.lost_answers
    return bool("CLICKED" not in seen.said or is_lost or seen.item["outcome"] in {"LINK_CLICKED", "CANCELLED"})


def _checks_apart(seen: Seen) -> bool:
    # Two requests of one check: a second try after a refused token or on a connection that was closed without an answer, or Step
    # Functions' retry of a call that did take effect.
    # After an abort the check of the dead may still be on its way when its successor checks. A late check may be followed at
    # once by that of the next point, and the last point is a second after the one before.
    points_ms = [seen.sent_ms + second * 1000 for second in seen.window.points()]
    return seen.lost_answers or all(
        b.at_ms - a.at_ms > 300
        or any(a.at_ms < point_ms <= b.at_ms for point_ms in points_ms)
        or a.answer in _ASKED_AGAIN
        or any(abs(b.at_ms - at_ms) < 2000 for at_ms in seen.aborts_ms)
        for a, b in pairwise(seen.checks)
    )
