"""samconfig.toml's environments, as make deploy finds them."""

import pytest

from deployment.kept import Environment, NoDeployment, values_in


def test_an_environment_knows_its_stack():
    assert Environment.named("prod").stack_name == "linkwatch"


def test_one_that_is_not_there_says_which_are():
    with pytest.raises(NoDeployment, match="there are default, local, prod, unattended"):
        Environment.named("production")


def test_the_emulators_never_deploys_to_an_account(monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)

    with pytest.raises(NoDeployment, match="AWS_ENDPOINT_URL"):
        Environment.named("local")


def test_production_protects_its_table_whatever_else_is_given():
    given = Environment.named("prod").overrides | values_in("AlarmEmail=oncall@example.com")

    assert given == {"TableDeletionProtection": "true", "AlarmEmail": "oncall@example.com"}


def test_a_parameter_without_a_value_is_refused():
    with pytest.raises(NoDeployment, match="Name=value, not AlarmEmail"):
        values_in("WindowSeconds=300 AlarmEmail")
