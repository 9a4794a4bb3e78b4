"""The documents show the costs that benchmarks/cost.py computes."""

import re
from pathlib import Path

from benchmarks import cost

README = Path(__file__).parents[2] / "README.md"


def test_the_tables_in_the_document_are_up_to_date():
    document = cost.DOCUMENT.read_text("utf-8")

    assert cost.tables() in document
    assert cost.with_tables(document) == document


def test_the_readme_shows_the_same_costs():
    row = README.read_text("utf-8").split("|--:|--:|--:|--:|--:|\n")[1].splitlines()[0]

    assert re.findall(r"\d+\.\d\d", row) == [f"{cost.per_1000(checks):.2f}" for checks in cost.CASES.values()]
