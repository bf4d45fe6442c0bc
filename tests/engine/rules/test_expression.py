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
        ("age()", "a function takes a series or a duration, not ')'"),
        ("age(5)", "a function takes a series or a duration, not '5'"),
        ("age(age(a.power))", "a function takes a series or a duration, not 'age'"),
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
