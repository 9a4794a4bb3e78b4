"""Signzy's status endpoint as its page documents it: its path, what it refuses and what it answers. Standard library only."""

import re
from collections.abc import Callable
from dataclasses import replace

from simulator.answers import ANSWERS, SimulatedAnswer, answer_from
from simulator.scenarios import Step

BASE_PATH = "/api/v3/us-kyc"
CHECK = re.compile(re.escape(BASE_PATH) + "/poll-check-verify/request/([^/?]*)/session/([^/?]*)")
#: In every answer, so that nobody mistakes the simulator for Signzy.
SIMULATOR_HEADER = {"X-Simulator": "linkwatch's simulator of Signzy, not Signzy"}
ABOUT = answer_from(
    {
        "status": 200,
        "body": {
            "simulator": True,
            "about": "This is linkwatch's simulator of Signzy, for tests. It is not Signzy, sends no links and knows no person.",
            "check": f"GET {BASE_PATH}/poll-check-verify/request/{{requestId}}/session/{{sessionId}}",
        },
    }
)
NOT_FOUND = answer_from({"status": 404, "body": {"error": {"message": "Not Found", "statusCode": 404}}})

_ID = re.compile("[0-9a-fA-F]{24}")


def refusal(
    request_id: str, session_id: str, content_type: str | None, *, is_right_token: Callable[[], bool]
) -> Step | None:
    """Returns why a check is refused (its token, Content-Type or ids, in this order) before its link is looked up, or None."""
    if not is_right_token():
        return {"answer": "credentials-refused"}
    if (content_type or "").partition(";")[0].strip().lower() != "application/json":
        return {"answer": "wrong-content-type"}
    for id_, answer in ((request_id, "malformed-request-id"), (session_id, "malformed-session-id")):
        if not _ID.fullmatch(id_):
            return {"answer": answer}
    return None


def answer_to(step: Step, session_id: str) -> SimulatedAnswer:
    """Returns the HTTP answer of a step, about this session. Raises KeyError for a misbehaviour."""
    answer = ANSWERS[step["answer"]]
    return (_carrying(answer, step["phoneNumber"]) if "phoneNumber" in step else answer).about(session_id)


def _carrying(answer: SimulatedAnswer, phone_number: str) -> SimulatedAnswer:
    field = f'{{"PhoneNumber": "{phone_number}", '.encode()
    body = answer.body.replace(b"{", field) if b"{" in answer.body else answer.body + phone_number.encode()
    return replace(answer, body=body)
