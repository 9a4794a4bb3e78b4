"""Judges the guarantees G1 to G6 (docs/reliability.md) by what a verification left behind: item, events, requests to Signzy.

It calls nothing, so that its verdicts are tested on observations made by hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from operations.acceptance.findings import Finding, Verdict
from operations.acceptance.target import Window
from simulator.answers import ANSWERS
from simulator.client import SimulatorRequest

#: G1, while AWS is healthy: seconds beyond the window.
GRACE_SECONDS = 30
#: A check compares the clock with the deadline just before it sends the request; the simulator notes the time when it arrives.
ARRIVAL_SECONDS, SLOW_ARRIVAL_SECONDS = 0.5, 2
#: Requests of two executions at the same point of the schedule are closer than this, in milliseconds.
_AT_ONCE_MS = 300

#: After these a check sends its request again: with the token read again, or over a new connection.
_SENT_AGAIN = {"close", *(n for n, answer in ANSWERS.items() if answer.expect["reason"] == "CREDENTIALS_REFUSED")}
#: Reasons that only an answer of Signzy's can give, so that the simulator's log must show it.
_SAID_BY_SIGNZY = {"CREDENTIALS_REFUSED", "UPSTREAM_DOWN", "MALFORMED_IDS", "UNKNOWN_IDS"}
#: Reasons that a sound stack gives where Lambdas start late or are throttled.
_OF_SLOWNESS = {"TIMEOUT", "NO_CONNECTION", "CHECK_FAILED", "PAST_DEADLINE", "THROTTLED", "INTERRUPTED"}


@dataclass(frozen=True)
class Observation:
    """What a settled verification has left behind, and what was done to it. Times are the stack's, in epoch milliseconds."""

    #: As as_published() gives it.
    item: dict[str, Any]
    #: The outcome events, each once however often it was delivered.
    events: Sequence[dict[str, Any]]
    requests: Sequence[SimulatorRequest]
    window: Window
    case: str = ""
    cancel_statuses: Sequence[int] = ()
    #: How many executions were aborted, and when that was tried.
    aborts: int = 0
    aborts_ms: Sequence[float] = ()
    #: The executions before the last that Step Functions says have failed, each with its error.
    failures: Sequence[str] = ()
    #: Calls of AWS were refused, so that G1's time does not apply.
    is_disturbed: bool = False
    #: Answers of Signzy's were lost on their way to the execution.
    lost_answers: bool = False
    #: On the emulator, and in an account that allows few Lambdas at once: starts and checks may come late.
    is_slow: bool = False
    #: The outcomes that are possible; any if it is empty.
    expected: set[str] = field(default_factory=set)

    @property
    def sent_ms(self) -> float:
        """The whole second in which the link was sent."""
        return millis(self.item["linkSentAt"]) // 1000 * 1000

    @property
    def answers(self) -> list[str]:
        """What each request was answered, as CheckLink has to read it."""
        return [ANSWERS[r.answer].expect["answer"] if r.answer in ANSWERS else "UNAVAILABLE" for r in self.requests]

    @property
    def lacks_requests(self) -> bool:
        """Whether the simulator's log has fewer requests than the outcome counts checks."""
        return len(self.requests) < (self.item["checks"] or 0)

    @property
    def where(self) -> str:
        """For whoever looks into a breach."""
        asked = ", ".join(f"{(request.at_ms - self.sent_ms) / 1000:.2f}" for request in self.requests)
        outcome = f"{self.item['outcome']} {self.item['reason'] or ''}".strip()
        return f"verificationId {self.item.get('verificationId')}, {outcome}, Signzy asked after {asked or 'no'} s"


def millis(moment: str) -> float:
    """ISO 8601 in epoch milliseconds."""
    return datetime.fromisoformat(moment).timestamp() * 1000


