"""The report of an acceptance run, in Markdown: printed, and written to a file."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from operations.acceptance.findings import Verdict, count_by_guarantee, overall
from operations.acceptance.run import Run
from operations.environment import ROOT

#: Where reports are written by default; git ignores the folder.
REPORTS = ROOT / "reports"
_COUNTED = (Verdict.KEPT, Verdict.BROKEN, Verdict.UNDECIDED)


def write_report(run: Run, folder: Path) -> Verdict:
    """Prints and writes the report, and returns its verdict."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{at[:16].replace(':', '')}Z-{run.target.region}.md"
    text = render(run, at)
    file.write_text(text, "utf-8")
    print(f"\n{text}\nWritten to {file}", flush=True)
    return overall(run.findings)


def render(run: Run, at: str) -> str:
    """The report's text. at: when the run ended, ISO 8601."""
    target, window, rows = run.target, run.target.window, count_by_guarantee(run.findings)
    versions = ", ".join(f"{name} {version}" for name, version in target.versions.items())
    lines = [
        f"# Acceptance run of {at[:10]}: {overall(run.findings)}",
        "",
        f"On {target.name}, {target.region}, at {at}.",
        f"{versions}. A window of {window.seconds} s, a check every {window.interval} s.",
        "",
        "| guarantee | kept | broken | undecided | |",
        "|---|---|---|---|---|",
        *(f"| {' | '.join((row.guarantee, *(str(row.counts[it]) for it in _COUNTED), row.verdict))} |" for row in rows),
        "",
        "| figure | median | worst | of | measured |",
        "|---|---|---|---|---|",
        *(_figure(name, measured) for name, measured in run.figures.items()),
        "",
        "| case | verifications |",
        "|---|---|",
        *(f"| {case} | {count} |" for case, count in Counter(link.case for link in run.links).items()),
    ]
    for title, verdict in {"Broken": Verdict.BROKEN, "Undecided": Verdict.UNDECIDED}.items():
        found = [each for each in run.findings if each.verdict is verdict]
        lines += ["", f"## {title}", ""] if found else []
        lines += [f"- {each.guarantee}: {each.case}: {each.what}; {each.where}" for each in found]
    if any(row.verdict is Verdict.BROKEN for row in rows):
        lines += ["", "docs/runbook.md says how to read an execution's history; KEEP=1 keeps the stack for it."]
    return "\n".join(lines) + "\n"


def _figure(name: str, measured: list[tuple[float, str]]) -> str:
    worst, case = max(measured)
    return f"| {name} | {median(value for value, _ in measured):.2f} | {worst:.2f} | {case} | {len(measured)} |"
