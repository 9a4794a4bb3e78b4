"""What make check says of pip-audit's report: green and silent would read as audited."""

import json

import pytest

from requirements.audit import verdict

FINE = {"name": "urllib3", "version": "2.8.0", "vulns": []}
SKIPPED = {
    "name": "pydantic",
    "skip_reason": "Dependency not found on PyPI and could not be audited: pydantic (2.14.3)",
}
VULNERABLE = {
    "name": "jmespath",
    "version": "1.1.0",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["1.1.1"], "aliases": [], "description": ""}],
}
UNREACHABLE = "…\npip_audit._service.interface.ServiceError: Could not connect to PyPI's vulnerability feed\n"


def report(*dependencies):
    return json.dumps({"dependencies": dependencies, "fixes": []})


@pytest.mark.parametrize(
    ("status", "said", "log"),
    [
        pytest.param(0, report(SKIPPED, SKIPPED), "No known vulnerabilities found", id="green, all skipped"),
        pytest.param(1, "", UNREACHABLE, id="no network"),
        pytest.param(1, "", "requests.exceptions.ProxyError", id="a proxy that refuses"),
    ],
)
def test_a_run_that_audited_nothing_says_so_in_one_line_and_is_no_failure(status, said, log):
    counts, told = verdict(status, said, log)

    assert counts == 0
    assert told.startswith("pip-audit: nothing was audited, because ")
    assert "\n" not in told


def test_a_run_that_audited_says_how_many_and_what_it_left_out():
    assert verdict(0, report(FINE, SKIPPED), "") == (
        0,
        "pip-audit: no known vulnerabilities in 1 packages; not audited: pydantic",
    )


def test_a_vulnerability_fails_the_check_and_is_named():
    status, told = verdict(1, report(FINE, VULNERABLE, SKIPPED), "Found 1 known vulnerability in 1 package")

    assert status == 1
    assert "jmespath 1.1.0: PYSEC-2026-1" in told


@pytest.mark.parametrize(("status", "said"), [(1, ""), (2, "usage: pip-audit"), (0, "{}"), (1, report(FINE))], ids=repr)
def test_anything_else_fails_with_what_pip_audit_said(status, said):
    counts, told = verdict(status, said, "ERROR: no such file")

    assert counts != 0
    assert "ERROR: no such file" in told
