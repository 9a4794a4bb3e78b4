"""What a run saw, as it is kept in benchmarks/measured.json, and the rows of the table that follow from it."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.check_link.measure import Starts, Warm

MEASURED = Path(__file__).parents[1] / "measured.json"


@dataclass(frozen=True)
class Spread:
    """One measure over all runs, in the unit that its name says."""

    minimum: float
    median: float
    maximum: float

    @staticmethod
    def of(figures: Sequence[float]) -> "Spread":
        return Spread(*(round(f(figures), 2) for f in (min, statistics.median, max)))


@dataclass(frozen=True)
class Row:
    """One line of the table: two measures of the same kind, and the share of the second that the first is meant to be at most."""

    measure: str
    ours: Spread
    yardstick: str
    theirs: Spread
    target: float | None

    @property
    def ratio(self) -> float:
        return self.ours.median / self.theirs.median


def measured(starts: dict[str, Starts], loads: dict[str, list[float]], warm: Warm, zipped_bytes: int) -> dict[str, Any]:
    """Everything that is kept of a run."""
    return {
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}",
        "date": datetime.now(UTC).date().isoformat(),
        "runs": len(starts["bare"].answer_cpu_ms),
        "starts": {
            name: {kind: asdict(Spread.of(figures)) for kind, figures in asdict(taken).items()}
            for name, taken in starts.items()
        },
        "loads": {name: asdict(Spread.of(figures)) for name, figures in loads.items()},
        "warm": {kind: asdict(Spread.of(figures)) for kind, figures in asdict(warm).items()},
        "zipped_bytes": zipped_bytes,
    }


def kept() -> dict[str, Any]:
    """The run that the documents tell of."""
    return json.loads(MEASURED.read_text("utf-8"))


def rows(run: dict[str, Any]) -> list[Row]:
    """The table."""

    def start(name: str, kind: str = "answer_cpu_ms") -> Spread:
        return Spread(**run["starts"][name][kind])

    def load(name: str) -> Spread:
        return Spread(**run["loads"][name])

    def warm(kind: str) -> Spread:
        return Spread(**run["warm"][kind])

    ours, memory = start("check_link"), "peak_memory_kib"
    sources = "the same bundle without byte-code"
    return [
        Row("CheckLink, process start to first answer, ms of CPU", ours, "urllib3 and json only", start("bare"), 1.5),
        Row("the same", ours, "the usual stack as sam build makes it", start("usual_sources"), 0.2),
        Row("the same", ours, "the usual stack with byte-code", start("usual"), None),
        Row("the same", ours, sources, start("check_link_sources"), 0.5),
        Row("function VerificationsApi, process start to ready", start("api"), sources, start("api_sources"), 0.5),
        Row("loading what the API function's bundle brings", load("api"), sources, load("api_sources"), 0.5),
        Row("warm check, µs of CPU", warm("check_cpu"), "raw urllib3 GET, connection kept", warm("raw_cpu"), 1.25),
        Row("warm check, µs of time", warm("check_time"), "the same", warm("raw_time"), 1.25),
        Row(
            "memory at first answer, KiB",
            start("check_link", memory),
            "urllib3 and json only",
            start("bare", memory),
            1.6,
        ),
    ]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:  # macOS
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
