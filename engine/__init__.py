"""The second engine: plays scenarios of one verification on the shipped definition and the shipped code, in virtual time.

    from engine import Fault, Played
    Played(answers=((0, "pending"), (42_000, "clicked")), faults=(Fault("Record Outcome", error="States.Timeout"),)).outcome

Played checks the guarantees; result.play() does so for a Scenario. definition.py reads the state machine and the template.
"""

from engine.result import CLICKED, PENDING, SCHEDULE, Played, play
from engine.scenario import CRASH, TWICE, End, Fault, Outage, Scenario

__all__ = ["CLICKED", "CRASH", "PENDING", "SCHEDULE", "TWICE", "End", "Fault", "Outage", "Played", "Scenario", "play"]
