"""The deployed functions, called through their handlers as Lambda calls them: a module instance for each concurrent call."""

import contextlib
import importlib.util
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from unittest import mock

from tests.definition.engine.aws_session import boto3_in_the_engine
from tests.definition.engine.definition import RESOURCES, ROOT, TEMPLATE, deployed
from tests.definition.engine.signzy import SIGNZY
from tests.definition.engine.virtual_time import Ended, VirtualTime

Parameters = Mapping[str, object]

#: Modules that nobody uses now, by function and parameters: warm instances, as Lambda keeps them.
_warm: defaultdict[tuple[str, tuple[tuple[str, object], ...]], list[ModuleType]] = defaultdict(list)
_nowhere = open(os.devnull, "w")  # noqa: PTH123, SIM115  for as long as the process runs
#: What the template does not say: a token in place of the secret's, and no logs.
_LOCAL = {"SIGNZY_TOKEN": "token", "POWERTOOLS_LOG_LEVEL": "CRITICAL", "POWERTOOLS_METRICS_DISABLED": "true"}


@dataclass
class Context:
    """What Lambda passes to a handler."""

    time: VirtualTime
    ends_at: int
    function_name: str = "function"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:function"
    aws_request_id: str = "2f0c1c5e-0000-0000-0000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return self.ends_at - self.time.now


def silence() -> contextlib.AbstractContextManager[object]:
    """Swallows the functions' log lines and metrics."""
    return contextlib.redirect_stdout(_nowhere)


@contextlib.contextmanager
def instance_of(function: str, parameters: Parameters) -> Iterator[ModuleType]:
    """A module of a function, loaded in the environment that the template gives it, that no other call uses meanwhile."""
    free = _warm[function, tuple(parameters.items())]
    instance = free.pop() if free else _loaded(function, parameters)
    try:
        yield instance
    except Ended:
        raise  # a crash ends the instance
    except BaseException:
        free.append(instance)
        raise
    free.append(instance)


def _loaded(function: str, parameters: Parameters) -> ModuleType:
    properties = RESOURCES[function]["Properties"]
    variables = {
        **TEMPLATE["Globals"]["Function"]["Environment"]["Variables"],
        **properties["Environment"]["Variables"],
    }
    environment = {name: deployed(value, parameters) for name, value in variables.items()} | _LOCAL
    module_name = properties["Handler"].removesuffix(".handler")
    specification = importlib.util.spec_from_file_location(
        f"{module_name}_in_the_engine", ROOT / "functions" / f"{module_name}.py"
    )
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    with mock.patch.dict(os.environ, environment), boto3_in_the_engine(), silence():
        specification.loader.exec_module(module)
    return module


def seconds_of(function: str) -> int:
    return RESOURCES[function]["Properties"]["Timeout"]


def check_link(parameters: Parameters, payload: dict[str, Any], time: VirtualTime) -> dict[str, Any]:
    """A call of CheckLink. Two answers replace the call of the handler: TIMEOUT, because the server answers at once, and
    PAST_DEADLINE, as from a function whose clock is ahead.
    """
    if answer := SIGNZY.instead_of_a_check():
        return {"answer": "UNAVAILABLE", "reason": answer, "result": None}
    with instance_of("CheckLink", {"SignzyBaseUrl": SIGNZY.base_url, **parameters}) as instance:
        return instance.handler(payload, Context(time, time.now + seconds_of("CheckLink") * 1000))
