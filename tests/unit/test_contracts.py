"""The files of contracts/ are up to date, and the examples in events/ and in the README are valid."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, ValidationError, validators
from openapi_spec_validator import validate

from contracts import openapi, schemas
from contracts.shapes import Verification
from linkwatch import verifications
from tests.sample_events import event, link_sent

ROOT = Path(__file__).parents[2]


def _matches(_: object, pattern: str, instance: object, __: object) -> Iterator[ValidationError]:
    # JSON Schema's regular expressions are ECMA-262's, where $ is the very end; Python's $ also matches before a last line feed.
    if isinstance(instance, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


Validator = validators.extend(Draft202012Validator, {"pattern": _matches})


def validator(name: str) -> Any:
    return Validator(
        json.loads((ROOT / "contracts" / "schemas" / f"{name}-1.0.schema.json").read_text("utf-8")),
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )


def complaints(name: str, instance: Any) -> list[str]:
    return [error.message for error in validator(name).iter_errors(instance)]


@pytest.mark.parametrize("path", [*schemas.files(), *openapi.files()], ids=lambda path: path.name)
def test_a_generated_file_is_up_to_date(path):
    generated = {**schemas.files(), **openapi.files()}[path]

    assert path.read_text("utf-8") == generated, f"{path.name} is stale: make contracts"


def test_every_schema_is_generated():
    assert set((ROOT / "contracts" / "schemas").iterdir()) == set(schemas.files())


@pytest.mark.parametrize("name", [path.stem.removesuffix("-1.0.schema") for path in schemas.files()])
def test_a_schema_is_valid(name):
    Validator.check_schema(validator(name).schema)


def test_the_openapi_document_is_valid():
    validate(yaml.safe_load(openapi.DOCUMENT.read_text("utf-8")))


def test_the_examples_in_the_openapi_document_are_valid():
    document = openapi.document()
    examples = []
    for path in document["paths"].values():
        for operation in (path[method] for method in ("post", "get", "delete") if method in path):
            contents = [answer["content"] for answer in operation["responses"].values()]
            contents += [operation["requestBody"]["content"]] if "requestBody" in operation else []
            examples += [content["application/json"] for content in contents]

    for example in examples:
        schema = {**example["schema"], "components": document["components"]}
        assert list(Draft202012Validator(schema).iter_errors(example["example"])) == []
    assert len(examples) > 15


@pytest.mark.parametrize("name", ["instant-link-sent", "instant-link-sent-bare"])
def test_a_start_event_is_valid(name):
    assert complaints("instant-link-sent", link_sent(name)) == []


def test_a_malformed_start_event_is_invalid():
    assert complaints("instant-link-sent", link_sent("instant-link-sent-malformed"))


def test_the_outcome_event_is_valid():
    assert complaints("verification-settled", event("measure-outcomes")) == []


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "CLICKED"},
        {"reason": "BAD_LUCK"},
        {"checks": "4"},
        {"settledAt": "2026-11-23 10:00:00"},
        {"verificationId": "A" * 24 + "-" + "B" * 24},
        {"schemaVersion": "2.0"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_outcome_event_is_invalid(change):
    given = event("measure-outcomes")

    assert complaints("verification-settled", given | {"detail": given["detail"] | change})


def test_an_outcome_event_may_have_further_keys():
    given = event("measure-outcomes")

    assert complaints("verification-settled", given | {"detail": given["detail"] | {"since": "1.1"}}) == []


def test_a_posted_body_is_valid_unless_it_is_malformed():
    assert complaints("start", json.loads(event("verifications-api-post")["body"])) == []
    assert complaints("start", json.loads(event("verifications-api-post-bad")["body"]))


def test_the_outcome_in_the_readme_is_valid():
    section = (ROOT / "README.md").read_text("utf-8").split("## Consume the outcome")[1]
    shown = json.loads(re.findall(r"```\n(\{.*?)```", section, re.DOTALL)[0])
    ids = {name: event("measure-outcomes")["detail"][name] for name in ("verificationId", "requestId", "sessionId")}

    assert complaints("verification-settled", event("measure-outcomes") | {"detail": shown | ids}) == []


def test_the_api_shows_the_fields_of_the_schema():
    assert set(verifications.shown({})) == set(Verification.model_fields)
