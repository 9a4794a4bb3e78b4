"""What make check says of pip-audit: python -m requirements.audit PIP_AUDIT REQUIREMENTS

pip-audit exits 0 where it found nothing to report, also where the registry has no advisories and it could look nothing up. Green
and silent, that would read as audited.
"""

import json
import subprocess
import sys

#: The errors with which pip-audit 2.10 gives up when it cannot reach PyPI.
_UNREACHABLE = ("requests.exceptions", "ServiceError")


def verdict(status: int, report: str, log: str) -> tuple[int, str]:
    """pip-audit's exit status, its JSON report and its stderr; gives the exit status that counts and what to say."""
    try:
        dependencies = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        if any(error in log for error in _UNREACHABLE):
            return 0, "pip-audit: nothing was audited, because PyPI's advisories cannot be reached"
        return status or 1, f"pip-audit: failed\n{log}"
    skipped = [each["name"] for each in dependencies if "skip_reason" in each]
    found = [
        f"  {each['name']} {each['version']}: {vulnerability['id']}, fixed in {vulnerability['fix_versions'] or 'none'}"
        for each in dependencies
        for vulnerability in each.get("vulns", [])
    ]
    audited = len(dependencies) - len(skipped)
    if found:
        return status or 1, "\n".join(["pip-audit: vulnerabilities", *found])
    if status:
        return status, f"pip-audit: failed\n{log}"
    if not audited:
        return (
            0,
            f"pip-audit: nothing was audited, because the registry knows advisories for none of {len(skipped)} packages",
        )
    not_audited = f"; not audited: {', '.join(skipped)}" if skipped else ""
    return 0, f"pip-audit: no known vulnerabilities in {audited} packages{not_audited}"


def main(pip_audit: str, requirements: str) -> int:
    """Runs pip-audit and prints its verdict."""
    options = ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    program = [pip_audit, "--requirement", requirements, *options]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    status, said = verdict(done.returncode, done.stdout, done.stderr)
    print(said)
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
