"""The yardstick: one check with urllib3 and json and nothing else. No classification, no deadline, no secret."""

import json
import os

import urllib3

_http = urllib3.PoolManager()


def handler(event, _context):
    """{"requestId", "sessionId"} in, Signzy's answer out."""
    url = f"{os.environ['SIGNZY_BASE_URL']}/poll-check-verify/request/{event['requestId']}/session/{event['sessionId']}"
    headers = {"Content-Type": "application/json", "Authorization": os.environ["SIGNZY_TOKEN"]}
    return json.loads(_http.request("GET", url, headers=headers).data)
