"""sam local reads the template that sam build has made."""

import os
import subprocess

from local.checkout import ROOT, SAM
from local.programs import build_environment


def test_sam_local_understands_the_template():
    """Up to the container: there is none at this address, so that this needs no Docker."""
    no_docker = {**build_environment(), "DOCKER_HOST": "unix:///nowhere"}

    done = subprocess.run(
        [os.fspath(SAM), "local", "invoke", "CheckLink"],
        cwd=ROOT,
        env=no_docker,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert "container runtime" in done.stderr
    assert "unexpected error" not in done.stderr
