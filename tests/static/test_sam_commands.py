"""Every sam command in the documents has options that the installed SAM CLI knows."""

import os
import re
import subprocess
from functools import cache

import pytest

from local.checkout import SAM
from tests.unit.command_lines import commands_in
from tests.unit.test_documents import DOCUMENTS, ROOT, names


@cache
def help_of(command: tuple[str, ...]) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": os.devnull, "SAM_CLI_TELEMETRY": "0", "COLUMNS": "200"}
    done = subprocess.run([SAM, *command, "--help"], env=environment, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def wrong_with_sam(words: list[str]) -> list[str]:
    depth = 2 if words[1:2] == ["local"] else 1
    command = tuple(words[1 : 1 + depth])
    known = help_of(command)
    if not known:
        return [f"there is no sam {' '.join(command)}"]
    options = {word.partition("=")[0] for word in words if word.startswith("--")}
    return [
        f"{option} is none of sam {' '.join(command)}'s" for option in options if not re.search(rf"{option}\b", known)
    ]


@pytest.mark.parametrize("name", names(DOCUMENTS))
def test_the_documents_sam_commands_are_the_installed_sam_clis(name):
    commands = list(commands_in((ROOT / name).read_text("utf-8"), "sam"))

    assert {" ".join(words): wrong for words in commands if (wrong := wrong_with_sam(words))} == {}


@pytest.mark.parametrize("line", ["sam deply", "sam deploy --enviroment prod", "sam local invoke F --skip-image"])
def test_what_sam_does_not_know_is_found(line):
    assert wrong_with_sam(line.split())
