"""The language of rule conditions: text -> tree. What a name means is `condition.py`'s business.

expression  := conjunction ("or" conjunction)*
conjunction := negation ("and" negation)*
negation    := "not" negation | comparison
comparison  := sum (("<" | "<=" | ">" | ">=" | "==" | "!=") sum)?
sum         := product (("+" | "-") product)*
product     := factor (("*" | "/") factor)*
factor      := "-" factor | NUMBER | STRING | WORD | series | call | "(" expression ")"
call        := WORD "(" argument ("," argument)* ")"
argument    := expression | ("every" | "session") STRING
series      := DEVICE "." METRIC | STRING "." METRIC        * in DEVICE stands for any letters

A device's name may hold / * - and :, so a sign between two names has spaces around it.
"""

import re
from typing import NamedTuple

#: Deeper nesting than any person writes; keeps hostile text from exhausting the stack.
MAX_DEPTH = 40
#: Longer than any condition; they bound the work on hostile text, and how deep a tree it can be.
MAX_LENGTH = 4000
MAX_TOKENS = 300

COMPARISONS = ("<=", ">=", "==", "!=", "<", ">")
JOINTS = ("and", "or", "not")
#: what may stand before a window's duration
KINDS = ("every", "session")

#: What a value may be; where one stands already, `_SIGN` comes first, so that `f(x)*2` is a product.
_VALUE = r"""
      (?P<number>\d+(?:\.\d+)?(?![\w/.*:-]))
    | (?P<quoted>"[^"]*"|'[^']*')(?P<metric>\.\w+)?
    | (?P<name>[\w*][\w*/:-]*(?:\.[\w*/:-]+)*)
"""
_SIGN = r"(?P<mark><=|>=|==|!=|[-<>(),+*/])"
_FIRST = re.compile(rf"\s*(?:{_VALUE}|{_SIGN}|(?P<end>$))", re.VERBOSE)
_NEXT = re.compile(rf"\s*(?:{_SIGN}|{_VALUE}|(?P<end>$))", re.VERBOSE)


class ExpressionError(ValueError):
    """The text is no condition; `str(error)` says where and what was expected."""


class Number(NamedTuple):
    """`1000`."""

    value: float


class Text(NamedTuple):
    """`"22:00"`."""

    value: str


class Word(NamedTuple):
    """A name without a dot: `mode`, `open`, `sat`."""

    value: str


class Ref(NamedTuple):
    """`laundry/iron.power`; a device with `*` binds."""

    device: str
    metric: str


class Span(NamedTuple):
    """`every "5m"`, `session "10m"`."""

    kind: str
    text: str


class Call(NamedTuple):
    """`age(hall/door.contact)`."""

    function: str
    arguments: tuple["Node | Span", ...]


class Not(NamedTuple):
    """`not a`."""

    of: "Node"


class Both(NamedTuple):
    """`a and b`."""

    left: "Node"
    right: "Node"


class Either(NamedTuple):
    """`a or b`."""

    left: "Node"
    right: "Node"


class Compare(NamedTuple):
    """`a > b`."""

    sign: str
    left: "Node"
    right: "Node"


class Sum(NamedTuple):
    """`a + b`, and with the other signs: `- * /`."""

    sign: str
    left: "Node"
    right: "Node"


Node = Number | Text | Word | Ref | Call | Not | Both | Either | Compare | Sum


def parse(text: str) -> Node:
    """Raises `ExpressionError`, and nothing else."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"longer than {MAX_LENGTH} characters")
    parser = _Parser(_tokens(text))
    node = parser.expression(0)
    if parser.peek() != "":
        raise ExpressionError(f"{parser.peek()!r} is out of place; write and, or, or a comparison before it")
    return node


class _Token(NamedTuple):
    text: str
    node: Node | None


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at, value = 0, False
    while True:
        match = (_NEXT if value else _FIRST).match(text, at)
        if match is None:
            rest = text[at:].strip()
            hint = "the quote is not closed" if rest[0] in "\"'" else "is no part of a condition"
            raise ExpressionError(f"{rest[:20]!r} {hint}")
        at = match.end()
        if match["end"] is not None:
            return [*found, _Token("", None)]
        token = _token(match)
        found.append(token)
        if len(found) > MAX_TOKENS:
            raise ExpressionError(f"more than {MAX_TOKENS} names, numbers and signs")
        value = token.text == ")" or (token.node is not None and token.text not in JOINTS)


def _token(match: re.Match[str]) -> _Token:
    if match["number"]:
        return _Token(match["number"], Number(float(match["number"])))
    if match["quoted"]:
        inner = match["quoted"][1:-1]
        node: Node = Ref(inner, match["metric"][1:]) if match["metric"] else Text(inner)
        return _Token(match[0].strip(), node)
    if match["name"]:
        device, dot, metric = match["name"].rpartition(".")
        return _Token(match["name"], Ref(device, metric) if dot else Word(metric))
    return _Token(match["mark"], None)


class _Parser:
    """Recursive descent over tokens; each method is a line of the grammar above."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def peek(self) -> str:
        return self._tokens[self._at].text

    def _next(self) -> _Token:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _expect(self, mark: str) -> None:
        found = self._next().text
        if found != mark:
            raise ExpressionError(f"{mark!r} expected before {found or 'the end'!r}")

    def expression(self, depth: int) -> Node:
        node = self._conjunction(depth)
        while self.peek() == "or":
            self._next()
            node = Either(node, self._conjunction(depth))
        return node

    def _conjunction(self, depth: int) -> Node:
        node = self._negation(depth)
        while self.peek() == "and":
            self._next()
            node = Both(node, self._negation(depth))
        return node

    def _negation(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise ExpressionError(f"nested deeper than {MAX_DEPTH}")
        if self.peek() == "not":
            self._next()
            return Not(self._negation(depth + 1))
        return self._comparison(depth)

    def _comparison(self, depth: int) -> Node:
        left = self._sum(depth)
        if self.peek() in COMPARISONS:
            return Compare(self._next().text, left, self._sum(depth))
        return left

    def _sum(self, depth: int) -> Node:
        node = self._product(depth)
        while self.peek() in ("+", "-"):
            node = Sum(self._next().text, node, self._product(depth))
        return node

    def _product(self, depth: int) -> Node:
        node = self._factor(depth)
        while self.peek() in ("*", "/"):
            node = Sum(self._next().text, node, self._factor(depth))
        return node

    def _factor(self, depth: int) -> Node:
        token = self._next()
        if token.text == "-":
            if depth > MAX_DEPTH:
                raise ExpressionError(f"nested deeper than {MAX_DEPTH}")
            of = self._factor(depth + 1)
            return Number(-of.value) if isinstance(of, Number) else Sum("-", Number(0.0), of)
        if token.text == "(":
            inner = self.expression(depth + 1)
            self._expect(")")
            return inner
        if token.node is None or token.text in JOINTS:
            raise ExpressionError(f"a value is missing before {token.text or 'the end'!r}")
        if isinstance(token.node, Word) and self.peek() == "(":
            return self._call(token.node.value, depth)
        return token.node

    def _call(self, function: str, depth: int) -> Call:
        self._expect("(")
        arguments = [self._argument(depth)]
        while self.peek() == ",":
            self._next()
            arguments.append(self._argument(depth))
        self._expect(")")
        return Call(function, tuple(arguments))

    def _argument(self, depth: int) -> Node | Span:
        if self.peek() in KINDS:
            after = self._tokens[self._at + 1].node
            if isinstance(after, Text):
                kind = self._next().text
                self._next()
                return Span(kind, after.value)
        return self.expression(depth + 1)
