"""The pictures in the documents are those of the definition and of the run that is kept."""

import json

from pictures import flow, time_lines


def test_the_flow_in_the_document_is_the_definitions():
    document = flow.DOCUMENT.read_text("utf-8")

    assert flow.with_flow(document) == document


def test_the_flow_shows_every_state_and_every_way_on():
    definition = {
        "StartAt": "Ask",
        "States": {
            "Ask": {"Type": "Task", "Next": "Done?", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Broken"}]},
            "Done?": {"Type": "Choice", "Choices": [{"Next": "Tell"}], "Default": "Ask"},
            "Tell": {"Type": "Task", "End": True},
            "Broken": {"Type": "Fail"},
        },
    }

    drawn = flow.mermaid(definition)

    for line in (
        "start(( )) --> Ask",
        "Ask --> Done",
        "Ask -.-> Broken",
        "Done --> Tell",
        "Done --> Ask",
        "Tell --> done(( ))",
    ):
        assert f"  {line}\n" in drawn
    assert '  Done{{"Done?"}}\n' in drawn


def test_the_time_lines_are_those_of_the_run_that_is_kept():
    assert time_lines.PICTURE.read_text("utf-8") == time_lines.picture(json.loads(time_lines.RUN.read_text("utf-8")))
