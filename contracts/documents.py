"""openapi.yaml (OpenAPI 3.1) and asyncapi.yaml (AsyncAPI 3.0). They are written by hand, except for what is stated elsewhere too:
the schemas, from the types; the examples of the events, from events/; and the version.
"""

import json
import tomllib
from pathlib import Path
from typing import Any

import yaml

from contracts.schemas import published, schema_of
from contracts.shapes import Error, Verification, Verifications
from linkwatch.find_request import FindRequest
from linkwatch.start_request import ApiStartRequest

ROOT = Path(__file__).parents[1]
OPENAPI, ASYNCAPI = ROOT / "contracts" / "openapi.yaml", ROOT / "contracts" / "asyncapi.yaml"
_HEADER = "# python -m contracts generates the schemas, the examples of events and the version. Edit the rest here.\n"


def openapi() -> dict[str, Any]:
    """The document of the API, with its generated parts renewed."""
    document = _document(OPENAPI)
    shapes = {"Start": ApiStartRequest, "Verification": Verification, "Verifications": Verifications, "Error": Error}
    document["components"]["schemas"] = _components({name: schema_of(shape) for name, shape in shapes.items()})
    query = {
        "correlationId": schema_of(FindRequest)["properties"]["correlationId"],
        "next": schema_of(Verifications)["properties"]["next"]["anyOf"][0],
    }
    for parameter in document["paths"]["/verifications"]["get"]["parameters"]:
        parameter["schema"] = query[parameter["name"]]
    return document


def asyncapi() -> dict[str, Any]:
    """The document of the two events, with its generated parts renewed."""
    document, schemas = _document(ASYNCAPI), published()
    document["components"]["schemas"] = _components(
        {"InstantLinkSent": schemas["instant-link-sent"], "VerificationSettled": schemas["verification-settled"]}
    )
    messages = document["components"]["messages"]
    messages["InstantLinkSent"]["examples"][0]["payload"] = json.loads(
        _sample("instant-link-sent")["Records"][0]["body"]
    )
    messages["VerificationSettled"]["examples"][0]["payload"] = _sample("measure-outcomes")
    return document


def files() -> dict[Path, str]:
    """Returns the texts of the two files, by path."""
    documents = {OPENAPI: openapi(), ASYNCAPI: asyncapi()}
    return {
        path: _HEADER + yaml.safe_dump(document, sort_keys=False, width=120) for path, document in documents.items()
    }


def _document(path: Path) -> dict[str, Any]:
    document = yaml.safe_load(path.read_text("utf-8"))
    document["info"]["version"] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    return document


def _components(schemas: dict[str, Any]) -> dict[str, Any]:
    """Schemas and their definitions, as the components of a document."""
    components: dict[str, Any] = {}
    for name, schema in json.loads(json.dumps(schemas).replace("#/$defs/", "#/components/schemas/")).items():
        components |= schema.pop("$defs", {})
        components[name] = {key: value for key, value in schema.items() if key != "$schema"}
    return dict(sorted(components.items()))


def _sample(name: str) -> dict[str, Any]:
    return json.loads((ROOT / "events" / f"{name}.json").read_text("utf-8"))
