"""What Signzy answers, as data: every row of its page, and variants of them, in answers.json. The unit tests and the
simulator both read it here. Standard library only: the simulator also runs on a Python without packages.

In the file an answer has a `status` (default 200), `headers` (optional), what to `expect` of the function that reads it (by
default BAD_ANSWER), and its body as `body` (JSON), `text` or `hex` (raw), in `encoding` (default UTF-8), made longer by `times`
(repeated) or `paddedTo` (spaces at the end, size in bytes).

An answer that is `like` another one has what that has, except for what it says itself. `with` and `without` change the fields of
the one object in the other's body, and `expect` changes what is expected.
"""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

#: The session id in the file's answers.
SAMPLE_SESSION_ID = b"646214d929c23b4d42c1fc39"


@dataclass(frozen=True, slots=True)
class SimulatedAnswer:
    """One HTTP answer. expect: {"answer", "reason"} and, with CLICKED, "result", as CheckLink returns them."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    expect: dict[str, Any] = field(default_factory=dict)

    def about(self, session_id: str) -> "SimulatedAnswer":
        """The same answer about this session: wherever it names the sample's id, in small letters or capitals."""
        asked = session_id.encode()
        body = self.body.replace(SAMPLE_SESSION_ID, asked).replace(SAMPLE_SESSION_ID.upper(), asked.upper())
        return replace(self, body=body)


def answer_from(data: dict[str, Any]) -> SimulatedAnswer:
    """Returns the answer that an entry of the file describes, one that is not `like` another."""
    if "hex" in data:
        body = bytes.fromhex(data["hex"])
    else:
        text = data["text"] if "text" in data else json.dumps(data["body"], ensure_ascii=False)
        body = text.encode(data.get("encoding", "utf-8")) * data.get("times", 1)
    headers = {"Content-Type": "application/json; charset=utf-8", **data.get("headers", {})}
    expect = data.get("expect", {"answer": "UNAVAILABLE", "reason": "BAD_ANSWER"})
    return SimulatedAnswer(data.get("status", 200), body.ljust(data.get("paddedTo", 0)), headers, expect)


def _whole(data: dict[str, Any]) -> dict[str, Any]:
    """Returns an entry of the file with what it has from the one that it is like."""
    if "like" not in data:
        return data
    base = _FILE[data["like"]]
    [(name, fields)] = base["body"].items()
    changed = {key: value for key, value in (fields | data.get("with", {})).items() if key != data.get("without")}
    expect = base["expect"] | data.get("expect", {})
    result = base["expect"]["result"] | expect.pop("result")
    if expect["answer"] == "CLICKED":
        expect["result"] = result
    return base | {"body": {name: changed}} | data | {"expect": expect}


_FILE: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("answers.json").read_text("utf-8"))
ANSWERS = {name: answer_from(_whole(data)) for name, data in _FILE.items()}
