"""How local/ starts other programs: with an environment of their own, and so that they end when this one does.

    python -m local.programs PROGRAM ARGUMENT…     becomes PROGRAM, which is killed when the process that started it ends

An AWS profile, a key, a proxy or a token of the person at the keyboard has no business in a local stack: a deployment must never
reach a real account, and no child may pass Signzy's token on. Standard library only.
"""

import ctypes
import os
import signal
import sys

from local.checkout import PYTHON_BIN

REGION = "us-east-1"
#: The emulator does not check the secret of its root key. The key's id, which is new at each start, is the secret.
SECRET_KEY = "not-checked"  # noqa: S105

_INHERITED = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "TERM", "TMPDIR", "TZ", "USER")
# A company's own certificate authority is still needed to reach the real Signzy or PyPI.
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def bare_environment() -> dict[str, str]:
    """Enough for any program to run; no AWS settings, no proxies, no tokens."""
    return {name: os.environ[name] for name in (*_INHERITED, *_CERTIFICATES) if name in os.environ}


def forget_aws() -> None:
    """Removes every AWS setting from this process's own environment, so that its clients know the emulator only."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update({name: value for name, value in _aws().items() if name.startswith("AWS_")})


def build_environment() -> dict[str, str]:
    """For sam build: pip may need a proxy and its own settings; it calls no AWS. Python 3.13 comes first on PATH."""
    pip = {n: v for n, v in os.environ.items() if n.upper().endswith("_PROXY") or n.startswith("PIP_")}
    path = f"{PYTHON_BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**bare_environment(), **pip, **_aws(), "PATH": path}


def emulator_environment(endpoint: str, key_id: str) -> dict[str, str]:
    """For programs that talk to the emulator at endpoint with this access key, and cannot talk to anything else."""
    keys = {"AWS_ACCESS_KEY_ID": key_id, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
    return {**bare_environment(), **_aws(), "AWS_ENDPOINT_URL": endpoint, **keys}


def _aws() -> dict[str, str]:
    return {
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",  # else SDKs look for credentials there for a while
        "SAM_CLI_TELEMETRY": "0",
    }


def ending_with_this_process(command: list[str]) -> list[str]:
    """The command, run so that the kernel kills it when this process ends, however that happens. On Linux only."""
    return [sys.executable, "-m", "local.programs", *command]


if __name__ == "__main__":
    # A program of its own, because code between fork and exec (preexec_fn) is not safe once threads run.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606  # no shell is wanted
