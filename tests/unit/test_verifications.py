"""Starting, finding, cancelling and resuming, with fakes that remember what was done to them."""

from datetime import UTC, datetime

import pytest

from linkwatch import verifications
from linkwatch.executions import Execution, Executions
from linkwatch.model import AwsUnavailable, Ids, Start
from linkwatch.table import Table
from linkwatch.verifications import MAX_TAKEOVERS, Resumed

SENT_AT = datetime(2026, 11, 23, 10, 0, 0, 250_000, UTC)
START = Start(Ids("A" * 24, "b" * 24), SENT_AT, None, "API", "request-1", SENT_AT)
ID = f"{'a' * 24}-{'b' * 24}"
GIVEN = {
    "verificationId": ID,
    "requestId": "A" * 24,
    "sessionId": "b" * 24,
    "correlationId": None,
    "linkSentAt": "2026-11-23T10:00:00.250Z",
    "deadline": "2026-11-23T10:05:00.000Z",
    "startedAt": "2026-11-23T10:00:00.250Z",
    "source": "API",
}


class FakeExecutions(Executions):
    def __init__(self, failure: Exception | None = None) -> None:
        self.known: dict[str, Execution] = {}
        self.failure = failure

    def start(self, name, execution_input):
        if self.failure:
            raise self.failure
        if name in self.known:
            return False
        self.known[name] = Execution(name, is_running=True, input=execution_input, output={})
        return True

    def find(self, name):
        return self.known.get(name)

    def end(self, name, **output):
        self.known[name] = Execution(name, is_running=False, input=self.known[name].input, output=output)
        return self.known[name]


class FakeTable(Table):
    def __init__(self, failure: Exception | None = None) -> None:
        self.items: dict[str, dict] = {}
        self.failure = failure

    def find(self, verification_id):
        return self.items.get(verification_id)

    def add(self, item):
        if self.failure:
            raise self.failure
        self.items.setdefault(item["verificationId"], item)


@pytest.fixture
def executions():
    return FakeExecutions()


@pytest.fixture
def table():
    return FakeTable()


@pytest.fixture
def watched(executions, table):
    """A verification that its first execution watches."""
    verifications.start(START, 300, executions, table)


def resume(executions, table, stopped=None):
    return verifications.resume(ID, stopped, "event-1", executions, table)


# ── Start and find ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_start_makes_an_execution_named_after_the_verification(executions, table):
    verification, is_new = verifications.start(START, 300, executions, table)

    assert is_new
    assert executions.known[ID].input == {
        **GIVEN,
        "askedBy": "request-1",
        "attempt": 0,
        "predecessor": None,
        "cancel": False,
    }
    assert (verification["status"], verification["checks"]) == ("WATCHING", 0)


def test_a_start_is_noted_in_the_table_before_its_execution_has_claimed_it(executions, table):
    verifications.start(START, 300, executions, table)

    assert GIVEN.items() <= table.items[ID].items()
    assert (table.items[ID]["executionName"], table.items[ID]["openVerifications"]) == (ID, GIVEN["deadline"])


def test_a_start_that_cannot_be_noted_is_started_all_the_same(executions):
    _, is_new = verifications.start(START, 300, executions, FakeTable(AwsUnavailable("PutItem: Throttling")))

    assert is_new


def test_a_start_that_cannot_be_started_leaves_no_trace(table):
    with pytest.raises(AwsUnavailable):
        verifications.start(START, 300, FakeExecutions(AwsUnavailable("StartExecution: Throttling")), table)

    assert table.items == {}


@pytest.mark.usefixtures("watched")
def test_the_same_start_again_is_known_already_and_changes_nothing(executions, table):
    later = Start(START.ids, SENT_AT.replace(hour=11), "another", "EVENT", "event-1", SENT_AT)

    _, is_new = verifications.start(later, 300, executions, table)

    assert not is_new
    assert table.items[ID]["linkSentAt"] == GIVEN["linkSentAt"]


def test_a_verification_is_found_before_it_has_reached_the_table(executions):
    started, _ = verifications.start(START, 300, executions, FakeTable(AwsUnavailable("PutItem: Throttling")))

    assert verifications.find(ID, executions, FakeTable()) == started


@pytest.mark.usefixtures("watched")
def test_the_table_knows_better_than_the_execution(executions, table):
    table.items[ID] |= {"outcome": "EXPIRED", "checks": 30}

    found = verifications.find(ID, executions, table)

    assert found
    assert (found["status"], found["outcome"], found["checks"]) == ("SETTLED", "EXPIRED", 30)


@pytest.mark.usefixtures("watched")
def test_an_outcome_whose_item_has_expired_is_still_told_by_its_execution(executions):
    executions.end(ID, outcome="LINK_CLICKED", checks=3)

    found = verifications.find(ID, executions, FakeTable())

    assert found
    assert (found["status"], found["outcome"], found["checks"]) == ("SETTLED", "LINK_CLICKED", 3)


def test_what_nobody_started_is_neither_found_nor_cancelled(executions, table):
    assert verifications.find(ID, executions, table) is None
    assert verifications.cancel(ID, "request-2", executions, table) is None
    assert resume(executions, table) is Resumed.FINISHED


