"""The simulator's and the examples' templates, as CloudFormation gets them."""

import pytest

from tests.static.template import translated_file

TEMPLATES = {
    path: translated_file(path)
    for path in ("simulator/template.yaml", "examples/consumer/template.yaml", "examples/webhook/template.yaml")
}
SIMULATOR = TEMPLATES["simulator/template.yaml"]


# https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html: both, since October 2025.
def test_whoever_has_the_simulators_url_may_call_the_function_by_it_and_not_otherwise():
    permissions = [r["Properties"] for r in SIMULATOR.values() if r["Type"] == "AWS::Lambda::Permission"]

    assert {p["Action"]: (p.get("FunctionUrlAuthType"), p.get("InvokedViaFunctionUrl")) for p in permissions} == {
        "lambda:InvokeFunctionUrl": ("NONE", None),
        "lambda:InvokeFunction": (None, True),
    }
    assert {p["Principal"] for p in permissions} == {"*"}


# An account whose limit is 10 has nothing to reserve, and Lambda refuses the function:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
def test_the_simulator_can_do_without_a_limit_of_its_own():
    reserved = SIMULATOR["Simulator"]["Properties"]["ReservedConcurrentExecutions"]

    assert reserved == {"Fn::If": ["IsLimited", {"Ref": "ConcurrentRequests"}, {"Ref": "AWS::NoValue"}]}


@pytest.mark.parametrize("path", TEMPLATES)
def test_nothing_has_a_fixed_name_so_that_a_stack_can_go_and_come_back(path):
    names = {"FunctionName", "RoleName", "TableName", "QueueName", "LogGroupName", "Name"}
    by_reference = {"AWS::Lambda::Permission", "AWS::Lambda::EventInvokeConfig", "AWS::Lambda::EventSourceMapping"}
    resources = {name: r for name, r in TEMPLATES[path].items() if r["Type"] not in by_reference}

    assert {name for name, r in resources.items() if names & r.get("Properties", {}).keys()} == set()


# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
def test_an_outcome_stays_hidden_for_six_times_the_time_out_of_the_webhook():
    webhook = TEMPLATES["examples/webhook/template.yaml"]

    hidden = webhook["Outcomes"]["Properties"]["VisibilityTimeout"]

    assert hidden >= 6 * webhook["DeliverOutcome"]["Properties"]["Timeout"]
