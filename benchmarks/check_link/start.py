"""One Lambda's life in a process of its own: python -I -S -B start.py BUNDLE RUNTIME MODULE

Imports the handler from the bundle, with the runtime's packages behind it, asks it for one check (an entry point is only
imported), and prints what that took: {"answerCpuMs", "peakMemoryKib"}, counted from the process's start. -B, for Lambda cannot
write byte-code either.
"""

import sys

bundle, runtime, module = sys.argv[1:]
sys.path[:0] = [bundle, runtime]
handler = __import__(module).handler

import time  # noqa: E402  the handler pays for what it imports itself


class Context:
    """As much of Lambda's as a logger asks for."""

    function_name = "check"
    function_version = "$LATEST"
    memory_limit_in_mb = 256
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:check"
    aws_request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


EVENT = {"requestId": "6462150e29c23b4d42352a63", "sessionId": "646214d929c23b4d42c1fc39"}
answer = None if module == "verifications_api" else handler(EVENT, Context())
answered_at = time.process_time()

import json  # noqa: E402
import re  # noqa: E402
import resource  # noqa: E402
from pathlib import Path  # noqa: E402

assert answer is None or answer.get("answer") == "PENDING" or answer["result"]["message"] == "Please wait for sometime"
try:
    # getrusage would count what the parent had before the exec, too.
    peak = int(re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[0])
except FileNotFoundError:  # macOS, in bytes
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps({"answerCpuMs": answered_at * 1000, "peakMemoryKib": peak}))