# ── Cancel ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("watched")
def test_to_cancel_is_to_takeover_under_a_name_of_its_own(executions, table):
    for _ in range(2):
        verifications.cancel(ID, "request-2", executions, table)

    assert set(executions.known) == {ID, f"{ID}-cancel"}
    assert GIVEN.items() <= executions.known[f"{ID}-cancel"].input.items()
    assert executions.known[f"{ID}-cancel"].input["cancel"]


@pytest.mark.usefixtures("watched")
def test_what_is_settled_is_not_cancelled(executions, table):
    table.items[ID] |= {"outcome": "LINK_CLICKED"}

    verification = verifications.cancel(ID, "request-2", executions, table)

    assert verification
    assert verification["outcome"] == "LINK_CLICKED"
    assert set(executions.known) == {ID}


@pytest.mark.usefixtures("watched")
def test_a_cancel_that_stopped_before_its_claim_is_asked_for_again_though_the_watch_is_well(executions, table):
    verifications.cancel(ID, "request-2", executions, table)
    stopped = executions.end(f"{ID}-cancel")

    assert resume(executions, table, stopped) is Resumed.TAKEN_OVER
    assert executions.known[f"{ID}-r1"].input["cancel"]


@pytest.mark.usefixtures("watched")
def test_to_cancel_again_helps_a_cancel_that_stopped_before_its_claim(executions, table):
    verifications.cancel(ID, "request-2", executions, table)
    executions.end(f"{ID}-cancel")

    verifications.cancel(ID, "request-3", executions, table)

    assert executions.known[f"{ID}-r1"].input["cancel"]


@pytest.mark.usefixtures("watched")
def test_a_cancel_that_stopped_after_its_claim_is_taken_over_as_what_it_was(executions, table):
    verifications.cancel(ID, "request-2", executions, table)
    table.items[ID] |= {"executionName": f"{ID}-cancel", "cancelledBy": f"{ID}-cancel"}
    stopped = executions.end(f"{ID}-cancel")

    assert resume(executions, table, stopped) is Resumed.TAKEN_OVER
    successor = executions.known[f"{ID}-r1"].input
    assert (successor["predecessor"], successor["cancel"]) == (f"{ID}-cancel", True)


# ── Recovery ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("watched")
def test_a_stopped_execution_is_taken_over_with_the_same_deadline(executions, table):
    stopped = executions.end(ID)

    assert resume(executions, table, stopped) is Resumed.TAKEN_OVER
    successor = executions.known[f"{ID}-r1"].input
    assert GIVEN.items() <= successor.items()
    assert (successor["attempt"], successor["predecessor"]) == (1, ID)


@pytest.mark.usefixtures("watched")
def test_an_execution_that_never_reached_the_table_is_taken_over_from_what_it_was_given(executions):
    stopped = executions.end(ID)

    assert resume(executions, FakeTable(), stopped) is Resumed.TAKEN_OVER


@pytest.mark.usefixtures("watched")
def test_the_sweep_takes_over_from_an_execution_that_is_gone(executions, table):
    del executions.known[ID]

    assert resume(executions, table) is Resumed.TAKEN_OVER


@pytest.mark.usefixtures("watched")
def test_told_twice_it_is_taken_over_once(executions, table):
    stopped = executions.end(ID)

    assert [resume(executions, table, stopped) for _ in range(2)] == [Resumed.TAKEN_OVER, Resumed.WATCHED]


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("told", [True, False], ids=["by an event that comes late", "by an index read late"])
def test_what_another_execution_watches_is_left_to_it(told, executions, table):
    stopped = executions.end(ID)
    executions.start(f"{ID}-r1", {})
    table.items[ID] |= {"executionName": f"{ID}-r1", "attempt": 1}

    assert resume(executions, table, stopped if told else None) is Resumed.WATCHED


@pytest.mark.usefixtures("watched")
def test_what_is_published_is_finished(executions, table):
    table.items[ID] |= {"outcome": "EXPIRED", "publishedAt": "2026-11-23T10:04:59.000Z"}

    assert resume(executions, table, executions.end(ID)) is Resumed.FINISHED


@pytest.mark.usefixtures("watched")
def test_a_successor_that_stopped_before_its_claim_is_followed_by_the_next(executions, table):
    executions.end(ID)
    resume(executions, table)
    stopped = executions.end(f"{ID}-r1")

    assert resume(executions, table, stopped) is Resumed.TAKEN_OVER
    assert executions.known[f"{ID}-r2"].input["predecessor"] == ID


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("claimed", [True, False])
def test_after_five_takeovers_it_is_left_to_an_engineer(claimed, executions, table):
    executions.end(ID)
    for attempt in range(1, MAX_TAKEOVERS + 1):
        assert resume(executions, table) is Resumed.TAKEN_OVER
        executions.end(f"{ID}-r{attempt}")
        if claimed:
            table.items[ID] |= {"executionName": f"{ID}-r{attempt}", "attempt": attempt}

    assert resume(executions, table) is Resumed.GIVEN_UP
    assert "publishedAt" not in table.items[ID]
