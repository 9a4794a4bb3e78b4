"""python -m local VERB: what the Makefile's targets call. Choices are variables in the environment (make run SCENARIO=never)."""

import argparse
import signal
import subprocess
import sys
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from rich.console import Console
from urllib3.exceptions import HTTPError

from local import accept
from local.stack import environment, sam_cli
from local.stack.accelerated_clock import NoAcceleratedClock
from local.stack.launch import LocalStackFailed
from local.stack.paths import LOGS, shown
from local.terminal import background, examples, invoke, run
from local.terminal.choices import BadChoice
from operations.kept import NoDeployment

USAGE_ERROR = 2
INTERRUPTED = 130


def _build(console: Console) -> int:
    with console.status("Building …"):
        sam_cli.build()
    return 0


VERBS: dict[str, tuple[Callable[[Console], int], str]] = {
    "run": (
        run.run,
        "watch one link from start to outcome: SCENARIO, SPEED, VIA; or SIGNZY_BASE_URL, SIGNZY_TOKEN, …",
    ),
    "up": (background.up, "keep a stack running: SPEED"),
    "down": (background.down, "end the background stack"),
    "env": (background.env, "print what a shell needs to call the background stack"),
    "send": (background.send_one, "send a link to the background stack: SCENARIO, VIA, CORRELATION"),
    "watch": (background.watch_some, "show the background stack's verifications live, or one: ID, CORRELATION"),
    "cancel": (background.cancel_one, "cancel a verification of the background stack: ID"),
    "logs": (background.logs, "print a function's logs in the background stack: FUNCTION"),
    "consumer": (examples.consumer, "deploy the example of a consumer beside the background stack"),
    "webhook": (examples.webhook, "deploy the example of a webhook beside the background stack: URL"),
    "redrive": (background.redrive, "put the background stack's dead letters back into the queue"),
    "recover": (background.recover, "recover what is open in the background stack, also what was given up"),
    "invoke": (invoke.invoke, "run one function in Lambda's container: FUNCTION, EVENT, SCENARIO"),
    "accept": (accept.accept, "make the acceptance run on a stack of its own: BURST, OUT"),
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
    except (BadChoice, NoDeployment) as error:
        errors.print(str(error), markup=False, highlight=False)
        return USAGE_ERROR
    except (LocalStackFailed, NoAcceleratedClock) as error:
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
