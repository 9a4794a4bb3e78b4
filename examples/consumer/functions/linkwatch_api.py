"""linkwatch's API, for a consumer in another account, which cannot read the table. The runtime of Lambda has all packages."""

import os
import re
from typing import Any

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.session import Session

_session: Any = Session()  # whose credentials may be None, but not in Lambda
TIMEOUT = urllib3.Timeout(connect=1, read=4)
_http = urllib3.PoolManager(timeout=TIMEOUT, retries=False)


class NoAnswer(Exception):
    """The API answered neither 200 nor 404."""


def read_verification(api_url: str, verification_id: str) -> dict[str, Any] | None:
    """Returns the verification as `GET` shows it; None if there is none. Raises NoAnswer, urllib3's HTTPError."""
    if not re.fullmatch("[0-9a-f]{24}-[0-9a-f]{24}", verification_id):
        return None  # it comes from an event, and goes into a URL
    url = f"{api_url}/verifications/{verification_id}"
    request = AWSRequest("GET", url)
    SigV4Auth(_session.get_credentials(), "execute-api", os.environ["AWS_REGION"]).add_auth(request)
    answer = _http.request("GET", url, headers=dict(request.headers.items()))
    if answer.status == 404:
        return None
    if answer.status != 200:
        raise NoAnswer(f"linkwatch's API answered {answer.status}")
    return answer.json()
