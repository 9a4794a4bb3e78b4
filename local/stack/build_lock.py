"""One build at a time in this checkout."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from local.stack.paths import STATE


@contextmanager
def building() -> Iterator[None]:
    """Whoever else builds waits: a build empties the folder that another may be deploying from, and two deployments of one
    example write the same log.
    """
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
