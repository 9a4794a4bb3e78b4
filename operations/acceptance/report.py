"""The report of an acceptance run: printed, and written as Markdown and JSON."""

import json
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from operations.acceptance.findings import Verdict, count_by_guarantee, overall
from operations.acceptance.run import Run
from operations.environment import ROOT

#: Where reports are written by default; git ignores the folder.
REPORTS = ROOT / "reports"
#: So many of a guarantee's breaches are shown; the JSON has all of them.
_SHOWN = 5


def write_report(run: Run, folder: Path = REPORTS) -> Verdict:
    """Prints the report, writes both files, and gives the verdict."""
    data = _data(run)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{data['at'][:16].replace(':', '')}Z-{data['region']}.json"
    file.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", "utf-8")
    text = _markdown(data)
    file.with_suffix(".md").write_text(text, "utf-8")
    print(f"\n{text}\nWritten to {file} and .md", flush=True)
    return overall(run.findings)


def _data(run: Run) -> dict[str, Any]:
    target = run.target
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "target": target.name,
        "region": target.region,
        "versions": dict(target.versions),
        "window": asdict(target.window),
        "verifications": dict(Counter(link.case for link in run.links)),
        "guarantees": [{**asdict(row), "verdict": row.verdict} for row in count_by_guarantee(run.findings)],
        "figures": run.figures.rows(),
        "findings": [asdict(found) for found in run.findings if found.verdict is not Verdict.KEPT],
    }


def _markdown(data: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in data["versions"].items())
    window = data["window"]
    lines = [
        f"# Acceptance run of {data['at'][:10]}",
        "",
        f"On {data['target']}, {data['region']}, at {data['at']}.",
        f"{versions}. A window of {window['seconds']} s, a check every {window['interval']} s.",
        "",
        "| guarantee | kept | broken | undecided | |",
        "|---|---|---|---|---|",
        *(
            f"| {r['guarantee']} | {r['kept']} | {r['broken']} | {r['undecided']} | {r['verdict']} |"
            for r in data["guarantees"]
        ),
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
    for title, verdict in {"Broken": Verdict.BROKEN, "Undecided": Verdict.UNDECIDED}.items():
        found = [each for each in data["findings"] if each["verdict"] == verdict]
        if found:
            lines += ["", f"## {title}", "", *_list_findings(found)]
    if any(row["broken"] for row in data["guarantees"]):
        lines += ["", "docs/runbook.md says how to read an execution's history; KEEP=1 keeps the stack for it."]
    return "\n".join(lines) + "\n"


def _list_findings(found: list[dict[str, Any]]) -> list[str]:
    lines = []
    for guarantee in dict.fromkeys(each["guarantee"] for each in found):
        of_it = [each for each in found if each["guarantee"] == guarantee]
        lines += [f"- {guarantee}: {each['case']}: {each['what']}; {each['where']}" for each in of_it[:_SHOWN]]
        lines += [f"- {guarantee}: {len(of_it) - _SHOWN} more in the JSON"] if len(of_it) > _SHOWN else []
    return lines
