"""make env: what a shell needs to call a deployed stack."""

import shlex

#: What the template promises (its Outputs), in the order in which it is printed.
OUTPUTS = ("ApiUrl", "BusName", "SignzyTokenArn", "TableName", "StateMachineArn")


def exports(values: dict[str, str]) -> str:
    """The lines that set the values in a POSIX shell."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in values.items())
