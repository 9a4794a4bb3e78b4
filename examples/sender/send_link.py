"""Sends an Instant Link, then starts its verification: python send_link.py --bus BUS --signzy-url URL --target-url URL

Reads the mobile number from standard input and Signzy's token from SIGNZY_TOKEN, because other users can read a command line.

The link is sent first. linkSentAt is the time before that call: the deadline counts from it, so it may be a moment too early
and is never too late. If this process ends between the two, the link is not watched; where that matters, write the ids to
an outbox as soon as Signzy has answered, and put the event from there until the bus has accepted it.

With --decisions-table it tells examples/consumer which verifications are its own: that decides on no others.
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

_TRIES = 4


def send_instant_link(url: str, token: str, mobile_number: str, target_url: str) -> dict[str, str]:
    """Asks Signzy to send the link; returns its requestId and sessionId. Raises RuntimeError, HTTPError.

    The body's fields are those of https://docs.signzy.com/us-apis/send-link. Assumed: that the ids are in "result".
    """
    body = {"mobileNumber": mobile_number, "countryCode": "US", "targetUrl": target_url}
    headers = {"Authorization": token}
    answer = urllib3.request("POST", url, json=body, headers=headers, timeout=10, retries=False, redirect=False)
    if answer.status != 200:
        raise RuntimeError(f"Signzy answered {answer.status}")
    result = answer.json()["result"]
    return {"requestId": result["requestId"], "sessionId": result["sessionId"]}


def put_link_sent(events: Any, bus_name: str, detail: dict[str, str]) -> None:
    """Puts InstantLinkSent on the bus. PutEvents may refuse an entry with a 200, so its answer is read. Raises RuntimeError."""
    kind = {"Source": "onboarding", "DetailType": "InstantLinkSent"}
    entry = {"EventBusName": bus_name, **kind, "Detail": json.dumps(detail)}
    for attempt in range(_TRIES):
        if not events.put_events(Entries=[entry])["FailedEntryCount"]:
            return
        time.sleep(0.2 * 2**attempt)
    raise RuntimeError(f"the bus refused the event {_TRIES} times")


def main() -> None:
    """Prints the verificationId. Raises if the link was not sent, or the event was not accepted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bus", required=True, help="linkwatch's output BusName")
    parser.add_argument("--signzy-url", required=True, help="Signzy's Send Instant Link")
    parser.add_argument("--target-url", required=True, help="the page that the link opens")
    parser.add_argument("--correlation-id", help="your own, echoed in the outcome")
    parser.add_argument("--decisions-table", help="examples/consumer's output DecisionsTable, if that is deployed")
    options = parser.parse_args()
    if not options.signzy_url.startswith(("https://", "http://127.0.0.1:")):
        parser.error("--signzy-url has to be https: the token goes there")
    # boto3 itself reads AWS_DEFAULT_REGION and the profile only.
    session: Any = boto3.Session(region_name=os.environ.get("AWS_REGION") or None)
    if not session.region_name:
        sys.exit("set AWS_REGION or AWS_DEFAULT_REGION, or name a profile that has a region")
    token = os.environ.get("SIGNZY_TOKEN", "").strip()
    if not (token and token.isascii() and token.isprintable()):  # the HTTP client would quote it
        sys.exit("SIGNZY_TOKEN is empty or has characters that a header cannot carry")
    config = Config(retries={"mode": "standard", "total_max_attempts": _TRIES})
    events, dynamodb = (session.client(name, config=config) for name in ("events", "dynamodb"))

    print("Mobile number: ", end="", file=sys.stderr, flush=True)
    mobile_number = sys.stdin.readline().strip()
    link_sent_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    ids = send_instant_link(options.signzy_url, token, mobile_number, options.target_url)
    verification_id = f"{ids['requestId']}-{ids['sessionId']}".lower()
    print(verification_id)  # before all else: the link is out, whatever happens now
    own = {"correlationId": options.correlation_id} if options.correlation_id else {}
    if options.decisions_table:  # the row without which examples/consumer decides nothing
        row = {"verificationId": verification_id, **own}
        dynamodb.put_item(TableName=options.decisions_table, Item={name: {"S": row[name]} for name in row})
    put_link_sent(events, options.bus, {**ids, "linkSentAt": link_sent_at, **own})


if __name__ == "__main__":
    main()
