"""What the documents say it costs is what the definition, counted now, costs."""

import re

from benchmarks.cost import bill, counts, report
from benchmarks.cost.bill import Assumptions
from tests.definition.engine.definition import ROOT


def test_the_tables_in_the_document_are_those_of_the_definition():
    document = report.DOCUMENT.read_text("utf-8")

    assert report.with_tables(document) == document


def test_the_readme_says_the_same():
    section = (ROOT / "README.md").read_text("utf-8").split("## What it costs")[1].split("\n## ")[0]
    told = re.findall(r"\d+\.\d\d", section.split("|--:|--:|--:|--:|--:|")[1].splitlines()[1])

    ours, _ = report.bills(Assumptions())

    assert told == [f"{sum(ours[case].values()):.2f}" for case in report.CLICKED_AFTER]


def test_the_readme_says_what_an_idle_stack_costs():
    idle = sum(bill.by_the_month(Assumptions()).values())

    assert f"An idle stack costs {idle:.2f} USD a month." in (ROOT / "README.md").read_text("utf-8")


def test_what_a_verification_takes_is_what_the_documents_say():
    counted = [counts.linkwatch(clicked_after) for clicked_after in report.CLICKED_AFTER.values()]

    assert [it.transitions for it in counted] == [3 * it.checks + 5 for it in counted]
    assert {(it.table_reads, it.table_writes, it.events) for it in counted} == {(1, 3, 1)}
