"""make bench WHAT=start: CheckLink's start and a check on a kept connection, beside the least that these need, over TLS on the
loopback.

Each start is a process of its own, and the kinds take turns. Ratios are of minima: what else the machine does only adds time
(https://docs.python.org/3/library/timeit.html#timeit.Timer.repeat). Prints the table for docs/performance.md. Exits 1 where a
ratio is over its target.
"""

import json
import os
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import trustme

FUNCTIONS = Path(__file__).parents[1] / "functions"
#: In the bundle, and what AWS's Python runtime has for signing.
PACKAGES = ("urllib3", "botocore", "jmespath", "dateutil", "six")
STARTS, BATCHES, CHECKS = 15, 40, 100

EVENT = {
    "requestId": "6462150e29c23b4d42352a63",
    "sessionId": "646214d929c23b4d42c1fc39",
    "deadline": "2099-01-01T00:00Z",
}
# CPU, because the machine does other things, too. Counted from the start of the process.
PROGRAMS = {
    "floor": "import json, ssl, urllib3; ssl.create_default_context()",
    "start": "import check_link",
    "first check": f"import check_link; assert check_link.handler({EVENT}, None)['answer'] == 'PENDING'",
}
WARM = f"""
import os, sys, urllib3, check_link
url = os.environ["SIGNZY_BASE_URL"] + "/poll-check-verify/request/{EVENT["requestId"]}/session/{EVENT["sessionId"]}"
http = urllib3.connection_from_url(url, maxsize=1)
headers = {{"Content-Type": "application/json", "Authorization": "bench-token"}}
def raw(): return http.request("GET", url, headers=headers).data
def check(): return check_link.handler({EVENT}, None)
figures = {{"raw": [], "check": []}}
printed, sys.stdout = sys.stdout, open(os.devnull, "w")
for batch in range({BATCHES} + 1):
    for function in (raw, check):
        began = time.process_time()
        for _ in range({CHECKS}):
            function()
        if batch:  # the first one connects
            figures[function.__name__].append((time.process_time() - began) / {CHECKS} * 1e6)
sys.stdout = printed
print(json.dumps(figures))
"""


def main() -> int:
    """Measures and prints."""
    with tempfile.TemporaryDirectory() as folder:
        bundle, environment = _bundle(Path(folder)), _environment(Path(folder))
        run = [sys.executable, "-I", "-S", "-B", "-c"]

        def python(program: str) -> str:
            code = f"import sys; sys.path.insert(0, {os.fspath(bundle)!r})\n{program}"
            return subprocess.run([*run, code], env=environment, capture_output=True, text=True, check=True).stdout

        took: dict[str, list[float]] = {name: [] for name in PROGRAMS}
        for _ in range(STARTS):
            for name, program in PROGRAMS.items():
                printed = python(f"{program}\nimport time; print(time.process_time() * 1000)")
                took[name].append(float(printed.split()[-1]))
        warm = json.loads(python(f"import json, time\n{WARM}"))
    rows = [
        ("start, ms of CPU", took["start"], "TLS context, urllib3 and json", took["floor"], 1.15),
        ("first check, with the token, ms of CPU", took["first check"], "the same", took["floor"], None),
        ("check on a kept connection, µs of CPU", warm["check"], "urllib3's GET", warm["raw"], 1.25),
    ]
    print("| measure | min | median | compared with | min | median | ratio | at most |")
    print("|---|--:|--:|---|--:|--:|--:|--:|")
    exceeded = False
    for measure, ours, compared, theirs, target in rows:
        ratio = min(ours) / min(theirs)
        exceeded |= target is not None and ratio > target
        figures = [f"{min(them):,.0f} | {statistics.median(them):,.0f}" for them in (ours, theirs)]
        print(f"| {measure} | {figures[0]} | {compared} | {figures[1]} | {ratio:.2f} | {target or ''} |")
    return int(exceeded)


def _bundle(folder: Path) -> Path:
    """CheckLink's code and packages, with byte-code, as sam build makes it."""
    bundle = folder / "bundle"
    shutil.copytree(FUNCTIONS, bundle, ignore=shutil.ignore_patterns("__pycache__"))
    for package in PACKAGES:
        source = Path(str(getattr(find_spec(package), "origin", None)))
        if source.name == "__init__.py":
            shutil.copytree(source.parent, bundle / package, ignore=shutil.ignore_patterns("data", "__pycache__"))
        else:
            shutil.copy(source, bundle)
    compiled = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "checked-hash", os.fspath(bundle)]
    subprocess.run(compiled, check=True)
    return bundle


def _environment(folder: Path) -> dict[str, str]:
    """Starts Signzy and Secrets Manager on the loopback; returns the environment of a Lambda that calls them."""
    authority, trusted = trustme.CA(), folder / "trusted.pem"
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_serve, args=(server, tls), daemon=True).start()
    # All authorities that a Lambda knows, and one more: reading them is a good part of a start.
    system = ssl.get_default_verify_paths().cafile
    trusted.write_bytes((Path(system).read_bytes() if system else b"") + authority.cert_pem.bytes())
    url = f"https://127.0.0.1:{server.getsockname()[1]}"
    return {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": url,
        "SSL_CERT_FILE": os.fspath(trusted),
        "POLL_INTERVAL_SECONDS": "10",
        "SIGNZY_BASE_URL": f"{url}/api/v3/us-kyc",
        "SIGNZY_TOKEN_ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:SignzyToken-AbCdEf",
    }


def _serve(server: socket.socket, tls: ssl.SSLContext) -> None:
    """Answers with ready-made bytes from plain threads, so that what is measured is the client."""
    while True:
        connection, _ = server.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_answer, args=(connection, tls), daemon=True).start()


def _answer(connection: socket.socket, tls: ssl.SSLContext) -> None:
    with suppress(OSError), tls.wrap_socket(connection, server_side=True) as stream, stream.makefile("rb") as requests:
        while head := requests.readline():
            length = 0
            while (line := requests.readline().strip().lower()) != b"":
                length = int(line.removeprefix(b"content-length:")) if line.startswith(b"content-length:") else length
            requests.read(length)
            stream.sendall(_SECRET if head.startswith(b"POST") else _PENDING)


def _message(body: dict[str, object]) -> bytes:
    content = json.dumps(body).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(content)
    return head + content


_PENDING = _message({"result": {"message": "Please wait for sometime"}})
_SECRET = _message({"Name": "SignzyToken", "SecretString": json.dumps({"token": "bench-token"})})

if __name__ == "__main__":
    sys.exit(main())
