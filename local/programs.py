"""The environments of the programs that local/ starts, and the end of the emulator.

An AWS profile, a key, a proxy or a token of the person at the keyboard has no business in a local stack: a deployment must never
reach a real account, and no child may pass Signzy's token on. Standard library only: the emulator's Python runs it.
"""

import os
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path

from local.checkout import PYTHON_BIN

REGION = "us-east-1"
#: The emulator does not check the secret of its root key. The key's id, which is new at each start, is the secret.
SECRET_KEY = "not-checked"  # noqa: S105

_INHERITED = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "TERM", "TMPDIR", "TZ", "USER")
# A company's own certificate authority is still needed to reach the real Signzy or PyPI.
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
_AWS = {
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",  # else SDKs look for credentials there for a while
    "SAM_CLI_TELEMETRY": "0",
}


def bare_environment() -> dict[str, str]:
    """Enough for any program to run; no AWS settings, no proxies, no tokens."""
    return {name: os.environ[name] for name in (*_INHERITED, *_CERTIFICATES) if name in os.environ}


def forget_aws() -> None:
    """Removes every AWS setting from this process's own environment, so that its clients know the emulator only."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(_AWS)


def build_environment() -> dict[str, str]:
    """For sam build: pip may need a proxy and its own settings; it calls no AWS. Python 3.13 comes first on PATH."""
    pip = {n: v for n, v in os.environ.items() if n.upper().endswith("_PROXY") or n.startswith("PIP_")}
    path = f"{PYTHON_BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**bare_environment(), **pip, **_AWS, "PATH": path}


def emulator_environment(endpoint: str, key_id: str) -> dict[str, str]:
    """For programs that talk to the emulator at endpoint with this access key, and cannot talk to anything else."""
    keys = {"AWS_ACCESS_KEY_ID": key_id, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
    return {**bare_environment(), **_AWS, "AWS_ENDPOINT_URL": endpoint, **keys}


def end_emulator(pid: int, scratch: Path) -> None:
    """Kills an emulator and its Lambdas, and removes what they leave: its scratch folder, and the clock that libfaketime has
    named after its pid. All that it knows is in its memory, so nothing is lost.
    """
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    shutil.rmtree(scratch, ignore_errors=True)
    for clock in Path("/dev/shm").glob(f"*faketime_s[eh]m_{pid}"):  # noqa: S108  # where Linux has shared memory
        clock.unlink(missing_ok=True)


if __name__ == "__main__":  # an emulator's last child, outside the group that it kills
    end_emulator(int(sys.argv[1]), Path(sys.argv[2]))
