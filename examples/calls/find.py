"""Prints the verifications of a correlationId, newest link first, a line of JSON each: python find.py API_URL CORRELATION_ID

Needs what start_and_wait.py needs.
"""

import json
import sys
from urllib.parse import quote, urlencode

from start_and_wait import call


def main(api_url: str, correlation_id: str) -> None:
    query = {"correlationId": correlation_id}
    while True:
        # 400 for next: its verification has expired.
        found = call("GET", f"{api_url}/verifications?{urlencode(query, quote_via=quote)}")
        for verification in found["verifications"]:
            print(json.dumps(verification))
        if not found["next"]:
            return
        query["next"] = found["next"]


if __name__ == "__main__":
    main(*sys.argv[1:])
