"""The environments of the programs that local/ starts: made anew, not inherited.

An AWS profile, a key, a proxy or a token of the person at the keyboard has no business in a local stack: a deployment
must never reach a real account, and no child may pass the vendor's token on.
"""

import os

from local.stack.paths import PYTHON_BIN

REGION = "us-east-1"
#: The emulator takes any key; it shows in signatures only.
KEY_ID, SECRET_KEY = "test", "test"

_INHERITED = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "TERM", "TMPDIR", "TZ", "USER")
# A company's own certificate authority is still needed to reach the real Signzy or PyPI.
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")


def bare() -> dict[str, str]:
    """Enough for any program to run; no AWS settings, no proxies, no tokens."""
    return {name: os.environ[name] for name in (*_INHERITED, *_CERTIFICATES) if name in os.environ}


def forget_aws() -> None:
    """Takes every AWS setting out of this process's own environment, so that its clients know the emulator only."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update({name: value for name, value in _sam().items() if name.startswith("AWS_")})


def for_building() -> dict[str, str]:
    """For sam build: pip may need a proxy and its own settings; it calls no AWS. Python 3.13 comes first on PATH."""
    pip = {n: v for n, v in os.environ.items() if n.upper().endswith("_PROXY") or n.startswith("PIP_")}
    path = f"{PYTHON_BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**bare(), **pip, **_sam(), "PATH": path}


def for_invoking() -> dict[str, str]:
    """For sam local invoke: no credentials, so that the function has none either."""
    return {**bare(), **_sam()}


def for_aws(endpoint: str) -> dict[str, str]:
    """For programs that talk to the emulator at endpoint, and can talk to nothing else."""
    return {
        **bare(),
        **_sam(),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    }


def _sam() -> dict[str, str]:
    return {
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",  # else SDKs check for credentials there for a while
        "SAM_CLI_TELEMETRY": "0",
    }
