"""make invoke: one function in Lambda's own container (sam local invoke), with the simulator of Signzy behind it."""

import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from local.stack import environment, sam_cli
from local.stack.launch import LocalStackFailed
from local.stack.paths import ROOT, SAM
from local.terminal.choices import BadChoice, choices
from simulator.protocol import BASE_PATH
from simulator.scenarios import SCENARIOS
from simulator.server import DEFAULT_TOKEN

IMAGE = "public.ecr.aws/lambda/python:3.13-x86_64"
_NAME = "linkwatch-invoke"
_PORT = 8099
_SECONDS = 120
_START_TRIES = 25


def invoke(console: Console) -> int:
    """Runs FUNCTION with EVENT; 1 when it raised. Needs Docker. Raises BadChoice, LocalStackFailed."""
    function = os.environ.get("FUNCTION") or "CheckLink"
    kebab = re.sub(r"(?<!^)(?=[A-Z])", "-", function).lower()
    event = ROOT / (os.environ.get("EVENT") or _first_event(kebab))
    if not event.is_file():
        raise BadChoice(
            f"EVENT={event} is not there; there are {', '.join(sorted(p.name for p in (ROOT / 'events').iterdir()))}"
        )
    scenario = choices(1).scenario
    sam_cli.build()
    with _simulator(json.loads(event.read_text()), scenario) as network:
        answer = _run(function, event, network)
    console.print(answer, markup=False, highlight=False, soft_wrap=True)
    return 1 if '"errorType"' in answer else 0


def _first_event(kebab: str) -> str:
    found = sorted(
        (ROOT / "events").glob(f"{kebab}*.json"), key=lambda path: path.stem
    )  # check-link, then check-link-…
    if not found:
        raise BadChoice(f"there is no event for this function: events/{kebab}*.json")
    return f"events/{found[0].name}"


@contextmanager
def _simulator(event: dict[str, object], scenario: str) -> Iterator[str]:
    """The simulator in a container, on a network that the function's container joins: it sees nothing of this host's
    127.0.0.1. It knows one link, the event's, which was sent long enough ago for the scenario's last step.
    """
    suffix = f"{os.getpid()}"
    network, container = f"{_NAME}-{suffix}", f"{_NAME}-signzy-{suffix}"
    link = json.dumps({**event, "script": SCENARIOS[scenario]["script"][-1:]}) if "requestId" in event else "{}"
    _docker("network", "create", network)
    try:
        _docker(
            *("run", "--detach", "--rm", "--name", container, "--network", network, "--network-alias", "signzy"),
            *("--volume", f"{ROOT / 'simulator'}:/simulated/simulator:ro", "--workdir", "/simulated"),
            *("--entrypoint", "python3.13", IMAGE, "-m", "simulator.server"),
            *("--host", "0.0.0.0", "--port", str(_PORT), "--link", link),  # noqa: S104 (the container's own network)
        )
        _await_simulator(container)
        yield network
    finally:
        subprocess.run(["docker", "rm", "--force", container], capture_output=True, check=False)
        subprocess.run(["docker", "network", "rm", network], capture_output=True, check=False)


def _await_simulator(container: str) -> None:
    ask = f"from urllib.request import urlopen; urlopen('http://127.0.0.1:{_PORT}/_simulator/clock')"
    for _ in range(_START_TRIES):
        asked = ["docker", "exec", container, "python3.13", "-c", ask]
        if subprocess.run(asked, capture_output=True, timeout=_SECONDS, check=False).returncode == 0:
            return
        time.sleep(0.2)
    raise LocalStackFailed("the simulator did not start in its container")


def _docker(*arguments: str) -> None:
    try:
        subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=_SECONDS, check=True)
    except FileNotFoundError:
        raise LocalStackFailed("make invoke needs Docker, and there is no docker on the PATH") from None
    except subprocess.CalledProcessError as error:
        raise LocalStackFailed(f"docker {arguments[0]} failed: {error.stderr.strip()}") from None


def _is_here(image: str) -> bool:
    return subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False).returncode == 0


def _run(function: str, event: Path, network: str) -> str:
    variables = {
        "SIGNZY_BASE_URL": f"http://signzy:{_PORT}{BASE_PATH}",
        "SIGNZY_TOKEN": os.environ.get("SIGNZY_TOKEN") or DEFAULT_TOKEN,
    }
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({function: variables}, file)
        file.flush()
        command = [SAM, "local", "invoke", function, "--event", event]
        options = ["--env-vars", file.name, "--docker-network", network]
        done = subprocess.run(
            [*command, *options, *(["--skip-pull-image"] if _is_here(IMAGE) else [])],
            cwd=ROOT,
            env=environment.for_invoking(),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    if done.returncode:
        raise LocalStackFailed(f"sam local invoke failed:\n{done.stderr.strip()}")
    return f"{done.stderr.strip()}\n{done.stdout.strip()}"
