"""The grammar of conditions, and that any text at all is either a tree or one documented error."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from homestream.engine.rules.expression import (
    Both,
    Call,
    Compare,
    Either,
    ExpressionError,
    Not,
    Number,
    Ref,
    Span,
    Sum,
    Text,
    Word,
    parse,
)

A, B, C = Ref("a/x", "power"), Ref("b", "contact"), Word("occupied")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a/x.power", A),
        ("laundry/iron_2-b.power > 1000", Compare(">", Ref("laundry/iron_2-b", "power"), Number(1000))),
        ("0x00158d0001.contact", Ref("0x00158d0001", "contact")),
        ("shelly.1.power", Ref("shelly.1", "power")),
        ('"Wohnzimmer Lampe".switch', Ref("Wohnzimmer Lampe", "switch")),
        ("'it is \"one\"'.switch", Ref('it is "one"', "switch")),
        ("küche/öfen.power", Ref("küche/öfen", "power")),
        ("kitchen/*.temperature >= -5.5", Compare(">=", Ref("kitchen/*", "temperature"), Number(-5.5))),
        ("*.contact", Ref("*", "contact")),
        ('time >= "22:00"', Compare(">=", Word("time"), Text("22:00"))),
        ("mode==away", Compare("==", Word("mode"), Word("away"))),
        ("unknown(b.contact)", Call("unknown", (B,))),
        ('mean( a/x.power , "10m" )', Call("mean", (A, Text("10m")))),
        ("a/x.power and b.contact or occupied", Either(Both(A, B), C)),
        ("a/x.power or b.contact and occupied", Either(A, Both(B, C))),
        ("a/x.power and b.contact and occupied", Both(Both(A, B), C)),
        ("not a/x.power and b.contact", Both(Not(A), B)),
        ("not (a/x.power and b.contact)", Not(Both(A, B))),
        ("not not occupied", Not(Not(C))),
        ("not a/x.power > 5", Not(Compare(">", A, Number(5)))),
        ("(a/x.power)>(5)", Compare(">", A, Number(5))),
        ("a/x.power - b.contact > 2", Compare(">", Sum("-", A, B), Number(2))),
        ("a/x.power -1", Sum("-", A, Number(1))),
        ("1 + 2 * a/x.power", Sum("+", Number(1), Sum("*", Number(2), A))),
        ("(1 + 2)*a/x.power", Sum("*", Sum("+", Number(1), Number(2)), A)),
        ("1 - 2 - 3", Sum("-", Sum("-", Number(1), Number(2)), Number(3))),
        ("-a/x.power", Sum("-", Number(0), A)),
        ("age(b.contact)/2", Sum("/", Call("age", (B,)), Number(2))),
        ("percentile(a/x.power, 95, '1h')", Call("percentile", (A, Number(95), Text("1h")))),
        ('mean(a/x.power, "1h", every "5m")', Call("mean", (A, Text("1h"), Span("every", "5m")))),
        ('max(a/x.power, session "5m")', Call("max", (A, Span("session", "5m")))),
        ('session(a/x.power > 5, "5m")', Call("session", (Compare(">", A, Number(5)), Text("5m")))),
        ('energy(laundry/iron, "day")', Call("energy", (Word("laundry/iron"), Text("day")))),
    ],
)
def test_the_grammar(text, tree):
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "a value is missing before 'the end'"),
        ("a/x.power >", "a value is missing before 'the end'"),
        ("a/x.power > > 5", "a value is missing before '>'"),
        ("a/x.power b.contact", "'b.contact' is out of place"),
        ("a/x.power and", "a value is missing before 'the end'"),
        ("and", "a value is missing before 'and'"),
        ("(a/x.power", "')' expected before 'the end'"),
        ("a/x.power)", "')' is out of place"),
        ("a/x.power = 5", "'= 5' is no part of a condition"),
        ("a/x.power > 5 $", "'$' is no part of a condition"),
        ('time > "22:00', "the quote is not closed"),
        ("age()", "a value is missing before ')'"),
        ("age(a.power,)", "a value is missing before ')'"),
        ("a.power + > 1", "a value is missing before '>'"),
        ("-" * 50 + "5", "nested deeper than 40"),
        ("1 + " * 200 + "1", "more than 300 names, numbers and signs"),
        ("1 < a/x.power < 5", "'<' is out of place"),
        ("(" * 50 + "a.power" + ")" * 50, "nested deeper than 40"),
        ("not " * 50 + "a.power", "nested deeper than 40"),
        ("a.power " * 600, "longer than 4000 characters"),
    ],
)
def test_what_is_wrong_is_said(text, complaint):
    with pytest.raises(ExpressionError) as error:
        parse(text)
    assert complaint in str(error.value)


_parts = st.sampled_from(
    [
        "a.power",
        "*.contact",
        "5",
        "-1.5",
        '"10m"',
        "(",
        ")",
        ",",
        "and",
        "or",
        "not",
        ">",
        "age",
        "mode",
        ".",
        "+",
        "-",
        "*",
        "/",
        "every",
        "session",
    ]
)


@given(st.one_of(st.text(max_size=200), st.lists(_parts, max_size=60).map(" ".join)))
@example("(" * 4000)
@example("not " * 999)
@example("a(" * 1999)
def test_any_text_is_a_condition_or_one_error(text):
    try:
        parse(text)
    except ExpressionError as error:
        assert str(error)
