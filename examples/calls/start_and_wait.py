"""Starts a verification through the API and waits for its outcome: python start_and_wait.py API_URL REQUEST_ID SESSION_ID

Prints the verification when it is settled. Events are better (examples/consumer): here each poll costs a request. Needs botocore,
urllib3 and AWS's usual variables or profile.
"""

import json
import os
import sys
import time
from datetime import datetime
from typing import Any

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.session import Session

#: How long to wait after the deadline. An outcome takes up to 30 s while AWS is healthy.
PATIENCE_SECONDS = 60
POLL_SECONDS = 5

_session = Session()
# A POST may also be sent again: the same start twice is one verification.
_again = urllib3.Retry(3, backoff_factor=0.5, status_forcelist=[429, 500, 502, 503, 504], allowed_methods=None)
_http = urllib3.PoolManager(timeout=30, retries=_again)


def call(method: str, url: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Makes a signed call; returns the JSON of its answer. Exits if it failed. Raises HTTPError."""
    content = None if body is None else json.dumps(body)
    request = AWSRequest(method, url, headers={"Content-Type": "application/json"}, data=content)
    credentials = _session.get_credentials()
    if credentials is None:
        sys.exit("no AWS credentials found")
    # botocore itself reads AWS_DEFAULT_REGION and the profile only.
    region = os.environ.get("AWS_REGION") or _session.get_config_variable("region")
    if not region:
        sys.exit("set AWS_REGION or AWS_DEFAULT_REGION, or name a profile that has a region")
    SigV4Auth(credentials, "execute-api", region).add_auth(request)
    answer = _http.request(method, url, body=content, headers=dict(request.prepare().headers.items()))
    if answer.status not in {200, 202}:
        sys.exit(f"{method} {url}: {answer.status} {answer.data.decode()}")
    return answer.json()


def main(api_url: str, request_id: str, session_id: str) -> None:
    """Exits with 1 if the verification is not settled in time."""
    verification = call("POST", f"{api_url}/verifications", {"requestId": request_id, "sessionId": session_id})
    give_up_at = datetime.fromisoformat(verification["deadline"]).timestamp() + PATIENCE_SECONDS
    while verification["status"] != "SETTLED" and time.time() < give_up_at:
        time.sleep(POLL_SECONDS)
        verification = call("GET", f"{api_url}/verifications/{verification['verificationId']}")
    print(json.dumps(verification, indent=2))
    sys.exit(verification["status"] != "SETTLED")


if __name__ == "__main__":
    main(*sys.argv[1:])
