"""python -m operations.report: the report of a stack in an account. Variables: ENV= chooses the stack, HOURS=24 or SINCE= and
UNTIL= the period, OUT=report.html the file.
"""

import argparse
import os
import sys

from botocore.exceptions import BotoCoreError, ClientError

from operations.environment import BadChoice, Environment
from operations.report.write import write_report


def main() -> int:
    """Writes the page and says where; 0 done, 1 failed, 2 a choice that cannot be followed."""
    argparse.ArgumentParser(prog="python -m operations.report", description=__doc__).parse_args()
    try:
        print(write_report(Environment.named(os.environ.get("ENV"), os.environ).stack(), os.environ))
    except BadChoice as error:
        print(f"linkwatch: {error}", file=sys.stderr)
        return 2
    except (BotoCoreError, ClientError, OSError) as error:
        print(f"linkwatch: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
