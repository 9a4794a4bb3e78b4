"""The in-process engine: plays scenarios of one verification on the shipped definition and the shipped handlers, in virtual time.

    from tests.definition.engine.world import Played
    from tests.definition.engine.scenario import Fault
    Played(answers=((0, "pending"), (42_000, "clicked")), faults=(Fault("Record Outcome", error="States.Timeout"),)).outcome

Played checks the guarantees; play() does so for a Scenario. definition.py reads the state machine and the template.
"""
