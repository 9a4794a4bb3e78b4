"""The bundles that are measured: CheckLink's as sam build made it, the same without byte-code, and the peers'."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from local.checkout import BUILT_TEMPLATE

CHECK_LINK, API = BUILT_TEMPLATE.parent / "CheckLink", BUILT_TEMPLATE.parent / "VerificationsApi"
PEERS = Path(__file__).parent / "peers"
_MADE = ("check_link_sources", "api_sources", "bare", "usual", "usual_sources", "runtime")
#: What AWS's Python runtime has by itself.
_RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six")


def make(folder: Path) -> dict[str, Path]:
    """Makes the bundles in folder; gives each bundle's folder by its name, "runtime" among them. Raises CalledProcessError."""
    bundles = {name: folder / name for name in _MADE}
    for built, sources in ((CHECK_LINK, "check_link_sources"), (API, "api_sources")):
        shutil.copytree(built, bundles[sources], ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(CHECK_LINK / "urllib3", bundles["bare"] / "urllib3")
    shutil.copy(PEERS / "bare.py", bundles["bare"])
    install = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-compile"]
    requirements = ["--requirement", os.fspath(PEERS / "requirements.txt")]
    subprocess.run([*install, "--target", os.fspath(bundles["usual_sources"]), *requirements], check=True)
    shutil.copy(PEERS / "usual.py", bundles["usual_sources"])
    shutil.copytree(bundles["usual_sources"], bundles["usual"])
    for compiled in ("bare", "usual"):
        byte_code = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "checked-hash"]
        subprocess.run([*byte_code, os.fspath(bundles[compiled])], check=True)
    bundles["runtime"].mkdir()
    for package in _RUNTIME:
        source = Path(str(getattr(find_spec(package), "origin", None)))
        source = source.parent if source.name == "__init__.py" else source
        (bundles["runtime"] / source.name).symlink_to(source)
    return {"check_link": CHECK_LINK, "api": API, **bundles}


def zipped_bytes(bundle: Path, folder: Path) -> int:
    """The size of a bundle as it is uploaded."""
    return Path(shutil.make_archive(os.fspath(folder / "bundle"), "zip", bundle)).stat().st_size
