"""Judges the guarantees G1 to G6 (docs/reliability.md) by what verifications left behind: item, events, requests to Signzy.

It calls nothing, so that its verdicts are tested on observations made by hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any

from simulator.answers import ANSWERS
from simulator.client import SimulatorRequest

GUARANTEES = ("G1", "G2", "G3", "G4", "G5", "G6", "contract")

#: G1, while AWS is healthy: seconds beyond the window.
GRACE_SECONDS = 30
#: A check compares the clock with the deadline just before it sends the request; the simulator notes the time when it arrives.
ARRIVAL_SECONDS, SLOW_ARRIVAL_SECONDS = 0.5, 2
#: Requests of two executions at the same point of the schedule are closer than this.
AT_ONCE_SECONDS = 0.3
#: After these a check sends its request again: with the token read again, or over a new connection.
_SENT_AGAIN = {"close", *(n for n, answer in ANSWERS.items() if answer.expect["reason"] == "CREDENTIALS_REFUSED")}
#: Reasons that only an answer of Signzy's can give, so that the simulator's log must show it.
_SAID_BY_SIGNZY = {"CREDENTIALS_REFUSED", "UPSTREAM_DOWN", "MALFORMED_IDS", "UNKNOWN_IDS"}
#: Reasons that a sound stack gives where Lambdas start late or are throttled.
_OF_SLOWNESS = {"TIMEOUT", "NO_CONNECTION", "CHECK_FAILED", "PAST_DEADLINE", "THROTTLED", "INTERRUPTED"}


class Verdict(StrEnum):
    """Undecided: what was seen does not tell a breach from a fault of what is around the stack."""

    KEPT = "kept"
    BROKEN = "BROKEN"
    UNDECIDED = "undecided"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement about one case. where: what to look at if it is not true; excuse: why a sound stack may look like that."""

    guarantee: str
    case: str
    what: str
    is_true: bool
    where: str = ""
    excuse: str = ""

    @property
    def verdict(self) -> Verdict:
        """A statement that is not true is undecided if there is an excuse for it."""
        if self.is_true:
            return Verdict.KEPT
        return Verdict.UNDECIDED if self.excuse else Verdict.BROKEN


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

    def parameters(self) -> dict[str, int]:
        """The template's."""
        return {"WindowSeconds": self.seconds, "PollIntervalSeconds": self.interval, "LastCheckLeadSeconds": self.lead}


@dataclass
class Observation:
    """What a settled verification has left behind, and what was done to it. Times are the stack's, in epoch milliseconds."""

    window: Window
    case: str = ""
    #: As as_published() gives it.
    item: dict[str, Any] = field(default_factory=dict)
    #: The outcome events, each once however often it was delivered.
    events: Sequence[dict[str, Any]] = ()
    requests: Sequence[SimulatorRequest] = ()
    cancel_statuses: list[int] = field(default_factory=list)
    #: How many executions were aborted, and when that was tried.
    aborts: int = 0
    aborts_ms: list[float] = field(default_factory=list)
    #: The executions before the last that Step Functions says have failed, each with its error.
    failures: Sequence[str] = ()
    #: On the emulator, and in an account that allows few Lambdas at once: starts and checks may come late.
    is_slow: bool = False
    #: The outcomes that are possible; any if it is empty.
    expected: set[str] = field(default_factory=set)

    def second(self, at_ms: float) -> float:
        """A time, in seconds after the whole second in which the link was sent."""
        return at_ms / 1000 - int(millis(self.item["linkSentAt"]) / 1000)

    @property
    def asked(self) -> list[float]:
        """When Signzy was asked, in seconds after the link was sent."""
        return [self.second(request.at_ms) for request in self.requests]

    @property
    def answers(self) -> list[str]:
        """What each request was answered, as CheckLink has to read it."""
        return [ANSWERS[r.answer].expect["answer"] if r.answer in ANSWERS else "UNAVAILABLE" for r in self.requests]

    @property
    def is_disturbed(self) -> bool:
        """Whether an execution has failed, so that G1's time does not apply."""
        return bool(self.aborts or self.failures)

    @property
    def lacks_requests(self) -> bool:
        """Whether the simulator's log has fewer requests than the outcome counts checks."""
        return len(self.requests) < (self.item["checks"] or 0)


def millis(moment: str) -> float:
    """ISO 8601 in epoch milliseconds."""
    return datetime.fromisoformat(moment).timestamp() * 1000


