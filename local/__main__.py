"""python -m local VERB: what the Makefile's local targets call. A choice is a variable: LINKWATCH_SCENARIO=never."""

import argparse
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from rich.console import Console
from urllib3.exceptions import HTTPError

from local import accept, background, run, sam
from local.accelerated_clock import NoAcceleratedClock
from local.checkout import LOGS, shown
from local.choices import GIVEN
from local.launch import LocalStackFailed
from local.programs import forget_aws
from operations.environment import BadChoice, refuse_unused

USAGE_ERROR = 2
INTERRUPTED = 130


def _build(console: Console) -> int:
    with console.status("Building …"):
        sam.build()
    return 0


@dataclass(frozen=True)
class Verb:
    """What to run, its help, and the choices that it uses."""

    does: Callable[[Console], int]
    help: str
    choices: tuple[str, ...] = ()


VERBS = {
    "run": Verb(
        run.run,
        "watch one link from start to outcome:",
        ("SCENARIO", "SPEED", "VIA", "REQUEST_ID", "SESSION_ID", "LINK_SENT_AT"),
    ),
    "up": Verb(background.up, "keep a stack running in the background:", ("SPEED",)),
    "down": Verb(background.down, "end the background stack"),
    "env": Verb(background.env, "print the background stack's outputs as shell exports"),
    "send": Verb(background.send_one, "send a link to the background stack:", ("SCENARIO", "VIA", "CORRELATION")),
    "watch": Verb(background.watch_some, "show its verifications live, or one of them:", ("ID", "CORRELATION")),
    "logs": Verb(background.logs, "print a function's logs:", ("FUNCTION",)),
    "accept": Verb(accept.accept, "check the guarantees on a stack of its own:", ("BURST", "OUT")),
    "recover": Verb(background.recover, "resume what recovery has given up on"),
    "report": Verb(background.report, "write a report of the background stack:", ("HOURS", "SINCE", "UNTIL", "OUT")),
    "build": Verb(_build, "build what sam deploy deploys, if it is older than its sources"),
}


def main() -> int:
    """Runs a verb; 0 done, 1 failed, 2 a choice that does not exist, 130 Ctrl-C."""
    console = Console(emoji=False)  # an ARN's :secret: is no emoji
    errors = Console(stderr=True, emoji=False, soft_wrap=True)
    for stream in (sys.stdout, sys.stderr):  # a terminal's encoding may lack characters of the picture
        stream.reconfigure(errors="replace")  # pyright: ignore[reportAttributeAccessIssue]  # a TextIOWrapper has it
    parser = argparse.ArgumentParser(prog=".venvs/sam/bin/python -m local", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, verb in VERBS.items():
        verbs.add_parser(name, help=" ".join((verb.help, *verb.choices)))
    example = verbs.add_parser("example", help="deploy an example beside the background stack")
    example.add_argument("name", help=" or ".join(sam.EXAMPLES))
    example.add_argument("parameters", nargs="*", metavar="Name=value", help="parameters of its template")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job starts with it ignored
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    forget_aws()
    try:
        if options.verb == "example":
            return background.example(console, options.name, options.parameters)
        verb = VERBS[options.verb]
        refuse_unused(GIVEN, options.verb, verb.choices)
        return verb.does(console)
    except BadChoice as error:
        problem, status = str(error), USAGE_ERROR
    except (LocalStackFailed, NoAcceleratedClock, OSError, RuntimeError) as error:
        problem, status = f"Failed: {error}", 1
    except EndpointConnectionError:
        problem, status = f"Failed: the stack has stopped answering; logs are in {shown(LOGS)}", 1
    except (BotoCoreError, ClientError, HTTPError, subprocess.TimeoutExpired) as error:
        problem, status = f"Failed: {type(error).__name__}: {error}; logs are in {shown(LOGS)}", 1
    except KeyboardInterrupt:
        problem, status = "Interrupted", INTERRUPTED
    errors.print(problem, markup=False, highlight=False)
    return status


if __name__ == "__main__":
    sys.exit(main())
