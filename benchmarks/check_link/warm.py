"""Warm checks beside raw requests, in one process: python -I -S -B warm.py BUNDLE RUNTIME BATCHES LOOKS

Both go to the same server over a connection that is kept alive, in batches by turns. Prints, in microseconds for one,
{"raw": {"cpu": [...], "time": [...]}, "check": {...}}: a figure for each batch.
"""

import sys

sys.path[:0] = sys.argv[1:3]

import json  # noqa: E402
import os  # noqa: E402
import time  # noqa: E402

import urllib3  # noqa: E402

import check_link  # noqa: E402

BATCHES, LOOKS = int(sys.argv[3]), int(sys.argv[4])
EVENT = {
    "requestId": "6462150e29c23b4d42352a63",
    "sessionId": "646214d929c23b4d42c1fc39",
    "deadline": "2099-01-01T00:00:00.000Z",
}
URL = f"{os.environ['SIGNZY_BASE_URL']}/poll-check-verify/request/{EVENT['requestId']}/session/{EVENT['sessionId']}"
HEADERS = {"Content-Type": "application/json", "Authorization": "bench-token"}
http = urllib3.connection_from_url(URL, maxsize=1)


def raw() -> bytes:
    return http.request("GET", URL, headers=HEADERS).data


def check() -> dict:
    return check_link.handler(EVENT, None)


figures = {function.__name__: {"cpu": [], "time": []} for function in (raw, check)}
printed, sys.stdout = sys.stdout, open(os.devnull, "w")  # noqa: PTH123, SIM115  the check's log line is written, but not here
for batch in range(BATCHES + 1):
    for function in (raw, check):
        cpu, began = time.process_time(), time.perf_counter()
        for _ in range(LOOKS):
            function()
        took = {"cpu": time.process_time() - cpu, "time": time.perf_counter() - began}
        if batch:  # the first only warms up
            for kind, seconds in took.items():
                figures[function.__name__][kind].append(seconds / LOOKS * 1e6)
print(json.dumps(figures), file=printed)
