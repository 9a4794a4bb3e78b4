"""The calls to AWS that a verification consists of, as the emulator refuses them on demand (local/emulator.py).

A fault of a number of calls does not depend on the machine's speed, one of seconds does.
"""

from typing import Any, NamedTuple

from local.stack import Stack

#: By the stack's clock; longer than any client of the functions waits for an answer.
HANGING_SECONDS = 60
#: How often a function tries a call before it gives up.
TRIES = 2


class Call(NamedTuple):
    """One call. about: texts in its arguments that only it has among the calls of its operation for one verification."""

    operation: str
    about: tuple[str, ...]
    error: str


#: Of the entry points.
PUT = Call("putItem", (), "InternalServerError")
START = Call("startExecution", (), "ThrottlingException")
STOP = Call("stopExecution", (), "ThrottlingException")
#: Of the state machine, by its states.
READ = Call("getItem", (), "InternalServerError")
CHECK = Call("invoke", ("-CheckLink-",), "ValueError")
RECORD = Call("updateItem", ("#status = :settled,",), "InternalServerError")
PUBLISH = Call("putEvents", ("VerificationSettled",), "InternalException")
MARK = Call("updateItem", ("REMOVE openVerifications",), "ProvisionedThroughputExceededException")


def start_of(name: str) -> Call:
    """The start of one execution only."""
    return START._replace(about=(f'"name": "{name}"',))


def refuse(stack: Stack, call: Call, verification_id: str, seconds: float, **options: Any) -> None:
    """Has the emulator refuse a verification's calls for seconds of its clock. options: as Stack.refuse takes them."""
    key = verification_id[:24] if call.operation == "invoke" else verification_id  # a check is given the ids
    stack.refuse(call.operation, options.pop("error", call.error), [key, *call.about], seconds, **options)


def lose_answers(stack: Stack, call: Call, verification_id: str, seconds: float, **options: Any) -> None:
    """Has a verification's calls take effect while the caller gets an error."""
    # Not of a throttling: what AWS throttles has no effect.
    error = "InternalServerError" if "Thr" in call.error else call.error
    refuse(stack, call, verification_id, seconds, error=error, after=True, **options)


def hang(stack: Stack, call: Call, verification_id: str, seconds: float, **options: Any) -> None:
    """Has a verification's calls hang for longer than their clients wait."""
    refuse(stack, call, verification_id, seconds, error=None, lateBySeconds=HANGING_SECONDS, **options)
