"""The cases that a sweep is tried with, what is kept of a run, and docs/capacity.md's table of it."""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.quotas import QUOTAS
from benchmarks.sweep.run import Swept, sweep
from benchmarks.sweep.stand_in import Case
from tests.definition.engine.definition import RESOURCES, default_of

MEASURED = Path(__file__).parents[1] / "measured.json"
TIMEOUT_SECONDS: int = RESOURCES["RecoverUnfinished"]["Properties"]["Timeout"]
#: How many of those that are open have an execution that has died, and how many have none.
CASES: dict[str, Callable[[int], tuple[int, int]]] = {
    "all run": lambda _: (0, 0),
    "all run but one in forty, which has died": lambda n: (n // 40, 0),
    "none was ever started": lambda n: (0, n),
    "all have died": lambda n: (n, 0),
}

#: By the kind of region and the case.
Run = dict[str, dict[str, Swept]]


def run(count: int, latency: float, told: Callable[[str, str, Swept], object]) -> Run:
    """One sweep for each case in each kind of region, with the template's memory size and time-out. told: of each."""
    seen: Run = {regions: {} for regions in QUOTAS["regions"]}
    for regions in seen:
        for name, share in CASES.items():
            dead, never = share(count)
            case = Case(regions, count, dead, never, latency)
            seen[regions][name] = sweep(case, default_of("MemorySize"), TIMEOUT_SECONDS)
            told(regions, name, seen[regions][name])
    return seen


def row(swept: Swept) -> list[str]:
    """Seconds; how many executions it started; how many it left to the next sweep, or failed to recover."""
    counts = swept.counts
    started = counts.get("running", 0) + counts.get("taken_over", 0) + counts.get("taken_over_repeatedly", 0)
    return [f"{swept.seconds:.0f}", f"{started:,}", f"{counts['left'] + counts['failed']:,}"]


def keep(count: int, seen: Run) -> None:
    """Puts a run into benchmarks/measured.json."""
    kept = json.loads(MEASURED.read_text("utf-8"))
    of_all = {
        regions: {case: asdict(swept) for case, swept in of_region.items()} for regions, of_region in seen.items()
    }
    kept["sweep"] = {"date": datetime.now(UTC).date().isoformat(), "open": count, "seen": of_all}
    MEASURED.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")


def kept() -> tuple[dict[str, Any], Run]:
    """The run that is kept: its date and count, and what it saw."""
    found = json.loads(MEASURED.read_text("utf-8"))["sweep"]
    seen = found.pop("seen")
    return found, {
        regions: {case: Swept(**it) for case, it in of_region.items()} for regions, of_region in seen.items()
    }


def table() -> list[list[str]]:
    """The run that is kept: a head, and a row for each case."""
    about, seen = kept()
    head = [
        f"{about['open']:,} open",
        *(f"{QUOTAS['regions'][regions]['names']}: s, started, left" for regions in seen),
    ]
    return [head, *([case, *(", ".join(row(seen[regions][case])) for regions in seen)] for case in CASES)]
