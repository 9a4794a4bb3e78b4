"""The files of contracts/ are up to date, and every example in them, in events/ and in the README is valid."""

import copy
import json
import re
from collections.abc import Iterator
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest

from contracts import documents, schemas
from contracts.shapes import Verification
from linkwatch import verifications
from linkwatch.model import parse_ids
from tests.sample_events import EVENTS, event, link_sent
from tests.schemas import ASYNCAPI, MESSAGES, OPENAPI, Validator, complaints, event_complaints, validator

ROOT = Path(__file__).parents[2]
FILES = {**schemas.files(), **documents.files()}


# ── The files ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_generated_file_is_up_to_date(path):
    assert path.read_text("utf-8") == FILES[path], f"{path.name} is stale: python -m contracts"


def test_every_schema_is_generated():
    assert set(schemas.SCHEMAS.iterdir()) == set(schemas.files())


@pytest.mark.parametrize("schema", schemas.published().values(), ids=schemas.published())
def test_a_schema_is_valid(schema):
    Validator.check_schema(schema)


@pytest.mark.parametrize("name", ["start", "instant-link-sent"])
def test_an_optional_field_has_no_default(name):
    assert '"default"' not in json.dumps(validator(name).schema), "generated clients demand a field that has one"


def test_the_openapi_document_is_valid():
    from openapi_spec_validator import validate  # noqa: PLC0415  it takes two seconds

    validate(OPENAPI)


def test_every_reference_of_the_asyncapi_document_resolves():
    references = re.findall(r"\$ref: '#/(.+)'", documents.ASYNCAPI.read_text("utf-8"))

    assert all(reduce(getitem, reference.split("/"), ASYNCAPI) for reference in references)
    assert len(references) > 10


def test_the_api_shows_the_fields_of_the_schema():
    assert set(verifications.shown({})) == set(Verification.model_fields)


# ── Examples ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def examples(part: Any) -> Iterator[tuple[Any, Any]]:
    """Every schema beside an example, and the example."""
    if isinstance(part, dict) and "example" in part:
        yield part["schema"], part["example"]
    elif isinstance(part, dict | list):
        for each in part.values() if isinstance(part, dict) else part:
            yield from examples(each)


def test_the_examples_in_the_openapi_document_are_valid():
    found = list(examples(OPENAPI["paths"]))

    for schema, example in found:
        Validator({**schema, "components": OPENAPI["components"]}).validate(example)
    assert len(found) > 15


@pytest.mark.parametrize("name", MESSAGES)
def test_the_example_of_a_message_is_valid_and_invalid_without_its_ids(name):
    (example,) = MESSAGES[name]["examples"]
    without_ids = copy.deepcopy(example["payload"])
    del without_ids["detail"]["requestId"]

    assert event_complaints(name, example["payload"]) == []
    assert event_complaints(name, without_ids)


OUTCOME = event("measure-outcomes")
IDS = {name: OUTCOME["detail"][name] for name in ("verificationId", "requestId", "sessionId")}
_README = (ROOT / "README.md").read_text("utf-8").split("## Consume the outcome")[1]
_SHOWN = json.loads(re.findall(r"```\n(\{.*?)```", _README, re.DOTALL)[0])


def outcome_with(**changes: Any) -> dict[str, Any]:
    return OUTCOME | {"detail": OUTCOME["detail"] | changes}


@pytest.mark.parametrize(
    ("schema", "instance"),
    [
        pytest.param("instant-link-sent", link_sent(), id="start event"),
        pytest.param("instant-link-sent", link_sent("instant-link-sent-bare"), id="start event with the ids only"),
        pytest.param("start", json.loads(event("verifications-api-post")["body"]), id="posted body"),
        pytest.param("verification-settled", OUTCOME, id="outcome event"),
        pytest.param("verification-settled", outcome_with(since="1.1"), id="outcome event with a further key"),
        pytest.param("verification-settled", OUTCOME | {"detail": _SHOWN | IDS}, id="outcome in the README"),
    ],
)
def test_a_sample_is_valid(schema, instance):
    assert complaints(schema, instance) == []


@pytest.mark.parametrize(
    ("schema", "instance"),
    [
        pytest.param("instant-link-sent", link_sent("instant-link-sent-malformed"), id="malformed start event"),
        pytest.param("start", json.loads(event("verifications-api-post-bad")["body"]), id="malformed body"),
        pytest.param("verification-settled", outcome_with(outcome="CLICKED"), id="outcome"),
        pytest.param("verification-settled", outcome_with(reason="BAD_LUCK"), id="reason"),
        pytest.param("verification-settled", outcome_with(checks="4"), id="checks"),
        pytest.param("verification-settled", outcome_with(settledAt="2026-11-23 10:00:00"), id="settledAt"),
        pytest.param("verification-settled", outcome_with(verificationId=f"{'A' * 24}-{'B' * 24}"), id="upper case"),
        pytest.param("verification-settled", outcome_with(schemaVersion="2.0"), id="schemaVersion"),
    ],
)
def test_an_invalid_sample_is_refused(schema, instance):
    assert complaints(schema, instance)


def test_every_function_has_a_sample_event_and_every_sample_event_a_function():
    functions = {path.stem.replace("_", "-") for path in (ROOT / "functions").glob("*.py")}
    of = {path.stem: {name for name in functions if path.stem.startswith(name)} for path in EVENTS.iterdir()}

    assert all(of.values())
    assert set.union(*of.values()) == functions


def test_the_sample_events_of_a_check_have_valid_ids_except_the_malformed_one():
    malformed = {
        path.stem
        for path in EVENTS.glob("check-link*")
        if parse_ids(event(path.stem)["requestId"], event(path.stem)["sessionId"]) is None
    }

    assert malformed == {"check-link-malformed-ids"}
