"""The language of rule conditions: text -> tree. What a name means is `condition.py`'s business.

expression := conjunction ("or" conjunction)*
conjunction := negation ("and" negation)*
negation   := "not" negation | comparison
comparison := operand (("<" | "<=" | ">" | ">=" | "==" | "!=") operand)?
operand    := NUMBER | STRING | WORD | series | call | "(" expression ")"
call       := WORD "(" argument ("," argument)* ")"        argument := series | STRING
series     := DEVICE "." METRIC | STRING "." METRIC        * in DEVICE stands for any letters
"""

import re
from typing import NamedTuple

#: Deeper nesting than any person writes; keeps hostile text from exhausting the stack.
MAX_DEPTH = 40
#: Longer than any condition; bounds the work on hostile text.
MAX_LENGTH = 4000

COMPARISONS = ("<=", ">=", "==", "!=", "<", ">")

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>-?\d+(?:\.\d+)?(?![\w/.*:-]))
    | (?P<quoted>"[^"]*"|'[^']*')(?P<metric>\.\w+)?
    | (?P<name>[\w*][\w*/:-]*(?:\.[\w*/:-]+)*)
    | (?P<mark><=|>=|==|!=|<|>|\(|\)|,)
    | (?P<end>$)
    )""",
    re.VERBOSE,
)


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


class Call(NamedTuple):
    """`age(hall/door.contact)`."""

    function: str
    arguments: tuple["Ref | Text", ...]


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


Node = Number | Text | Word | Ref | Call | Not | Both | Either | Compare


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
    at = 0
    while True:
        match = _TOKEN.match(text, at)
        if match is None:
            rest = text[at:].strip()
            hint = "the quote is not closed" if rest[0] in "\"'" else "is no part of a condition"
            raise ExpressionError(f"{rest[:20]!r} {hint}")
        at = match.end()
        if match["end"] is not None:
            return [*found, _Token("", None)]
        if match["number"]:
            found.append(_Token(match["number"], Number(float(match["number"]))))
        elif match["quoted"]:
            inner = match["quoted"][1:-1]
            node: Node = Ref(inner, match["metric"][1:]) if match["metric"] else Text(inner)
            found.append(_Token(match[0].strip(), node))
        elif match["name"]:
            device, dot, metric = match["name"].rpartition(".")
            found.append(_Token(match["name"], Ref(device, metric) if dot else Word(metric)))
        else:
            found.append(_Token(match["mark"], None))


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
        left = self._operand(depth)
        if self.peek() in COMPARISONS:
            return Compare(self._next().text, left, self._operand(depth))
        return left

    def _operand(self, depth: int) -> Node:
        token = self._next()
        if token.text == "(":
            inner = self.expression(depth + 1)
            self._expect(")")
            return inner
        if token.node is None or token.text in ("and", "or", "not"):
            raise ExpressionError(f"a value is missing before {token.text or 'the end'!r}")
        if isinstance(token.node, Word) and self.peek() == "(":
            return self._call(token.node.value)
        return token.node

    def _call(self, function: str) -> Call:
        self._expect("(")
        arguments = [self._argument()]
        while self.peek() == ",":
            self._next()
            arguments.append(self._argument())
        self._expect(")")
        return Call(function, tuple(arguments))

    def _argument(self) -> Ref | Text:
        token = self._next()
        if isinstance(token.node, (Ref, Text)):
            return token.node
        raise ExpressionError(f"a function takes a series or a duration, not {token.text or 'the end'!r}")
