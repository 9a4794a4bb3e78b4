"""Measures: each start is a process of its own, taken by turns, so that what else the machine does falls on all alike."""

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent
#: The names of what is measured, with the module that has the handler.
STARTS: Mapping[str, str] = {
    "bare": "bare",
    "check_link": "check_link",
    "check_link_sources": "check_link",
    "usual": "usual",
    "usual_sources": "usual",
    "api": "verifications_api",
    "api_sources": "verifications_api",
}
#: The bundles whose byte-code is measured, with and without.
LOADS = ("check_link", "check_link_sources", "api", "api_sources")


@dataclass(frozen=True)
class Starts:
    """One figure for each start: process start to first answer (milliseconds of CPU), memory in KiB."""

    answer_cpu_ms: list[float]
    peak_memory_kib: list[float]


@dataclass(frozen=True)
class Warm:
    """Microseconds for one call: a figure for each batch."""

    raw_cpu: list[float]
    raw_time: list[float]
    check_cpu: list[float]
    check_time: list[float]


@contextmanager
def vendor(folder: Path) -> Iterator[dict[str, str]]:
    """Signzy and Secrets Manager; gives the environment of a Lambda that talks to them, and ends them."""
    program = [sys.executable, "-m", "benchmarks.check_link.vendor", os.fspath(folder)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = process.stdout.readline().strip() if process.stdout else ""
            # All the authorities that a Lambda knows, and one more: reading them is a good part of a start.
            trusted = folder / "trusted.pem"
            system = ssl.get_default_verify_paths().cafile
            trusted.write_text((Path(system).read_text() if system else "") + (folder / "ca.pem").read_text())
            yield _environment(f"https://127.0.0.1:{port}", trusted)
        finally:
            process.terminate()


def _environment(url: str, trusted: Path) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": url,
        "AWS_CA_BUNDLE": os.fspath(trusted),
        "SSL_CERT_FILE": os.fspath(trusted),
        "AWS_LAMBDA_FUNCTION_NAME": "check",
        "AWS_XRAY_SDK_ENABLED": "false",  # there is no daemon to take its segments
        "POWERTOOLS_SERVICE_NAME": "check",
        "POLL_INTERVAL_SECONDS": "10",
        "SIGNZY_BASE_URL": f"{url}/api/v3/us-kyc",
        "SIGNZY_TOKEN_ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:SignzyToken-AbCdEf",
        "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:LinkWatch",
        "TABLE_NAME": "verifications",
        "WINDOW_SECONDS": "300",
    }


def starts(
    bundles: Mapping[str, Path], environment: Mapping[str, str], runs: int, progress: Callable[[str], None]
) -> dict[str, Starts]:
    """Starts each of STARTS so many times. The first round, which warms the disk's cache, is thrown away."""
    figures = {name: Starts([], []) for name in STARTS}
    for run in range(runs + 1):
        for name, module in STARTS.items():
            progress(f"start {run} of {runs}: {name}")
            # The yardstick fetches no token.
            token = {"SIGNZY_TOKEN": "bench-token"} if name == "bare" else {}
            took = _python("start.py", [bundles[name], bundles["runtime"], module], {**environment, **token})
            if run:
                figures[name].answer_cpu_ms.append(took["answerCpuMs"])
                figures[name].peak_memory_kib.append(took["peakMemoryKib"])
    return figures


def loads(
    bundles: Mapping[str, Path], environment: Mapping[str, str], runs: int, progress: Callable[[str], None]
) -> dict[str, list[float]]:
    """Loads what each bundle brings so many times: milliseconds of CPU by the names of LOADS."""
    figures: dict[str, list[float]] = {name: [] for name in LOADS}
    others: dict[str, list[str]] = {}
    for run in range(runs):
        for name in LOADS:
            progress(f"load {run + 1} of {runs}: {name}")
            program = [bundles[name], bundles["runtime"], STARTS[name]]
            if name not in others:
                others[name] = _python("load.py", program, environment)["others"]
            figures[name].append(_python("load.py", [*program, *others[name]], environment)["loadCpuMs"])
    return figures


def warm(bundles: Mapping[str, Path], environment: Mapping[str, str], batches: int, checks: int) -> Warm:
    """Checks in batches by turns with raw requests."""
    took = _python("warm.py", [bundles["check_link"], bundles["runtime"], batches, checks], environment)
    return Warm(took["raw"]["cpu"], took["raw"]["time"], took["check"]["cpu"], took["check"]["time"])


def _python(program: str, arguments: list[object], environment: Mapping[str, str]) -> dict:
    command = [sys.executable, "-I", "-S", "-B", os.fspath(_HERE / program), *map(str, arguments)]
    done = subprocess.run(command, env=dict(environment), stdout=subprocess.PIPE, check=True, timeout=120)
    return json.loads(done.stdout.splitlines()[-1])