def judge(seen: Observation) -> list[Finding]:
    """Every statement of the guarantees that can be checked on this verification."""
    item, events = seen.item, seen.events
    deadline_ms = millis(item["deadline"])
    in_time = max(deadline_ms, millis(item["startedAt"])) + GRACE_SECONDS * 1000
    latest = max((request.at_ms for request in seen.requests), default=0) - deadline_ms
    is_disturbed = seen.is_disturbed or bool(seen.aborts or seen.failures) or (seen.is_slow and not seen.requests)
    is_cancelled, overlaps = item["outcome"] == "CANCELLED", _overlaps(seen)
    log = "the simulator's log is not complete" if seen.lacks_requests else ""
    slow = "few Lambdas run at once here, or slowly" if seen.is_slow else ""
    late = slow if item["reason"] in _OF_SLOWNESS else ""
    missed = late or (slow if _missed_checks(seen) else "")
    arrival = slow if latest < SLOW_ARRIVAL_SECONDS * 1000 else ""
    failures = max(len(seen.failures), seen.aborts)
    repeated = "Step Functions may have repeated one call" if overlaps == 1 else ""

    def found(guarantee: str, what: str, is_true: bool, excuse: str = "") -> Finding:  # noqa: FBT001
        return Finding(guarantee, seen.case, what, is_true, seen.where, excuse)

    return [
        found("G1", "its event arrived", bool(events)),
        found("G1", "every event carries what is stored", all(_equals(item, event) for event in events)),
        found("G1", "a published item is not open", "openVerifications" not in item and "expiresAt" in item),
        found("G1", "in time while AWS is healthy", is_disturbed or millis(item["publishedAt"]) < in_time, slow),
        found("G2", "the deadline is the link's", abs(deadline_ms - seen.sent_ms - seen.window.seconds * 1000) < 1),
        found("G2", "no request after the deadline", latest < ARRIVAL_SECONDS * 1000, arrival),
        found("G3", "the outcome states what is known", _is_known(seen, is_disturbed=is_disturbed), late or log),
        found("G3", "a result only of a click", (item["result"] is None) == (item["outcome"] != "LINK_CLICKED")),
        found("G4", "a click that was seen is stored", _keeps_click(seen), late),
        found("G4", "a possible outcome", not seen.expected or item["outcome"] in seen.expected, missed),
        found("G4", "one check a point at most", (item["checks"] or 0) <= len(seen.window.points())),
        found("G5", "one execution watches at a time", seen.lost_answers or not overlaps, repeated),
        found("G5", "only a failed execution is replaced", item["takeovers"] <= failures),
        found("G5", "no execution fails by itself", item["takeovers"] <= seen.aborts, "; ".join(seen.failures)),
        found("G6", "a cancel answered with 200 is final", is_cancelled or 200 not in seen.cancel_statuses),
        found("G6", "nothing is cancelled unasked", not is_cancelled or _was_asked_to_cancel(seen)),
        found("G6", "a cancelled outcome carries nothing of a click", not is_cancelled or _is_bare(item)),
        found("G6", "409 means another outcome", not (is_cancelled and 409 in seen.cancel_statuses)),
    ]


def breaches(seen: Observation) -> list[str]:
    """The statements that are broken, as text."""
    return [f"{found.guarantee}: {found.what}" for found in judge(seen) if found.verdict is Verdict.BROKEN]


def _equals(item: dict[str, Any], event: dict[str, Any]) -> bool:
    return event["detail"] == {key: item.get(key) for key in event["detail"]}


def _is_bare(item: dict[str, Any]) -> bool:
    return (item["result"], item["reason"], item["checks"]) == (None, None, None)


def _was_asked_to_cancel(seen: Observation) -> bool:
    return any(status == 200 or status >= 500 for status in seen.cancel_statuses)


def _is_known(seen: Observation, *, is_disturbed: bool) -> bool:
    reason, answers = seen.item["reason"], seen.answers
    last_check_ms = millis(seen.item["deadline"]) - seen.window.lead * 1000
    match seen.item["outcome"]:
        case "LINK_CLICKED":
            return "CLICKED" in answers
        case "REJECTED":
            said_otherwise = "PENDING" in answers and not seen.lost_answers
            is_confirmed = answers[-2:] == ["REJECTED", "REJECTED"] or seen.lost_answers
            return is_confirmed and not said_otherwise and seen.item["takeovers"] == 0 and reason == _last_reason(seen)
        case "EXPIRED":
            said = zip(seen.requests, answers, strict=True)
            return any(answer == "PENDING" and request.at_ms >= last_check_ms - 1000 for request, answer in said)
        case "UNKNOWN":
            is_late = millis(seen.item["startedAt"]) >= millis(seen.item["deadline"])
            is_of_last_answer = reason not in _SAID_BY_SIGNZY or reason == _last_reason(seen)
            is_explained = is_disturbed or (is_of_last_answer and reason != "INTERRUPTED")
            return reason is not None and is_explained and is_late == (reason == "STARTED_TOO_LATE")
        case _:
            return True


def _last_reason(seen: Observation) -> str | None:
    last = seen.requests[-1].answer if seen.requests else ""
    return ANSWERS[last].expect["reason"] if last in ANSWERS else None


def _keeps_click(seen: Observation) -> bool:
    # An answer that was lost, or whose execution was aborted, was not seen.
    is_lost = bool(seen.aborts) or seen.lost_answers
    return is_lost or "CLICKED" not in seen.answers or seen.item["outcome"] in {"LINK_CLICKED", "CANCELLED"}


def _missed_checks(seen: Observation) -> bool:
    """Whether the first request came after the second point of the schedule: the scenario was not played from its beginning."""
    second_point_ms = seen.sent_ms + seen.window.points()[1] * 1000
    return not seen.requests or seen.requests[0].at_ms > second_point_ms


def _overlaps(seen: Observation) -> int:
    """How often two requests came at once that no single execution sends."""
    points_ms = [seen.sent_ms + second * 1000 for second in seen.window.points()]
    return sum(
        b.at_ms - a.at_ms <= _AT_ONCE_MS
        # A late check may be followed at once by that of the next point.
        and not any(a.at_ms < point_ms <= b.at_ms for point_ms in points_ms)
        and a.answer not in _SENT_AGAIN
        # The check of an aborted execution may still be on its way when its successor checks.
        and not any(abs(b.at_ms - at_ms) < 2000 for at_ms in seen.aborts_ms)
        for a, b in pairwise(seen.requests)
    )
