"""make pictures: draws the state machine into docs/architecture.md; then runs three verifications and draws docs/time-lines.svg
and docs/terminal.svg.
"""

import argparse
import sys

from local.stack import environment
from pictures import flow, time_lines


def main() -> int:
    """Exits 0, or 130 on Ctrl-C."""
    parser = argparse.ArgumentParser(prog="make pictures", description=__doc__)
    parser.add_argument("--no-run", action="store_true", help="draw the time lines of the run that is kept")
    choices = parser.parse_args()
    environment.forget_aws()
    flow.write()
    try:
        if not choices.no_run:
            time_lines.watch()
    except KeyboardInterrupt:
        return 130
    time_lines.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
