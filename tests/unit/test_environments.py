"""samconfig.toml's environments, as make deploy finds them."""

import pytest

from deployment.kept import Environment, NoDeployment


def test_an_environment_knows_its_stack():
    assert Environment.named("prod").stack_name == "linkwatch"


def test_one_that_is_not_there_says_which_are():
    with pytest.raises(NoDeployment, match="there are default, local, prod, unattended"):
        Environment.named("production")


def test_the_emulators_never_deploys_to_an_account(monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)

    with pytest.raises(NoDeployment, match="AWS_ENDPOINT_URL"):
        Environment.named("local")
