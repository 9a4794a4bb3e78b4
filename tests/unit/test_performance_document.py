"""What docs/performance.md tells is what the kept run saw."""

from benchmarks.check_link import figures, report


def test_the_tables_are_those_of_the_kept_run():
    document = report.DOCUMENT.read_text("utf-8")

    assert report.with_tables(document, figures.kept()) == document


def test_the_picture_is_that_of_the_kept_run():
    assert report.PICTURE.read_text("utf-8") == report.picture(figures.kept())
