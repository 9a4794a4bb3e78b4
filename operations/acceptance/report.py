"""The table at the end, and the same as JSON and Markdown."""

import json
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from operations.acceptance.findings import Finding, by_guarantee
from operations.acceptance.place import Place
from operations.acceptance.run import Run

#: What of a guarantee's breaches is shown; the JSON has all of them.
_SHOWN = 5


def report(run: Run, place: Place, folder: Path, console: Console) -> bool:
    """Prints the table, writes both files; True if everything is kept."""
    data = _data(run, place)
    _print(data, console)
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{data['at'][:16].replace(':', '')}Z-{data['region']}"
    (folder / f"{stem}.json").write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", "utf-8")
    (folder / f"{stem}.md").write_text(_markdown(data), "utf-8")
    console.print(f"Written to {folder / stem}.json and .md", highlight=False, soft_wrap=True)
    return not data["broken"]


def _data(run: Run, place: Place) -> dict[str, Any]:
    window = place.window
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "place": place.name,
        "region": place.region,
        "versions": dict(place.versions),
        "window": {"seconds": window.seconds, "interval": window.interval, "lead": window.lead},
        "verifications": dict(Counter(watched.case for watched in run.watched)),
        "guarantees": [{**asdict(row), "verdict": row.verdict} for row in by_guarantee(run.findings)],
        "figures": run.figures.rows(),
        "broken": [asdict(finding) for finding in run.findings if not finding.holds],
    }


def _print(data: dict[str, Any], console: Console) -> None:
    table = Table("guarantee", "cases", "broken", "", title=f"{data['place']}, {data['region']}, {data['at']}")
    for row in data["guarantees"]:
        table.add_row(row["guarantee"], str(row["cases"]), str(row["broken"]), row["verdict"])
    console.print(table)
    figures = Table("figure", "median", "worst", "of", "measured")
    for row in data["figures"]:
        figures.add_row(row["figure"], f"{row['median']:.2f}", f"{row['worst']:.2f}", row["of"], str(row["measured"]))
    console.print(figures)
    for line in _to_look_at(data):
        console.print(line, highlight=False, soft_wrap=True, markup=False)


def _to_look_at(data: dict[str, Any]) -> list[str]:
    """For each guarantee that is broken, some of what broke it, and where to look."""
    lines: list[str] = []
    for row in data["guarantees"]:
        found = [finding for finding in data["broken"] if finding["guarantee"] == row["guarantee"]]
        lines += [f"{f['guarantee']} is broken: {f['case']}: {f['what']}; {f['where']}" for f in found[:_SHOWN]]
        lines += [f"{row['guarantee']}: {len(found) - _SHOWN} more in the JSON"] if len(found) > _SHOWN else []
    if lines:
        lines.append(
            "Look at the execution's history and the item as docs/runbook.md says; KEEP=1 keeps the stack for it."
        )
    return lines


def _markdown(data: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in data["versions"].items())
    window = data["window"]
    lines = [
        f"# Acceptance run of {data['at'][:10]}",
        "",
        f"On {data['place']}, {data['region']}, at {data['at']}.",
        f"{versions}. A window of {window['seconds']} s, a check every {window['interval']} s.",
        "",
        "| guarantee | cases | broken | |",
        "|---|---|---|---|",
        *(f"| {r['guarantee']} | {r['cases']} | {r['broken']} | {r['verdict']} |" for r in data["guarantees"]),
        "",
        "| figure | median | worst | of | measured |",
        "|---|---|---|---|---|",
        *(
            f"| {r['figure']} | {r['median']:.2f} | {r['worst']:.2f} | {r['of']} | {r['measured']} |"
            for r in data["figures"]
        ),
        "",
        "| case | verifications |",
        "|---|---|",
        *(f"| {case} | {count} |" for case, count in data["verifications"].items()),
    ]
    if look := _to_look_at(data):
        lines += ["", "## Broken", "", *(f"- {line}" for line in look)]
    return "\n".join(lines) + "\n"


def broken(findings: list[Finding]) -> set[str]:
    """The guarantees that are broken."""
    return {finding.guarantee for finding in findings if not finding.holds}
