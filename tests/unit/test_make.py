"""What of the shell's environment reaches the programs that make starts, and what chooses an account."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKE = str(shutil.which("make"))


def make(*arguments: str, **exported: str) -> str:
    environment = {"PATH": os.environ["PATH"], **exported}
    done = subprocess.run(
        [MAKE, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def environment_of_a_recipe(*arguments: str, **exported: str) -> dict[str, str]:
    printed = make("-s", "--eval=show: ; @env", "show", *arguments, **exported)
    return dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)


@pytest.mark.parametrize("target", ["env", "send", "recover", "report"])
@pytest.mark.parametrize(
    ("typed", "exported", "module"),
    [
        pytest.param([], {}, "local", id="nothing"),
        pytest.param([], {"ENV": "prod"}, "local", id="exported"),
        pytest.param(["-e"], {"ENV": "prod"}, "local", id="exported, before the makefile's"),
        pytest.param(["ENV=prod"], {}, "operations", id="typed"),
        pytest.param([], {"LINKWATCH_ENV": "prod"}, "operations", id="exported with our prefix"),
    ],
)
def test_only_a_typed_or_prefixed_choice_selects_an_account(target, typed, exported, module):
    last = make("-n", target, *typed, **exported).splitlines()[-1]

    assert last.endswith(f"-m {module} {target}")


@pytest.mark.parametrize("name", ["ENV", "CONFIRM", "YES", "TO", "RELEASE", "OUT", "ID"])
def test_only_a_typed_or_prefixed_choice_reaches_a_program(name):
    ours = f"LINKWATCH_{name}"

    assert not {name, ours} & environment_of_a_recipe(**{name: "exported"}).keys()
    typed = environment_of_a_recipe(f"{name}=typed", **{name: "exported", ours: "exported"})
    assert (typed[ours], name in typed) == ("typed", False)
    assert environment_of_a_recipe(**{ours: "exported"})[ours] == "exported"


@pytest.mark.parametrize(
    "name", ["PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH", "PIP_USER", "PIP_TARGET", "VIRTUAL_ENV"]
)
def test_the_shells_python_settings_do_not_reach_a_program(name):
    assert name not in environment_of_a_recipe(**{name: "1"})


@pytest.mark.parametrize("name", ["PIP_INDEX_URL", "PIP_CERT", "AWS_PROFILE", "HTTPS_PROXY"])
def test_settings_of_proxies_and_indexes_reach_a_program(name):
    assert environment_of_a_recipe(**{name: "1"})[name] == "1"
