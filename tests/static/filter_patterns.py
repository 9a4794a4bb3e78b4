"""What a metric filter matches, as far as the template's patterns go: conditions in brackets, joined by &&.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/matching-terms-json-log-events.html: * stands for any text, also
behind !=. What a condition on an absent field means is not said there; here it does not hold.
"""

import operator
import re
from typing import Any

from tests.static.template import of_type

FILTERS = of_type("AWS::Logs::MetricFilter")
_CONDITION = re.compile(r'\(\$\.(\w+) (=|!=|>=) (?:"([^"]*)"|(\d+))\)')


def pattern_of(name: str) -> str:
    """A filter's pattern, with the variables of its Fn::Sub."""
    pattern = FILTERS[name]["FilterPattern"]
    if isinstance(pattern, str):
        return pattern
    text, variables = pattern["Fn::Sub"]
    return re.sub(r"\$\{(\w+)\}", lambda found: variables[found[1]], text)


def matches(name: str, line: dict[str, Any]) -> bool:
    """Whether CloudWatch would count a log line. AssertionError for a pattern that is not understood here."""
    pattern = pattern_of(name)
    assert re.sub(_CONDITION, "", pattern).split() in (["{", *["&&"] * n, "}"] for n in range(9)), pattern
    return all(_holds(line.get(field), *condition) for field, *condition in _CONDITION.findall(pattern))


def _holds(value: Any, how: str, text: str, number: str) -> bool:
    if value is None:
        return False
    if number:
        return operator.ge(value, int(number))
    is_like = re.fullmatch(".*".join(map(re.escape, text.split("*"))), str(value)) is not None
    return is_like if how == "=" else not is_like
