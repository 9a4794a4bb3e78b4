"""contracts/asyncapi.yaml is up to date, and its examples validate against its schemas."""

import copy
import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from contracts import asyncapi, schemas

DOCUMENT = yaml.safe_load(asyncapi.DOCUMENT.read_text("utf-8"))
MESSAGES = DOCUMENT["components"]["messages"]


def event_complaints(name: str, event: Any) -> list[str]:
    """Why an event is not this message. AsyncAPI's own schemas are JSON Schema draft 7 and a little more."""
    schema = {**MESSAGES[name]["payload"], "components": DOCUMENT["components"]}
    return [error.message for error in Draft7Validator(schema).iter_errors(event)]


def test_the_file_is_up_to_date():
    assert asyncapi.DOCUMENT.read_text("utf-8") == asyncapi.files()[asyncapi.DOCUMENT], "stale: make contracts"


def references_in(part: Any) -> set[str]:
    if isinstance(part, list):
        return {reference for each in part for reference in references_in(each)}
    if isinstance(part, dict):
        own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
        return own | {reference for each in part.values() for reference in references_in(each)}
    return set()


def test_every_reference_resolves():
    for reference in references_in(DOCUMENT):
        part = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            part = part[step]


@pytest.mark.parametrize("name", MESSAGES)
def test_an_example_is_valid(name):
    assert event_complaints(name, MESSAGES[name]["examples"][0]["payload"]) == []


@pytest.mark.parametrize("name", MESSAGES)
def test_an_event_without_its_ids_is_invalid(name):
    event = copy.deepcopy(MESSAGES[name]["examples"][0]["payload"])
    del event["detail"]["requestId"]

    assert event_complaints(name, event)


def test_both_events_have_the_schemas_that_are_published_as_files():
    for name, file in (("InstantLinkSent", "instant-link-sent"), ("VerificationSettled", "verification-settled")):
        published = json.loads((schemas.SCHEMAS / f"{file}-1.0.schema.json").read_text("utf-8"))
        text = json.dumps(published).replace("#/$defs/", "#/components/schemas/")
        expected = {key: value for key, value in json.loads(text).items() if key not in {"$schema", "$defs"}}
        assert DOCUMENT["components"]["schemas"][name] == expected