def judge(seen: Observation) -> list[Finding]:
    """Every statement of the guarantees that can be checked on this verification."""
    item, points, cancels = seen.item, seen.window.points(), seen.cancel_statuses
    deadline, started, published = (seen.second(millis(item[n])) for n in ("deadline", "startedAt", "publishedAt"))
    latest = max(seen.asked, default=0) - deadline
    is_in_time = seen.is_disturbed or published < max(deadline, started) + GRACE_SECONDS
    is_told = all(event["detail"] == {key: item.get(key) for key in event["detail"]} for event in seen.events)
    # An answer whose execution was aborted was not seen.
    is_click_seen = "CLICKED" in seen.answers and not seen.aborts
    keeps_click = not is_click_seen or item["outcome"] in {"LINK_CLICKED", "CANCELLED"}
    is_cancelled, overlaps = item["outcome"] == "CANCELLED", _overlaps(seen)
    is_bare = (item["result"], item["reason"], item["checks"]) == (None, None, None)
    was_asked_to_cancel = any(status == 200 or status >= 500 for status in cancels)

    log = "the simulator's log is not complete" if seen.lacks_requests else ""
    slow = "few Lambdas run at once here, or slowly" if seen.is_slow else ""
    late = slow if item["reason"] in _OF_SLOWNESS else ""
    # A scenario was not played from its beginning if the first request came after the second point of the schedule.
    missed = late or (slow if not seen.asked or seen.asked[0] > points[1] else "")
    arrival = slow if latest < SLOW_ARRIVAL_SECONDS else ""
    repeated = "Step Functions may have repeated one call" if overlaps == 1 else ""

    asked = [round(second, 2) for second in seen.asked]
    where = f"{item.get('verificationId')}, {item['outcome']} {item['reason'] or ''}, Signzy asked after {asked} s"

    def found(guarantee: str, what: str, is_true: bool, excuse: str = "") -> Finding:  # noqa: FBT001
        return Finding(guarantee, seen.case, what, is_true, where, excuse)

    return [
        found("G1", "its event arrived", bool(seen.events)),
        found("G1", "every event carries what is stored", is_told),
        found("G1", "a published item is not open", "openVerifications" not in item and bool(item.get("expiresAt"))),
        found("G1", "in time while AWS is healthy", is_in_time, slow),
        found("G2", "the deadline is the link's", abs(deadline - seen.window.seconds) < 0.001),
        found("G2", "no request after the deadline", latest < ARRIVAL_SECONDS, arrival),
        found("G3", "the outcome states what is known", _is_known(seen), late or log),
        found("G3", "a result only of a click", (item["result"] is None) == (item["outcome"] != "LINK_CLICKED")),
        found("G4", "a click that was seen is stored", keeps_click, late),
        found("G4", "a possible outcome", not seen.expected or item["outcome"] in seen.expected, missed),
        found("G4", "one check a point at most", (item["checks"] or 0) <= len(points)),
        found("G5", "one execution watches at a time", not overlaps, repeated),
        found("G5", "only a failed execution is replaced", item["takeovers"] <= max(len(seen.failures), seen.aborts)),
        found("G5", "no execution fails by itself", item["takeovers"] <= seen.aborts, "; ".join(seen.failures)),
        found("G6", "a cancel answered with 200 is final", is_cancelled or 200 not in cancels),
        found("G6", "nothing is cancelled unasked", not is_cancelled or was_asked_to_cancel),
        found("G6", "a cancelled outcome carries nothing of a click", not is_cancelled or is_bare),
        found("G6", "409 means another outcome", not (is_cancelled and 409 in cancels)),
    ]


def verdict_on(guarantee: str, findings: Sequence[Finding]) -> Verdict:
    """On one guarantee: a single breach breaks it."""
    found = {finding.verdict for finding in findings if finding.guarantee == guarantee}
    decisive = (Verdict.BROKEN, Verdict.UNDECIDED, Verdict.KEPT)
    return next((verdict for verdict in decisive if verdict in found), Verdict.NOT_TRIED)


def overall(findings: Sequence[Finding]) -> Verdict:
    """KEPT only if every guarantee was tried and nothing is undecided."""
    found = {verdict_on(guarantee, findings) for guarantee in GUARANTEES}
    if Verdict.BROKEN in found:
        return Verdict.BROKEN
    return Verdict.KEPT if found == {Verdict.KEPT} else Verdict.UNDECIDED


def _is_known(seen: Observation) -> bool:
    item, answers = seen.item, seen.answers
    reason, last = item["reason"], seen.requests[-1].answer if seen.requests else ""
    last_reason = ANSWERS[last].expect["reason"] if last in ANSWERS else None
    match item["outcome"]:
        case "LINK_CLICKED":
            return "CLICKED" in answers
        case "REJECTED":
            is_confirmed = answers[-2:] == ["REJECTED", "REJECTED"] and "PENDING" not in answers
            return is_confirmed and item["takeovers"] == 0 and reason == last_reason
        case "EXPIRED":
            last_point = seen.window.points()[-1]
            said = zip(seen.asked, answers, strict=True)
            return any(answer == "PENDING" and second >= last_point - 1 for second, answer in said)
        case "UNKNOWN":
            is_late = item["startedAt"] >= item["deadline"]
            is_invented = (reason in _SAID_BY_SIGNZY and reason != last_reason) or reason == "INTERRUPTED"
            is_explained = reason is not None and (seen.is_disturbed or not is_invented)
            return is_explained and is_late == (reason == "STARTED_TOO_LATE")
        case _:
            return True


def _overlaps(seen: Observation) -> int:
    """How often two requests came at once that no single execution sends."""
    points = seen.window.points()
    return sum(
        b - a <= AT_ONCE_SECONDS
        # A late check may be followed at once by that of the next point.
        and not any(a < point <= b for point in points)
        and request.answer not in _SENT_AGAIN
        # The check of an aborted execution may still be on its way when its successor checks.
        and not any(abs(b - seen.second(at_ms)) < 2 for at_ms in seen.aborts_ms)
        for request, (a, b) in zip(seen.requests, pairwise(seen.asked), strict=False)
    )
