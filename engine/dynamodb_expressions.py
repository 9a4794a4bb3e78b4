"""DynamoDB's expressions, as strictly as AWS reads them, as far as the definition uses them: SET with if_not_exists, REMOVE;
AND, OR, NOT, parentheses, IN, =, <>, attribute_exists and attribute_not_exists. Whatever else raises Refused.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

#: An attribute as DynamoDB writes it: {"S": "…"}.
Attribute = dict[str, Any]
Item = dict[str, Attribute]


class Refused(Exception):
    """DynamoDB would answer ValidationException."""


@dataclass(frozen=True)
class Names:
    """What the #names and :values of one request stand for."""

    names: dict[str, str]
    values: dict[str, Attribute]


#: A condition, or the right side of an assignment, ready to be asked of an item.
Question = Callable[[Item, Names], Any]

_TOKEN = re.compile(r"\s*(<>|[=(),]|[#:]?[A-Za-z_][A-Za-z0-9_]*)")
_RESERVED = {word.upper() for word in ReservedKeywords.get_reserved_keywords()}
_WORDS = {"SET", "REMOVE", "AND", "OR", "NOT", "IN", "if_not_exists", "attribute_exists", "attribute_not_exists"}


@dataclass
class Reader:
    """One expression, read from left to right. used: the #names and :values met so far."""

    text: str
    tokens: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        at = 0
        while at < len(self.text.rstrip()):
            found = _TOKEN.match(self.text, at)
            if not found:
                raise Refused(f"not understood: {self.text[at:]}")
            self.tokens.append(found[1])
            at = found.end()
        self.tokens.reverse()

    def peek(self) -> str:
        return self.tokens[-1] if self.tokens else ""

    def take(self, *expected: str) -> str:
        token = self.tokens.pop() if self.tokens else ""
        if expected and token not in expected:
            raise Refused(f"{token or 'the end'} where {' or '.join(expected)} should be: {self.text}")
        return token

    def path(self) -> Callable[[Names], str]:
        token = self.take()
        if token.startswith("#"):
            self.used.add(token)
            return lambda names: names.names[token]
        if not re.fullmatch(r"[A-Za-z_]\w*", token) or token in _WORDS:
            raise Refused(f"{token} is no attribute: {self.text}")
        if token.upper() in _RESERVED:
            raise Refused(f"{token} is a reserved word: {self.text}")
        return lambda _: token

    def operand(self) -> Question:
        token = self.peek()
        if token.startswith(":"):
            self.used.add(self.take())
            return lambda _, names: names.values[token]
        if token == "if_not_exists":  # noqa: S105  no secret
            self.take()
            self.take("(")
            path = self.path()
            self.take(",")
            otherwise = self.operand()
            self.take(")")
            return lambda item, names: item[path(names)] if path(names) in item else otherwise(item, names)
        path = self.path()
        return lambda item, names: item.get(path(names))

    def either(self) -> Question:
        questions = [self._both()]
        while self.peek() == "OR":
            self.take()
            questions.append(self._both())
        return lambda item, names: any(question(item, names) for question in questions)

    def _both(self) -> Question:
        questions = [self._one()]
        while self.peek() == "AND":
            self.take()
            questions.append(self._one())
        return lambda item, names: all(question(item, names) for question in questions)

    def _one(self) -> Question:
        match self.peek():
            case "NOT":
                self.take()
                question = self._one()
                return lambda item, names: not question(item, names)
            case "(":
                self.take()
                question = self.either()
                self.take(")")
                return question
            case "attribute_exists" | "attribute_not_exists" as function:
                self.take()
                self.take("(")
                path = self.path()
                self.take(")")
                return lambda item, names: (path(names) in item) == (function == "attribute_exists")
        return self._comparison()

    def _comparison(self) -> Question:
        left = self.operand()
        operator = self.take("=", "<>", "IN")
        if operator != "IN":
            right = self.operand()
            # What is not there is equal to nothing; only <> holds then.
            return lambda item, names: (left(item, names) == right(item, names)) == (operator == "=")
        self.take("(")
        members = [self.operand()]
        while self.take(",", ")") == ",":
            members.append(self.operand())
        return lambda item, names: left(item, names) in [member(item, names) for member in members]


@lru_cache(maxsize=256)
def condition(text: str) -> tuple[Question, frozenset[str]]:
    """A ConditionExpression, and the #names and :values it uses."""
    reader = Reader(text)
    question = reader.either()
    if reader.tokens:
        raise Refused(f"{reader.peek()} is too much: {text}")
    return question, frozenset(reader.used)


@dataclass(frozen=True)
class Update:
    """An UpdateExpression. Right sides are asked of the item as it was before."""

    assigned: tuple[tuple[Callable[[Names], str], Question], ...]
    removed: tuple[Callable[[Names], str], ...]
    used: frozenset[str]


@lru_cache(maxsize=256)
def update(text: str) -> Update:
    reader = Reader(text)
    assigned: list[tuple[Callable[[Names], str], Question]] = []
    removed: list[Callable[[Names], str]] = []
    clauses: list[str] = []
    while reader.tokens:
        clauses.append(reader.take("SET", "REMOVE"))
        more = True
        while more:
            path = reader.path()
            if clauses[-1] == "SET":
                reader.take("=")
                assigned.append((path, reader.operand()))
            else:
                removed.append(path)
            more = reader.peek() == ","
            if more:
                reader.take()
    if len(clauses) != len(set(clauses)) or not clauses:
        raise Refused(f"each clause once: {text}")
    return Update(tuple(assigned), tuple(removed), frozenset(reader.used))
