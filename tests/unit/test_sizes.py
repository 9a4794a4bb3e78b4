"""No file is so long that nobody reads it."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
#: What is shipped, and what runs it locally.
SHORT = {"functions", "local"}


def python_files() -> list[Path]:
    folders = [folder for folder in ROOT.iterdir() if folder.is_dir() and not folder.name.startswith(".")]
    found = [path.relative_to(ROOT) for folder in folders for path in folder.rglob("*.py")]
    # What is hidden (.aws-sam, .venv) is made here and not part of the repository.
    return sorted(path for path in found if not any(part.startswith(".") for part in path.parts))


def test_no_file_has_over_200_lines_where_it_is_shipped_and_250_elsewhere():
    lines = {path: len((ROOT / path).read_text("utf-8").splitlines()) for path in python_files()}

    assert [path for path, count in lines.items() if count > (200 if path.parts[0] in SHORT else 250)] == []
    assert len(lines) > 200
