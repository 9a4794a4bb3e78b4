"""The GitHub workflows: which jobs get credentials, and what runs in them."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

_WORKFLOWS = sorted(Path(".github/workflows").glob("*.yml"))
_JOBS: dict[str, dict[str, Any]] = {
    f"{path.stem}: {name}": job for path in _WORKFLOWS for name, job in yaml.safe_load(path.read_text())["jobs"].items()
}
_CREDENTIALS = "aws-actions/configure-aws-credentials"
_WITH_CREDENTIALS = {*(f"linkwatch: {job}" for job in ("dev", "prod", "plan-rollback", "rollback")), "deploy: deploy"}
#: Commands that install, build or test run code of packages.
_RUNS_PACKAGES = re.compile(r"make (test|build|release|\.venvs)|pip|npm|uv ")


def test_only_the_jobs_that_deploy_may_ask_for_credentials():
    assert {name for name, job in _JOBS.items() if job["permissions"].get("id-token")} == _WITH_CREDENTIALS
    assert all(not yaml.safe_load(path.read_text())["permissions"] for path in _WORKFLOWS)


@pytest.mark.parametrize("name", sorted(name for name in _WITH_CREDENTIALS if "steps" in _JOBS[name]))
def test_nothing_is_installed_or_built_once_there_are_credentials(name):
    steps = _JOBS[name]["steps"]
    at = next(number for number, step in enumerate(steps) if step.get("uses", "").startswith(_CREDENTIALS))

    assert not any(_RUNS_PACKAGES.search(step.get("run", "")) or "uses" in step for step in steps[at + 1 :])
    assert _JOBS[name]["environment"], "an environment has reviewers and a limit on branches"


def test_a_deployment_takes_the_checked_artefact_and_no_sources():
    uses = [step["uses"].split("@")[0] for step in _JOBS["deploy: deploy"]["steps"] if "uses" in step]
    unpacked = next(step for step in _JOBS["deploy: deploy"]["steps"] if "tar --extract" in step.get("run", ""))

    assert uses == ["actions/download-artifact", "actions/setup-python", _CREDENTIALS]
    assert unpacked["run"].index("sha256sum --check") < unpacked["run"].index("tar --extract")


def test_prod_gets_what_dev_got_after_it():
    dev, prod = _JOBS["linkwatch: dev"], _JOBS["linkwatch: prod"]

    assert prod["needs"] == ["build", "dev"]
    assert dev["with"]["accept"]
    assert dev["with"]["sha256"] == prod["with"]["sha256"] == "${{ needs.build.outputs.sha256 }}"


def test_a_rollback_shows_its_changes_before_the_reviewers_decide():
    rollback = _JOBS["linkwatch: rollback"]

    assert rollback["needs"] == "plan-rollback"
    assert any("PLAN=1" in step.get("run", "") for step in _JOBS["linkwatch: plan-rollback"]["steps"])
    assert rollback["environment"] == "prod" != _JOBS["linkwatch: plan-rollback"]["environment"]
