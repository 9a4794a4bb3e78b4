"""Sends an Instant Link, then tells linkwatch: python send_link.py MOBILE_NUMBER --bus BUS --signzy-url URL --target-url URL

The link goes out first, and the time before that call is linkSentAt: the deadline counts from it, so that it may be a moment
too early and never too late. If this process dies between the two, the link is not watched; where that matters, write the ids to
an outbox as soon as Signzy has answered, and put the event from there until the bus has taken it.
"""

import argparse
import json
import os
import sys
import time
from datetime import UTC, datetime
from typing import Any

import boto3
import urllib3
from botocore.config import Config
from botocore.exceptions import NoRegionError

_TRIES = 4


def send_instant_link(url: str, mobile_number: str, country_code: str, target_url: str) -> dict[str, str]:
    """Has Signzy send the link; gives its requestId and sessionId. Raises RuntimeError, HTTPError.

    The body's fields are those of https://docs.signzy.com/us-apis/send-link. Assumed: that the ids stand in "result".
    """
    body = {"mobileNumber": mobile_number, "countryCode": country_code, "targetUrl": target_url}
    headers = {"Authorization": os.environ.get("SIGNZY_TOKEN", "")}
    answer = urllib3.request("POST", url, json=body, headers=headers, timeout=10, retries=False)
    if answer.status != 200:
        raise RuntimeError(f"Signzy answered {answer.status}")
    result = answer.json()["result"]
    return {"requestId": result["requestId"], "sessionId": result["sessionId"]}


def tell_linkwatch(events: Any, bus_name: str, detail: dict[str, str]) -> None:
    """Puts InstantLinkSent on the bus. PutEvents may refuse an entry with a 200, so its answer is read. Raises RuntimeError."""
    entry = {
        "EventBusName": bus_name,
        "Source": "onboarding",
        "DetailType": "InstantLinkSent",
        "Detail": json.dumps(detail),
    }
    refused = ""
    for attempt in range(_TRIES):
        answer = events.put_events(Entries=[entry])
        if not answer["FailedEntryCount"]:
            return
        refused = answer["Entries"][0]["ErrorCode"]
        time.sleep(0.2 * 2**attempt)
    raise RuntimeError(f"the bus refused the event {_TRIES} times: {refused}")


def _events() -> Any:
    """EventBridge's client, in the region that the shell or its profile names. Raises SystemExit where none does."""
    config = Config(retries={"mode": "standard", "total_max_attempts": 4})
    try:
        # boto3 itself reads AWS_DEFAULT_REGION and the profile only.
        return boto3.client("events", region_name=os.environ.get("AWS_REGION") or None, config=config)
    except NoRegionError:
        raise SystemExit("set AWS_REGION or AWS_DEFAULT_REGION, or name a profile that has a region") from None


def main() -> int:
    """Prints the verificationId. Raises when the link was not sent, or when linkwatch could not be told."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mobile_number")
    parser.add_argument("--bus", required=True, help="linkwatch's output BusName")
    parser.add_argument("--signzy-url", required=True, help="Signzy's Send Instant Link")
    parser.add_argument("--target-url", required=True, help="where the link leads whoever taps it")
    parser.add_argument("--country-code", default="US")
    parser.add_argument("--correlation-id", help="your own, echoed in the outcome")
    options = parser.parse_args()
    events = _events()  # before the link is out
    link_sent_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    ids = send_instant_link(options.signzy_url, options.mobile_number, options.country_code, options.target_url)
    print(f"{ids['requestId']}-{ids['sessionId']}".lower())  # before all else: the link is out, whatever happens now
    own = {"correlationId": options.correlation_id} if options.correlation_id else {}
    tell_linkwatch(events, options.bus, {**ids, "linkSentAt": link_sent_at, **own})
    return 0


if __name__ == "__main__":
    sys.exit(main())
