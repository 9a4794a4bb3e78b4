"""The in-process engine: plays scenarios of one verification on the shipped definition and the shipped handlers, in virtual time.

    from tests.definition.engine import Fault, Played
    Played(answers=((0, "pending"), (42_000, "clicked")), faults=(Fault("Record Outcome", error="States.Timeout"),)).outcome

Played checks the guarantees; result.play() does so for a Scenario. definition.py reads the state machine and the template.
"""

from tests.definition.engine.result import CLICKED, PENDING, SCHEDULE, Played, play
from tests.definition.engine.scenario import CLOSE, CRASH, HANG, TWICE, End, Fault, Outage, Scenario

__all__ = [
    "CLICKED",
    "CLOSE",
    "CRASH",
    "HANG",
    "PENDING",
    "SCHEDULE",
    "TWICE",
    "End",
    "Fault",
    "Outage",
    "Played",
    "Scenario",
    "play",
]
