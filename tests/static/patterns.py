"""What EventBridge and CloudWatch Logs match, as far as the template's patterns go."""

import re
from typing import Any


def matches_event(pattern: dict[str, Any], sent: dict[str, Any]) -> bool:
    """Whether EventBridge would match an event: names and lists of values."""
    return all(
        matches_event(wanted, sent.get(name, {})) if isinstance(wanted, dict) else sent.get(name) in wanted
        for name, wanted in pattern.items()
    )


# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForMetricFilters.html: * matches any text,
# also behind !=. What a condition on an absent field means is not said there; here it is false.
def matches_line(pattern: str, line: dict[str, Any]) -> bool:
    """Whether CloudWatch would count a log line. SyntaxError for a pattern that is not understood here."""
    condition = r'\$\.(\w+) (=|!=|>=) (?:"([^"]*)"|(\d+))'
    expression = re.sub(condition, lambda found: str(_is_met(line.get(found[1]), *found.groups()[1:])), pattern)
    expression = expression.strip("{} ").replace("&&", "and").replace("||", "or")
    if re.sub(r"True|False|and|or|[() ]", "", expression):
        raise SyntaxError(pattern)
    return eval(expression)  # noqa: S307  # of True, False, and, or and brackets


def _is_met(value: Any, how: str, text: str | None, number: str | None) -> bool:
    if value is None:
        return False
    if number:
        return value >= int(number)
    is_like = re.fullmatch(".*".join(map(re.escape, str(text).split("*"))), str(value)) is not None
    return is_like if how == "=" else not is_like
