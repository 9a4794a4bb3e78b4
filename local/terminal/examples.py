"""The examples, deployed beside the stack that make up leaves in the background: consumer, webhook."""

import os

from rich.console import Console

from local.stack import sam_cli
from local.terminal import choices
from local.terminal.background import the_stack


def consumer(console: Console) -> int:
    """Deploys the example of a consumer beside the background stack. Raises LocalStackFailed."""
    stack = the_stack()
    with console.status("Building the consumer and deploying it to the emulator …"):
        sam_cli.deploy_example("consumer", {"BusName": stack.outputs.BusName}, stack.endpoint, stack.clock_environment)
    said = "The consumer is up: make send, and when the outcome is there, make logs FUNCTION=ActOnOutcome says what it decided"
    console.print(said, soft_wrap=True)
    return 0


def webhook(console: Console) -> int:
    """Deploys the example of a webhook to URL beside the background stack. Raises BadChoice, LocalStackFailed."""
    stack, url = the_stack(), os.environ.get("URL")
    if not url:
        raise choices.BadChoice("say where to: URL=https://… or URL=http://127.0.0.1:<port>/")
    if not url.startswith(("https://", "http://127.0.0.1")):  # the template refuses more, and its log says what
        raise choices.BadChoice(f"URL={url} should be an https URL (http only for 127.0.0.1)")
    parameters = {"BusName": stack.outputs.BusName, "WebhookUrl": url}
    with console.status("Building the webhook and deploying it to the emulator …"):
        sam_cli.deploy_example("webhook", parameters, stack.endpoint, stack.clock_environment)
    described = stack.client("cloudformation").describe_stacks(StackName="linkwatch-webhook")["Stacks"][0]
    secret = next(o["OutputValue"] for o in described["Outputs"] if o["OutputKey"] == "WebhookSecretArn")
    said = f"The webhook is up; its secret is {secret}: examples/webhook/README.md says how to fill it and to receive"
    console.print(said, soft_wrap=True, highlight=False)
    return 0
