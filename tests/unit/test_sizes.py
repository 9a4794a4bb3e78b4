"""No file is so long that nobody reads it."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: What is shipped and what runs it locally: 200 lines. Everything else: 250.
SHORT = {"functions", "local"}


def python_files() -> list[Path]:
    folders = [folder for folder in ROOT.iterdir() if folder.is_dir() and not folder.name.startswith(".")]
    found = [path.relative_to(ROOT) for folder in folders for path in folder.rglob("*.py")]
    # What is hidden (.aws-sam, .venv) is made here and not part of the repository.
    return sorted(path for path in found if not any(part.startswith(".") for part in path.parts))


@pytest.mark.parametrize("path", python_files(), ids=str)
def test_a_file_is_short_enough_to_read(path):
    lines = (ROOT / path).read_text("utf-8").splitlines()

    assert len(lines) <= (200 if path.parts[0] in SHORT else 250)
