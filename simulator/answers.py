"""What Signzy answers, as data: every row of its page, and variants of them, in answers.json. The unit tests and the
simulator both read it here. Standard library only: the simulator also runs on a Python without packages.

In the file an answer has a `status`, `headers` (optional), what to `expect` of the function that reads it, and its body as
`body` (JSON), `text` or `hex` (raw), in `encoding` (default UTF-8), made longer by `times` (repeated) or `paddedTo` (spaces at
the end, size in bytes).
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
    """Returns the answer that an entry of the file describes (see the top of this module)."""
    if "hex" in data:
        body = bytes.fromhex(data["hex"])
    else:
        text = data["text"] if "text" in data else json.dumps(data["body"], ensure_ascii=False)
        body = text.encode(data.get("encoding", "utf-8")) * data.get("times", 1)
    headers = {"Content-Type": "application/json; charset=utf-8", **data.get("headers", {})}
    return SimulatedAnswer(data["status"], body.ljust(data.get("paddedTo", 0)), headers, data.get("expect", {}))


ANSWERS: dict[str, SimulatedAnswer] = {
    name: answer_from(data)
    for name, data in json.loads(Path(__file__).with_name("answers.json").read_text("utf-8")).items()
}
