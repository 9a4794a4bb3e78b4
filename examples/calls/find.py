"""Prints the verifications of a correlationId, newest link first, a line of JSON each: python find.py API_URL CORRELATION_ID

Needs what start_and_wait.py needs.
"""

import json
import sys
from urllib.parse import quote

from start_and_wait import call


def main(api_url: str, correlation_id: str) -> int:
    """Returns 0, also if there is none; 1 if a call failed."""
    page = f"{api_url}/verifications?correlationId={quote(correlation_id, safe='')}"
    following = ""
    while following is not None:
        status, found = call("GET", page + following)
        if status != 200:  # 400 for next: its verification has expired
            print(f"not found: {status} {found}", file=sys.stderr)
            return 1
        for verification in found["verifications"]:
            print(json.dumps(verification))
        following = f"&next={found['next']}" if found["next"] else None
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
