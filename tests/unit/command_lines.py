"""The command lines in the documents' code, and what the tools themselves say of them.

The AWS CLI's commands are made from botocore's service models, which both of its versions share; what only one of them knows
(--cli-binary-format, aws logs tail) is in none.
"""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from botocore.model import OperationModel, Shape
from botocore.session import Session
from botocore.validate import ParamValidator

ROOT = Path(__file__).parents[2]
_CODE = re.compile(r"```\w*\n(.*?)```|`([^`]+)`", re.DOTALL)
#: Where a program's name stands: at the beginning, after |, ; or &, or in $(…); with variables before it.
_START = r"(?:^|[|;&]\s*|\$\()\s*(?:[A-Za-z_]\w*=\S*\s+)*(?=(?:%s)(?:\s|$))"
#: Of both versions of the AWS CLI: https://docs.aws.amazon.com/cli/v1/reference/, …/cli/latest/reference/
_GLOBAL_OPTIONS = {
    *("ca-bundle", "cli-connect-timeout", "cli-input-json", "cli-read-timeout", "color", "debug", "endpoint-url"),
    *(
        "generate-cli-skeleton",
        "no-paginate",
        "no-sign-request",
        "no-verify-ssl",
        "output",
        "profile",
        "query",
        "region",
    ),
}
_OF_PAGES = {"max-items", "page-size", "starting-token"}


def commands_in(text: str, *programs: str) -> Iterator[list[str]]:
    """The words of each call of one of the programs (regular expressions) in the code of a Markdown text."""
    start = re.compile(_START % "|".join(programs), re.MULTILINE)
    for block, inline in _CODE.findall(text):
        code = (block or inline).replace("\\\n", " ")
        for found in start.finditer(code):
            yield _words(code[found.end() :])


def _words(text: str) -> list[str]:
    """Up to where a shell would end the command."""
    quote, depth, end = "", 0, len(text)
    for position, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == "(":
            depth += 1
        elif (character == ")" and depth == 0) or (character in "|;&\n" and depth == 0):
            end = position
            break
        elif character == ")":
            depth -= 1
    return shlex.split(text[:end], comments=True)


def wrong_with_aws(words: list[str], session: Session) -> list[str]:
    """What the AWS CLI would not take of `aws …`; words as in a shell, variables not expanded."""
    _, service, operation, *rest = [*words, "", ""]
    try:
        model = session.get_service_model(service)
    except UnknownServiceError:
        return [f"there is no service {service}"]
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    if operation == "wait":  # aws cloudformation wait stack-delete-complete: the operation that it repeats
        waiters = session.get_component("data_loader").load_service_model(service, "waiters-2")["waiters"]
        repeated = {xform_name(name, "-"): xform_name(waiter["operation"], "-") for name, waiter in waiters.items()}
        operation, *rest = [repeated.get(rest[0], f"wait {rest[0]}"), *rest[1:]]
    if operation not in operations:
        return [f"aws {service} has no {operation} in both versions"]
    options = _options(rest)
    known = _members(model.operation_model(operations[operation]))
    paged = session.get_component("data_loader").load_service_model(service, "paginators-1")["pagination"]
    known_options = {*known, *_GLOBAL_OPTIONS, *(_OF_PAGES if operations[operation] in paged else ())}
    wrong = [
        f"--{name} is no option of aws {service} {operation} in both versions" for name in {*options} - known_options
    ]
    for name, value in options.items():
        wrong += _wrong_with_value(name, value, known[name]) if name in known else []
    required = {xform_name(name, "-") for name in _required(model.operation_model(operations[operation]))}
    # A command without any option is only named; it is not meant to be run so.
    return wrong + ([f"--{name} is missing" for name in sorted(required - {*options})] if options else [])


def _options(words: list[str]) -> dict[str, str]:
    options = {}
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word.startswith("--"):
            name, equals, value = word.removeprefix("--").partition("=")
            options[name] = value if equals else following
    return options


def _members(operation: OperationModel) -> dict[str, Shape]:
    shape = operation.input_shape
    return {xform_name(name, "-"): member for name, member in shape.members.items()} if shape else {}


def _required(operation: OperationModel) -> list[str]:
    return operation.input_shape.required_members if operation.input_shape else []


def _wrong_with_value(name: str, value: str, shape: Shape) -> list[str]:
    if shape.type_name == "blob" and not value.startswith("fileb://"):
        # Version 1 takes file:// as it is, version 2 as base64.
        return [f"--{name} {value} means one thing in version 1 and another in version 2; fileb:// is the same in both"]
    if shape.type_name in {"structure", "list", "map"} and value[:1] in {"{", "["}:
        report = ParamValidator().validate(json.loads(value), shape)
        return [f"--{name}: {report.generate_report()}"] if report.has_errors() else []
    return []


def wrong_with_make(words: list[str]) -> list[str]:
    """The targets and variables of `make …` that the Makefile and what it starts do not know."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    sources = [path.read_text("utf-8") for folder in ("local", "deployment") for path in (ROOT / folder).rglob("*.py")]
    wrong = []
    for word in words[1:]:
        variable, equals, _ = word.partition("=")
        if equals and not re.search(rf"\b{variable}=|\$\({variable}\)", makefile):
            wrong += [] if any(f'"{variable}"' in text for text in sources) else [f"nothing reads {variable}"]
        elif not equals and not word.startswith("-") and word not in targets:
            wrong.append(f"there is no target {word}")
    return wrong
