"""contracts/ is up to date and valid, and so is every example in it, in events/ and in the README."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from contracts import schemas
from contracts.shapes import Verification
from linkwatch import verifications
from linkwatch.find_request import NEXT_PATTERN
from linkwatch.model import parse_ids
from tests.sample_events import EVENTS, event, link_sent
from tests.schemas import CONTRACTS, OPENAPI, body_complaints, complaints

ROOT = Path(__file__).parents[2]


# ── The files ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_schemas_are_generated_from_the_types():
    files = {path: path.read_text("utf-8") for path in schemas.SCHEMAS.iterdir()}

    assert files == schemas.files(), "python -m contracts generates them"


@pytest.mark.parametrize("schema", schemas.published().values(), ids=schemas.published())
def test_a_schema_is_valid(schema):
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("name", ["start", "instant-link-sent"])
def test_an_optional_field_has_no_default(name):
    assert '"default"' not in json.dumps(schemas.published()[name]), "generated clients demand a field that has one"


def test_the_openapi_document_is_valid():
    from openapi_spec_validator import validate  # noqa: PLC0415  it takes two seconds

    validate(OPENAPI, base_uri=(CONTRACTS / "openapi.yaml").as_uri())


def test_every_reference_of_the_documents_resolves():
    for path in CONTRACTS.glob("*.yaml"):
        document = yaml.safe_load(path.read_text("utf-8"))
        for file, pointer in re.findall(r"\$ref: '?([\w./-]*)(?:#/([^'}]+))?", path.read_text("utf-8")):
            target = json.loads((CONTRACTS / file).read_text("utf-8")) if file else document
            for name in pointer.split("/") if pointer else ():
                target = target[int(name) if isinstance(target, list) else name]


def test_the_api_shows_the_fields_and_the_pages_of_the_contract():
    components = OPENAPI["components"]["schemas"]

    assert set(verifications.shown({})) == set(Verification.model_fields)
    assert components["Verifications"]["properties"]["verifications"]["maxItems"] == verifications.PAGE_SIZE
    assert components["Next"]["pattern"] == NEXT_PATTERN


# ── Examples ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def contents(part: Any) -> Iterator[dict[str, Any]]:
    """The bodies of every request and answer that openapi.yaml documents."""
    if isinstance(part, dict) and "content" in part:
        yield part["content"]
    elif isinstance(part, dict):
        for each in part.values():
            yield from contents(each)


def examples_in(content: dict[str, Any]) -> list[Any]:
    body = content["application/json"]
    named = [reference["$ref"].rpartition("/")[2] for reference in body.get("examples", {}).values()]
    return [OPENAPI["components"]["examples"][name]["value"] for name in named] + [
        body[key] for key in ("example",) if key in body
    ]


def test_the_examples_in_the_openapi_document_are_valid():
    found = [(content, example) for content in contents(OPENAPI) for example in examples_in(content)]

    assert [complaint for content, example in found for complaint in body_complaints(content, example)] == []
    assert len(found) > 10


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
