"""What the documents say it costs is what the definition, counted now, costs."""

import re

from benchmarks.cost import report
from benchmarks.cost.bill import Assumptions
from tests.definition.shipped import ROOT


def test_the_tables_in_the_document_are_those_of_the_definition():
    document = report.DOCUMENT.read_text("utf-8")

    assert report.with_tables(document) == document


def test_the_readme_says_the_same():
    section = (ROOT / "README.md").read_text("utf-8").split("## What it costs")[1].split("\n## ")[0]
    told = re.findall(r"\d+\.\d\d", section.split("|--:|--:|--:|--:|--:|")[1].splitlines()[1])

    bills = report.bills(Assumptions())["linkwatch"]

    assert told == [f"{sum(bills[history].values()):.2f}" for history in report.HISTORIES]
