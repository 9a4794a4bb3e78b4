"""python -m local VERB: what the Makefile's targets call. Choices are variables in the environment (make run SCENARIO=never)."""

import argparse
import signal
import subprocess
import sys
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from rich.console import Console
from urllib3.exceptions import HTTPError

from local import environment, invoke, kept, run, sam
from local.choices import BadChoice
from local.launch import LocalStackFailed
from local.places import LOGS, shown
from local.time_lapse import NoTimeLapse

USAGE_ERROR = 2
INTERRUPTED = 130


def _build(console: Console) -> int:
    with console.status("Building …"):
        sam.build()
    return 0


VERBS: dict[str, tuple[Callable[[Console], int], str]] = {
    "run": (
        run.run,
        "watch one link from start to outcome: SCENARIO, SPEED, VIA; or SIGNZY_BASE_URL, SIGNZY_TOKEN, …",
    ),
    "up": (kept.up, "keep a stack running: SPEED"),
    "down": (kept.down, "end the kept stack"),
    "send": (kept.send_one, "send a link to the kept stack: SCENARIO, VIA"),
    "watch": (kept.watch_some, "show the kept stack's verifications live, or one: ID"),
    "cancel": (kept.cancel_one, "cancel a verification of the kept stack: ID"),
    "logs": (kept.logs, "print a function's logs in the kept stack: FUNCTION"),
    "consumer": (kept.consumer, "deploy the example of a consumer beside the kept stack"),
    "redrive": (kept.redrive, "put the kept stack's dead letters back into the queue"),
    "recover": (kept.recover, "recover what is open in the kept stack, also what was given up"),
    "invoke": (invoke.invoke, "run one function in Lambda's container: FUNCTION, EVENT, SCENARIO"),
    "build": (_build, "what sam deploy deploys, if it is older than its sources"),
}


def main() -> int:
    """Runs a verb; 0 done, 1 failed, 2 a choice that does not exist, 130 Ctrl-C."""
    described = "\n".join(f"  {name:8} {about}" for name, (_, about) in VERBS.items())
    parser = argparse.ArgumentParser(
        prog="python -m local",
        description=__doc__,
        epilog=f"verbs:\n{described}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", choices=VERBS, metavar="VERB")
    verb, _ = VERBS[parser.parse_args().verb]
    console = Console(emoji=False)  # an ARN's :secret: is no emoji
    errors = Console(stderr=True, emoji=False, soft_wrap=True)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job starts with it ignored
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    environment.forget_aws()
    try:
        return verb(console)
    except BadChoice as error:
        errors.print(str(error), markup=False, highlight=False)
        return USAGE_ERROR
    except (LocalStackFailed, NoTimeLapse) as error:
        errors.print(f"Failed: {error}", markup=False, highlight=False)
        return 1
    except EndpointConnectionError:
        errors.print(
            f"Failed: the stack has stopped answering; logs are in {shown(LOGS)}", markup=False, highlight=False
        )
        return 1
    except (BotoCoreError, ClientError, HTTPError, TimeoutError, subprocess.TimeoutExpired) as error:
        errors.print(
            f"Failed: {type(error).__name__}: {error}; logs are in {shown(LOGS)}", markup=False, highlight=False
        )
        return 1
    except KeyboardInterrupt:
        errors.print("Interrupted; nothing is left running")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
