"""The process that starts emulator and simulator, so that they share its clock, and ends them.

    AWS_ACCESS_KEY_ID=… python -m local.supervisor '{"emulatorPort": …, "simulatorPort": …|null, "windowSeconds": …, "speed": …,
                                                      "inBackground": …, "logs": …, "scratch": …}'

AWS_ACCESS_KEY_ID is the emulator's root key. When both are started it prints one line, {"clock": {…}}: the environment that lets
a further program into its clock. Then it waits for its end: SIGTERM, the end of a child, or (unless inBackground) the end of its
standard input, which its parent keeps open, so that nothing stays behind however the parent ends. It imports the standard library
only and runs on the emulator's Python.
"""

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from local.programs import ending_with_this_process

#: Real seconds that children get between SIGTERM and SIGKILL.
_GRACE_SECONDS = 3.0


def _start(command: list[str], log: Path, env: dict[str, str]) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            ending_with_this_process(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            start_new_session=True,  # a group to signal: the emulator's Lambdas are its children
        )


def _emulator(options: dict[str, Any], scratch: Path) -> subprocess.Popen[bytes]:
    env = {
        **os.environ,
        "BIND_HOST": "127.0.0.1",  # its default is every interface
        "GATEWAY_PORT": str(options["emulatorPort"]),
        "AUTH": "true",  # the Lambda roles' signatures and policies are checked, the root's are not: local/emulator.py
        "IOT_MTLS_ENABLED": "0",  # else it opens an MQTT port
        "SFTP_ENABLED": "0",  # else an SSH port
        "LAMBDA_WARM_TTL_SECONDS": "86400",  # else Lambdas end after 300 s without a call: half a minute of an accelerated clock
        "TMPDIR": str(scratch),
        "LINKWATCH_FAULTS": str(scratch / "faults.json"),
    }
    return _start([sys.executable, "-m", "local.emulator"], Path(options["logs"]) / "emulator.log", env)


def _simulator(options: dict[str, Any]) -> subprocess.Popen[bytes]:
    port, window = str(options["simulatorPort"]), str(options["windowSeconds"])
    command = [sys.executable, "-m", "simulator.server", "--port", port, "--window-seconds", window]
    env = {name: value for name, value in os.environ.items() if name != "AWS_ACCESS_KEY_ID"}
    return _start(command, Path(options["logs"]) / "simulator.log", env)


def _end(children: list[subprocess.Popen[bytes]], speed: float) -> None:
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)
    give_up_at = time.monotonic() + _GRACE_SECONDS * speed
    while any(child.poll() is None for child in children) and time.monotonic() < give_up_at:
        time.sleep(0.05 * speed)
    for child in children:  # its group too: a Lambda may outlive the emulator
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _end_of_input() -> None:
    while os.read(0, 1024):  # not sys.stdin: its lock, held by this thread, would get in the way of the exit
        pass


def _tell_after(call: Any, ends: queue.SimpleQueue[None]) -> None:
    call()
    ends.put(None)


def main() -> None:
    """Starts, waits, ends."""
    os.umask(0o077)  # logs, scratch and what the emulator writes are this user's alone
    options = json.loads(sys.argv[1])
    scratch = Path(options["scratch"])
    scratch.mkdir(parents=True, exist_ok=True)
    ends = queue.SimpleQueue[None]()  # a signal handler may put into this kind of queue (its documentation)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: ends.put(None))
    children = [_emulator(options, scratch)]
    if options["simulatorPort"]:
        children.append(_simulator(options))
    waits = [child.wait for child in children] + ([] if options["inBackground"] else [_end_of_input])
    for wait in waits:
        threading.Thread(target=_tell_after, args=(wait, ends), daemon=True).start()
    clock = {n: os.environ[n] for n in ("LD_PRELOAD", "FAKETIME", "FAKETIME_SHARED") if n in os.environ}
    print(json.dumps({"clock": clock}), flush=True)
    ends.get()
    _end(children, options["speed"])
    shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
