"""template.yaml as CloudFormation deploys it: what SAM makes of it, with parameters, conditions and references resolved."""

import json
import re
from functools import cache
from typing import Any

from cfnlint.decode.cfn_yaml import loads as load_yaml

from local.checkout import ROOT
from operations.release import plain_template

TEXT = (ROOT / "template.yaml").read_text("utf-8")
DEFINITION: dict[str, Any] = json.loads((ROOT / "statemachine" / "link_watch.asl.json").read_text("utf-8"))
PSEUDO = {
    "AWS::StackName": "linkwatch",
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}
KEY = "arn:aws:kms:us-east-1:123456789012:key/0a1b"
TOPIC = "arn:aws:sns:us-east-1:123456789012:pager"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bank/signzy-AbCdEf"
SENDERS = "111111111111,222222222222"
BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"

_NOTHING = object()


def translated(path: str = "template.yaml") -> dict[str, Any]:
    """What SAM makes of a template, named from the repository's root."""
    template = load_yaml((ROOT / path).read_text("utf-8"))
    resources: dict[str, Any] = template["Resources"]
    functions = [name for name, resource in resources.items() if resource["Type"] == "AWS::Serverless::Function"]
    return plain_template(json.dumps(template), dict.fromkeys(functions, "s3://bucket/key"))


CLOUDFORMATION = translated()
PARAMETERS: dict[str, Any] = CLOUDFORMATION["Parameters"]
SOURCE: dict[str, Any] = load_yaml(TEXT)


class Stack:
    """A template with values for its parameters. References become text: ${Table} for a Ref, ${Table.Arn} for a GetAtt."""

    def __init__(self, template: dict[str, Any], **parameters: str) -> None:
        defaults = {name: str(parameter.get("Default", name)) for name, parameter in template["Parameters"].items()}
        assert parameters.keys() <= defaults.keys()
        self._template, self._known = template, PSEUDO | defaults | parameters
        self.resources = {
            name: self._resolved(resource) | {"Type": resource["Type"]}
            for name, resource in template["Resources"].items()
            if self._is_true(resource.get("Condition"))
        }
        self.outputs = {name: self._resolved(output["Value"]) for name, output in template["Outputs"].items()}

    @property
    def follows_rules(self) -> bool:
        return all(
            self._resolved(assertion["Assert"])
            for rule in self._template["Rules"].values()
            if self._resolved(rule["RuleCondition"])
            for assertion in rule["Assertions"]
        )

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of all resources of a type, by logical id, in the template's order."""
        return {name: it.get("Properties", {}) for name, it in self.resources.items() if it["Type"] == kind}

    def properties(self, name: str) -> dict[str, Any]:
        return self.resources[name]["Properties"]

    def _is_true(self, condition: str | None) -> bool:
        return condition is None or self._resolved(self._template["Conditions"][condition])

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, list):
            return [each for item in value if (each := self._resolved(item)) is not _NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(key, argument)] = value.items()
            if (key in {"Ref", "Condition"} and isinstance(argument, str)) or key.startswith("Fn::"):
                return self._called(key, argument)
        return {key: each for key, item in value.items() if (each := self._resolved(item)) is not _NOTHING}

    def _called(self, function: str, argument: Any) -> Any:  # noqa: C901, PLR0911, PLR0912  # one case for each of CloudFormation's functions
        match function, argument:
            case "Ref", "AWS::NoValue":
                return _NOTHING
            case "Ref", name if name in self._known:
                return self._known[name]
            case "Ref", name if name in self._template["Resources"]:
                return f"${{{name}}}"
            case "Fn::GetAtt", _:
                return f"${{{argument if isinstance(argument, str) else '.'.join(argument)}}}"
            case "Fn::Sub", _:
                text, variables = argument if isinstance(argument, list) else (argument, {})
                known = self._known | self._resolved(variables)
                return re.sub(r"\$\{([\w:]+)\}", lambda found: known.get(found[1], found[0]), text)
            case "Fn::If", [condition, if_true, if_false]:
                return self._resolved(if_true if self._is_true(condition) else if_false)
            case "Fn::Equals", [one, other]:
                return str(self._resolved(one)) == str(self._resolved(other))
            case "Fn::Not", [inner]:
                return not self._resolved(inner)
            case "Fn::And", every:
                return all(self._resolved(every))
            case "Condition", name:
                return self._is_true(name)
            case "Fn::FindInMap", [mapping, key, name]:
                return self._template["Mappings"][mapping][self._resolved(key)][name]
            case "Fn::Join", [separator, parts]:
                return separator.join(self._resolved(parts))
            case "Fn::Split", [separator, text]:
                return self._resolved(text).split(separator)
            case "Fn::Select", [index, values]:
                return self._resolved(values)[int(index)]
        raise AssertionError(f"{function} {argument} is not read here")


@cache
def stack(**parameters: str) -> Stack:
    """template.yaml with these parameters, and the defaults of the others."""
    return Stack(CLOUDFORMATION, **parameters)


DEFAULT = stack()
#: With everything that is optional.
FULL = stack(
    KmsKeyArn=KEY,
    AlarmEmail="on-call@example.com",
    AlarmTopicArn=TOPIC,
    ProbeMinutes="5",
    ApiAccessLogRole="create",
    PermissionsBoundaryArn=BOUNDARY,
    RolePath="/team/linkwatch/",
    CheckLinkReservedConcurrency="50",
    SenderAccounts=SENDERS,
    SignzyTokenSecretArn=SECRET,
    VpcSubnetIds="subnet-0123456789abcdef0,subnet-0123456789abcdef1",
    VpcSecurityGroupIds="sg-0123456789abcdef0",
)


def created_before(name: str, template: dict[str, Any] = CLOUDFORMATION) -> set[str]:
    """The resources that CloudFormation creates before this one, because it depends on them, directly or not."""
    resource = template["Resources"][name]
    depends_on = resource.get("DependsOn", [])
    named = {*([depends_on] if isinstance(depends_on, str) else depends_on), *referred(resource.get("Properties"))}
    direct = named & template["Resources"].keys()
    return direct.union(*(created_before(other, template) for other in direct))


def referred(value: Any) -> set[str]:
    """The logical ids, parameters and pseudo parameters that a part of a template refers to."""
    text = json.dumps(value)
    names = re.findall(r'"Ref": "([\w:]+)"|"Fn::GetAtt": \[?"(\w+)|\$\{([\w:]+)', text)
    return {name for found in names for name in found if name}


def parameters_behind(value: Any) -> set[str]:
    """The parameters that a value depends on, directly or by its conditions."""
    conditions = re.findall(r'"Fn::If": \["(\w+)"', json.dumps(value))
    return referred([value, *(CLOUDFORMATION["Conditions"][name] for name in conditions)]) & PARAMETERS.keys()


def allow(actions: str, resource: str | list[str], condition: dict[str, Any] | None = None) -> dict[str, Any]:
    """A statement. actions: with spaces between them."""
    action = actions.split() if " " in actions else actions
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return statement | ({"Condition": condition} if condition else {})


def role_for(service: str, policy: str, *statements: dict[str, Any], only_here: bool = False) -> dict[str, Any]:
    """only_here: whether the service may take the role for this account only."""
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": f"{service}.amazonaws.com"}}
    condition = {"Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}} if only_here else {}
    return {
        "Path": "/team/linkwatch/",
        "PermissionsBoundary": BOUNDARY,
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust | condition]},
        "Policies": [
            {"PolicyName": policy, "PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)}}
        ],
    }
