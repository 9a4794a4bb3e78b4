"""The simulator of Signzy as a Lambda behind a function URL. It has no memory: the ids say what it answers (coded.py).

A function URL always answers: where the local simulator closes the connection, this one fails, and AWS answers 502.
"""

import base64
import json
import os
import time
from typing import Any

import boto3

from simulator.answers import SimulatedAnswer
from simulator.coded import decoded
from simulator.misbehaviours import MISBEHAVIOURS
from simulator.protocol import ABOUT, CHECK, NOT_FOUND, SIMULATOR_HEADER, answer_to, refusal
from simulator.scenarios import Step
from simulator.secret_token import Token

#: Longer than any check waits.
_HANGING_SECONDS = 12.0


class Misbehaviour(Exception):
    """The scenario wants no answer."""


_secrets: Any = boto3.client("secretsmanager")
_token = Token(lambda: _secrets.get_secret_value(SecretId=os.environ["TOKEN_ARN"])["SecretString"])
_window_seconds = float(os.environ["WINDOW_SECONDS"])


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answers one request. Raises Misbehaviour where the scenario wants no answer."""
    path = event["rawPath"]
    if event["requestContext"]["http"]["method"] != "GET" or not (match := CHECK.fullmatch(path)):
        return _http(ABOUT if path == "/" else NOT_FOUND)
    request_id, session_id = match[1], match[2]
    at_ms = event["requestContext"]["timeEpoch"]  # when AWS received the request, which is before a cold start
    step = _step(request_id, session_id, at_ms, event["headers"])
    request = {"requestId": request_id[:64], "sessionId": session_id[:64], "atMs": at_ms, "path": path[:200]}
    print(json.dumps({"message": "Answered", **request, "check": step.get("check"), "answer": step["answer"]}))
    time.sleep(step.get("slowBySeconds", 0))
    if step["answer"] in MISBEHAVIOURS:
        _, drop = MISBEHAVIOURS[step["answer"]]
        time.sleep(0 if drop is None else _HANGING_SECONDS)
        raise Misbehaviour(step["answer"])
    return _http(answer_to(step, session_id))


def _step(request_id: str, session_id: str, at_ms: int, headers: dict[str, str]) -> Step:
    given = {name.lower(): value for name, value in headers.items()}
    refused = refusal(
        request_id,
        session_id,
        given.get("content-type"),
        is_right_token=lambda: _token.is_right(given.get("authorization")),
    )
    if refused:
        return refused
    link = decoded(request_id, session_id)
    return link.step(at_ms, _window_seconds) if link else {"answer": "unknown-ids", "check": 1}


def _http(answer: SimulatedAnswer) -> dict[str, Any]:
    return {
        "statusCode": answer.status,
        "headers": answer.headers | SIMULATOR_HEADER,
        "isBase64Encoded": True,
        "body": base64.b64encode(answer.body).decode(),
    }
