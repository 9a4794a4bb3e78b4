"""Finding the verifications of a correlationId: the query and the pages."""

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkwatch import verifications
from linkwatch.find_request import next_after, parse_find
from linkwatch.start_request import InvalidInput
from linkwatch.table import Table
from linkwatch.verifications import Page, find_correlated

MINE, THEIRS = "application-4711", "application-4712"


def verification_id(number: int) -> str:
    return f"{number:024x}-{'b' * 24}"


def item(number: int, correlation_id: str = MINE) -> dict:
    """The higher the number, the newer the link; two numbers share each moment."""
    sent_at = f"2026-11-23T10:{number // 120:02}:{number // 2 % 60:02}.000Z"
    return {"verificationId": verification_id(number), "correlationId": correlation_id, "linkSentAt": sent_at}


class FakeTable(Table):
    """A table whose index lacks the items that it is told to index late."""

    def __init__(self, *items: dict) -> None:
        self.items = {each["verificationId"]: each for each in items}
        self.not_indexed: set[str] = set()
        self.index_keeps: list[dict] = []

    def find(self, verification_id):
        return self.items.get(verification_id)

    def find_each(self, verification_ids):
        assert 1 <= len(verification_ids) <= 100
        return [self.items[each] for each in verification_ids if each in self.items]

    def correlated(self, correlation_id, count, after):
        def place(each: dict) -> tuple[str, str]:
            return each["linkSentAt"], each["verificationId"]

        indexed = [each for each in self.items.values() if each["verificationId"] not in self.not_indexed]
        mine = [each for each in [*indexed, *self.index_keeps] if each["correlationId"] == correlation_id]
        newest_first = sorted(mine, key=place, reverse=True)
        return [each["verificationId"] for each in newest_first if after is None or place(each) < place(after)][:count]


def page_of(table: Table, after: str | None = None, correlation_id: str = MINE) -> Page:
    page = find_correlated(correlation_id, after, table)
    assert page
    return page


def pages(table: Table, correlation_id: str = MINE) -> list[list[str]]:
    """Returns the ids on each page for a caller who follows next."""
    found, after = [], None
    while True:
        page = page_of(table, after, correlation_id)
        found.append([each["verificationId"] for each in page.verifications])
        if page.last is None:
            return found
        after = parse_find({"correlationId": [correlation_id], "next": [next_after(page.last)]}).next


# ── Pages ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_unknown_correlation_id_has_an_empty_page_and_no_next():
    assert pages(FakeTable(item(1, THEIRS))) == [[]]


@pytest.mark.parametrize(("count", "sizes"), [(1, [1]), (50, [50]), (51, [50, 1]), (120, [50, 50, 20])])
def test_pages_of_fifty_show_each_verification_once_newest_link_first(count, sizes):
    table = FakeTable(*map(item, range(count)), item(500, THEIRS))

    found = pages(table)

    assert [len(page) for page in found] == sizes
    assert list(chain(*found)) == [verification_id(number) for number in reversed(range(count))]


def test_a_verification_of_a_page_has_every_field_of_the_contract():
    page = page_of(FakeTable(item(1)))

    assert page.verifications == [verifications.shown(item(1))]


def test_a_start_between_two_pages_moves_no_page():
    table = FakeTable(*map(item, range(60)))
    first = page_of(table)

    table.items[verification_id(99)] = item(99)
    second = page_of(table, first.last)

    assert [each["verificationId"] for each in second.verifications] == [verification_id(n) for n in range(9, -1, -1)]


def test_a_verification_that_is_not_indexed_yet_is_missing_for_a_moment():
    table = FakeTable(item(1), item(2))
    table.not_indexed = {verification_id(2)}

    early = pages(table)
    table.not_indexed = set()

    assert (early, pages(table)) == ([[verification_id(1)]], [[verification_id(2), verification_id(1)]])


def test_an_expired_verification_that_the_index_still_has_is_not_shown():
    table = FakeTable(item(1))
    table.index_keeps = [item(2)]

    assert pages(table) == [[verification_id(1)]]


def test_there_is_no_page_after_an_expired_verification():
    table = FakeTable(*map(item, range(60)))
    last = page_of(table).last
    assert last

    del table.items[last]

    assert find_correlated(MINE, last, table) is None


@pytest.mark.parametrize("theirs", [item(1, THEIRS), {"verificationId": verification_id(1)}], ids=["another", "none"])
def test_there_is_no_page_after_a_verification_of_another_correlation_id(theirs):
    assert find_correlated(MINE, verification_id(1), FakeTable(item(2), theirs)) is None


# ── The query ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.text("0123456789abcdef", min_size=48, max_size=48))
def test_next_is_a_verification_id_in_characters_that_need_no_escape_in_a_url(digits):
    verification_id = f"{digits[:24]}-{digits[24:]}"

    following = next_after(verification_id)

    assert parse_find({"correlationId": [MINE], "next": [following]}).next == verification_id


@pytest.mark.parametrize(
    ("parameters", "bad"),
    [
        ({}, {"correlationId"}),
        ({"next": ["A" * 32]}, {"correlationId"}),
        ({"correlationId": [""]}, {"correlationId"}),
        ({"correlationId": ["x" * 129]}, {"correlationId"}),
        ({"correlationId": ["line\nbreak"]}, {"correlationId"}),
        ({"correlationId": [MINE + " "]}, {"correlationId"}),
        ({"correlationId": [MINE], "half a \ud800 pair": ["x"]}, {"query"}),
        ({"correlationId": [MINE, MINE]}, {"correlationId"}),
        ({"correlationId": [MINE], "limit": ["10"]}, {"limit"}),
        ({"correlationId": [MINE], "correlationid": [MINE]}, {"correlationid"}),
        ({"correlationId": [MINE], "next": [""]}, {"next"}),
        ({"correlationId": [MINE], "next": ["A" * 31]}, {"next"}),
        ({"correlationId": [MINE], "next": ["A" * 31 + "="]}, {"next"}),
        ({"correlationId": [MINE], "next": ["A" * 32 + "\n"]}, {"next"}),
        ({"correlationId": [MINE], "next": ["A" * 32, "B" * 32]}, {"next"}),
    ],
    ids=str,
)
def test_an_invalid_query_is_refused_by_the_name_of_its_parameter_without_its_value(parameters, bad):
    with pytest.raises(InvalidInput) as refused:
        parse_find(parameters)

    assert set(refused.value.fields) == bad
    assert not [text for text in refused.value.fields.values() if MINE in text or "AAA" in text]


@pytest.mark.parametrize(
    "correlation_id", ["application-4711", "Ärzte ohne Grenzen", "a,b", "1+1=2&x", "👩‍💻", "x" * 128]
)
def test_every_correlation_id_of_a_start_can_be_searched_for(correlation_id):
    query = parse_find({"correlationId": [correlation_id]})

    assert (query.correlationId, query.next) == (correlation_id, None)
