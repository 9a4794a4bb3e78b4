"""python -m local VERB: what the Makefile's local targets call. A choice is a variable: LINKWATCH_SCENARIO=never."""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from local import accept, background, run, sam
from local.accelerated_clock import NoAcceleratedClock
from local.checkout import SHOWN_LOGS
from local.launch import LocalStackFailed
from local.programs import forget_aws
from operations.environment import BadChoice, choices

#: verb: what it does with the choices, which returns an exit status or None for 0; its help; the choices that it uses
VERBS: dict[str, tuple[Callable[[run.Chosen], int | None], str, tuple[str, ...]]] = {
    "run": (
        run.run,
        "watch one link from start to outcome",
        ("SCENARIO", "SPEED", "VIA", "REQUEST_ID", "SESSION_ID", "LINK_SENT_AT"),
    ),
    "up": (background.up, "keep a stack running in the background", ("SPEED",)),
    "down": (background.down, "end the background stack", ()),
    "env": (background.env, "print the background stack's outputs as shell exports", ()),
    "send": (background.send, "send a link to the background stack", ("SCENARIO", "VIA", "CORRELATION")),
    "watch": (background.watch_some, "print what happens to its verifications, or to one", ("ID", "CORRELATION")),
    "logs": (background.logs, "print a function's logs", ("FUNCTION",)),
    "accept": (accept.accept, "check the guarantees on a stack of its own", ("BURST", "OUT")),
    "recover": (background.recover, "resume what recovery has given up on", ()),
    "report": (background.report, "write a report of the background stack", ("HOURS", "SINCE", "UNTIL", "OUT")),
    "build": (lambda _: sam.build(), "build what sam deploy deploys, if it is older than its sources", ()),
}


def main() -> int:
    """Runs a verb; 0 done, 1 failed, 2 a choice that does not exist, 130 Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):  # a terminal's encoding may lack a character
        stream.reconfigure(errors="replace", line_buffering=True)  # pyright: ignore[reportAttributeAccessIssue]  # a TextIOWrapper has it
    parser = argparse.ArgumentParser(prog=".venvs/sam/bin/python -m local", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, (_, what, used) in VERBS.items():
        verbs.add_parser(name, help=": ".join([what, *([" ".join(used)] if used else [])]))
    example = verbs.add_parser("example", help="deploy an example beside the background stack")
    example.add_argument("name", choices=sam.EXAMPLES)
    example.add_argument("parameters", nargs="*", metavar="Name=value", help="parameters of its template")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job starts with it ignored
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    forget_aws()
    try:
        if options.verb == "example":
            background.example(options.name, options.parameters)
            return 0
        does, _, used = VERBS[options.verb]
        return does(choices([], os.environ, options.verb, used)) or 0
    except BadChoice as error:
        problem, status = str(error), 2
    except (LocalStackFailed, NoAcceleratedClock, OSError, RuntimeError) as error:
        problem, status = f"Failed: {error}", 1
    except (BotoCoreError, ClientError, HTTPError, subprocess.SubprocessError) as error:
        problem, status = f"Failed: {error}; logs are in {SHOWN_LOGS}", 1
    except KeyboardInterrupt:
        problem, status = "Interrupted", 130
    print(problem, file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
