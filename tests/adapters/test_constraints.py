from __future__ import annotations

import enum
import json
import pickle
import re
import time
from typing import Literal

import guidance
import pytest
from guidance import gen, one_or_more, select
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter

from promptkit import Constraint, Message, Options, Request
from promptkit.adapters import regex_match
from promptkit.errors import OptionError


class City(BaseModel):
    name: str
    people: int = Field(ge=0)


class Country(BaseModel):
    name: str
    capital: City
    neighbours: list[City] = []


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@guidance.guidance(stateless=True)
def year(lm):
    return lm + "in " + gen("year", regex=r"[0-9]{4}")


@guidance.guidance
def a_program(lm):
    return lm + "x"


FORMS = [
    (Constraint.regex("a"), Constraint.regex("a")),
    (["yes", "no"], Constraint.choice(["yes", "no"])),
    (("yes",), Constraint.choice(["yes"])),
    (re.compile("a|b"), Constraint.regex("a|b")),
    (re.compile("a b", re.IGNORECASE | re.VERBOSE), Constraint.regex("(?ix)a b")),
    ({"type": "string"}, Constraint.json_schema({"type": "string"})),
    (bool, Constraint.json_schema({"type": "boolean"})),
    (list[int], Constraint.json_schema({"items": {"type": "integer"}, "type": "array"})),
    (Literal["a"], Constraint.json_schema({"const": "a", "type": "string"})),
    (City, Constraint.json_schema(City.model_json_schema())),
    (TypeAdapter(City), Constraint.json_schema(City.model_json_schema())),
    (year, Constraint.guidance(year())),
]


@pytest.mark.parametrize(("form", "meant"), FORMS)
def test_options_take_whatever_stands_for_a_constraint(form, meant):
    options = Options(constraint=form)
    assert options.constraint == meant
    assert options == Options().replace(constraint=form)
    assert options.digest == Options(constraint=meant).digest
    assert hash(options.constraint) == hash(meant)
    assert pickle.loads(pickle.dumps(options)) == options


@pytest.mark.parametrize("form", ["yes|no", 5, object(), lambda: 1, a_program(), a_program, b"a"])
def test_what_stands_for_none_is_refused(form):
    with pytest.raises(OptionError):
        Options(constraint=form)


def test_a_grammar_written_twice_is_one_question():
    def key(node):
        options = Options(constraint=node)
        return Request(messages=(Message("user", "Hi"),), model="m", options=options).key

    assert key("I am " + gen("age", regex="[0-9]+")) == key("I am " + gen("age", regex="[0-9]+"))
    assert key(gen("age", regex="[0-9]+")) != key(gen("years", regex="[0-9]+"))


def test_the_order_of_properties_is_kept_because_a_model_writes_in_it():
    first = {"type": "object", "properties": {"reason": {}, "answer": {}}}
    assert Constraint.json_schema(first).value == json.dumps(first)


# -- choices --------------------------------------------------------------------------------


def test_a_choice_is_exactly_one_of_the_texts():
    choice = Constraint.choice(["a", "ab", " abc", "ä", "\u00e4\u0301 🐑"])
    assert all(choice.allows(text) for text in choice.value)
    assert choice.allows("abc")
    assert choice.captures("ab") == {}
    assert not any(choice.allows(text) for text in ("", "b", "a b", "abcd", "A", "a\u0308"))


# -- patterns -------------------------------------------------------------------------------

_ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\w", r"\d", r"\b", "$", "c", "é"])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    ends = st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "*?", "+?", "??"])
    return st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
        st.tuples(inner, ends).map(lambda two: f"(?:{two[0]}){two[1]}"),
        inner.map(lambda one: f"({one})"),
    )


PATTERNS = st.recursive(_ATOMS, _grown, max_leaves=8)
TEXTS = st.text("abcé1\n ", max_size=8)


@given(PATTERNS, TEXTS)
@settings(max_examples=500)
def test_a_pattern_allows_what_a_full_match_of_it_or_of_the_trimmed_text_allows(pattern, text):
    matches = re.fullmatch(pattern, text) or re.fullmatch(pattern, text.strip())
    assert Constraint.regex(pattern).allows(text) == bool(matches)


@given(PATTERNS, TEXTS)
@settings(max_examples=500)
def test_the_machine_for_hostile_patterns_agrees_with_python(pattern, text):
    steps: list[regex_match._Step] = []
    parsed = regex_match._parser.parse(pattern)
    regex_match._write(steps, parsed, parsed.state.flags)
    found = regex_match._run((*steps, regex_match._Step("match")), text)
    assert (found is None) == (re.fullmatch(pattern, text) is None)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(?P<all>(?P<x>a|ab)+(?P<y>c|bcd)*)d?", "abcd"),
        ("((?P<key>[a-z]+)=(?P<value>[0-9]+);)+", "a=1;bc=23;"),
        ("(?P<least>a+?)(?P<most>a+)(b+)*c+", "aaaabbc"),
        ("(?i:(?P<word>[a-z]+ ?)+)(?P<end>!)?", "Hello World"),
    ],
)
def test_groups_are_those_that_python_takes(pattern, text):
    match = re.fullmatch(pattern, text)
    assert regex_match._machine(pattern) is not None
    taken = {name: value for name, value in match.groupdict().items() if value is not None}
    assert Constraint.regex(pattern).captures(text) == taken


@pytest.mark.parametrize(
    "pattern", ["(a+)+", "(a|a)*", "(a|aa)+", "(.*)*", "(?:a*)*b", "a*a*a*a*a*"]
)
def test_no_text_makes_a_pattern_take_for_ever(pattern):
    began = time.process_time()
    assert not Constraint.regex(pattern).allows("a" * 2000 + "\n!")
    assert time.process_time() - began < 20  # backtracking takes longer than the universe is old


@pytest.mark.parametrize("pattern", [r"(a)\1", "(?=a)a+", "(?<!b)(a+)+c?", r"(?P<q>['\"]).*(?P=q)"])
def test_what_only_python_can_say_is_left_to_python(pattern):
    for text in ("aa", "a", "'a'", "'a"):
        assert Constraint.regex(pattern).allows(text) == bool(re.fullmatch(pattern, text))


# -- JSON -----------------------------------------------------------------------------------


def test_json_is_checked_against_its_schema():
    country = Constraint.of(Country)
    kenya = Country(name="Kenya", capital=City(name="Nairobi", people=4_000_000))
    text = kenya.model_dump_json()
    assert country.captures(text) == kenya.model_dump()
    assert Country.model_validate_json(text) == kenya
    assert country.allows(f"  {json.dumps(json.loads(text), indent=2)}\n")
    for wrong in (
        '{"name": "Kenya"}',
        text.replace("4000000", "-1"),
        text.replace("4000000", '"many"'),
        text + "}",
        f"```json\n{text}\n```",
        "",
        "null",
        "[" * 10_000,
        '{"name": NaN}',
    ):
        assert not country.allows(wrong), wrong


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"enum": ["ä", 1, None]}, ['"ä"', "1", "null"], ['"a"', "2"]),
        ({"type": "array", "uniqueItems": True}, ["[1, 2]"], ["[1, 1]"]),
        ({"not": {"type": "string"}}, ["1"], ['"a"']),
        ({"type": "number", "exclusiveMinimum": 0}, ["0.5"], ["0", "NaN", "Infinity"]),
        ({}, ["1", "{}", '"a"'], ["", "a"]),
        ({"$defs": {"n": {"type": "integer"}}, "$ref": "#/$defs/n"}, ["1"], ['"1"']),
        ({"$schema": "http://json-schema.org/draft-04/schema#", "id": "x"}, ["1"], ["{"]),
    ],
)
def test_the_whole_standard_is_checked(schema, good, bad):
    constraint = Constraint.json_schema(schema)
    assert all(constraint.allows(text) for text in good)
    assert not any(constraint.allows(text) for text in bad)


def test_only_objects_have_fields():
    assert Constraint.of(list[int]).captures("[1]") == {}
    assert Constraint.json_schema({"type": "object"}).captures('{"a": [1]}') == {"a": [1]}


@pytest.mark.parametrize(
    "schema", [{"type": "objekt"}, {"$ref": "#/$defs/none"}, {"$ref": "https://example.org/a.json"}]
)
def test_a_wrong_schema_is_told_and_nothing_is_fetched(schema):
    with pytest.raises(OptionError, match="schema"):
        Constraint.json_schema(schema).allows("{}")


def test_a_schema_that_is_no_json_is_refused_when_it_is_made():
    with pytest.raises(OptionError, match="no JSON"):
        Constraint.json_schema({"const": object()})


# -- grammars -------------------------------------------------------------------------------

PHRASE = "The year " + gen("year", regex=r"\d{4}") + ", " + select(["no", "nope", "Ä"], name="yes")


@pytest.mark.parametrize(
    ("node", "text", "captures"),
    [
        (PHRASE, "The year 1984, nope", {"year": "1984", "yes": "nope"}),
        (PHRASE, "The year 1984, no", {"year": "1984", "yes": "no"}),
        (PHRASE, "The year 1984, Ä\n", {"year": "1984", "yes": "Ä"}),
        (PHRASE, "The year 1984, nop", None),
        (PHRASE, "The year 1984, nopes", None),
        (PHRASE, "", None),
        (PHRASE, "\ud800", None),
        (
            one_or_more(select(["a", "bc"], name="k", list_append=True)),
            "abca",
            {"k": ["a", "bc", "a"]},
        ),
        (gen("a", stop="."), "so.", {"a": "so"}),
        (gen("a", stop="."), "so", None),
        (
            gen("a", max_tokens=2),
            "many more bytes than tokens",
            {"a": "many more bytes than tokens"},
        ),
        (guidance.capture(gen(max_tokens=2, regex="x+"), 'q"]'), "xxxx", {'q"]': "xxxx"}),
        (
            guidance.json("j", schema=City),
            '{"name": "A", "people": 1}',
            {"j": '{"name": "A", "people": 1}'},
        ),
    ],
)
def test_a_guidance_grammar_is_read_with_its_captures(node, text, captures):
    constraint = Constraint.guidance(node)
    assert constraint.captures(text) == captures
    assert constraint.allows(text) == (captures is not None)


@pytest.mark.parametrize(
    "text", ["The year 1984, nope", "The year 1984, no", "The year 84, no", ""]
)
def test_captures_are_those_of_guidance_itself(text):
    match = PHRASE.match(text)
    assert Constraint.guidance(PHRASE).captures(text) == (match and match.captures)


@pytest.mark.parametrize(
    ("grammar", "good", "bad"),
    [
        ('root ::= [a-z]+ "x"', ["abx", "xx"], ["x", "aby", ""]),
        ('root ::= "(" root ")" | "root"', ["root", "((root))"], ["((root)", "()"]),
        ('a ::= "ä" | "\\"" # "root"\nroot ::= a{2,3}', ['ä"', "äää"], ["ä", "ääää"]),
        ("root ::= [^\\n\\x2D]*", ["", "a b"], ["a-b"]),
        (
            "root ::= ([a-c]{1, 2}\n  | [-x]? # or\n)  my-2\nmy-2 ::= . |",
            ["ab\n", "-", ""],
            ["-ab"],
        ),
        ('root ::= "\\u00e9\\U0001F411" start\nstart ::= [\\]\\[[]{2}', ["é🐑[]"], ["é🐑["]),
        ("%llguidance {}\nstart: A B?\nA: /a+/\nB: /b/", ["aa", "ab"], ["b", "abb"]),
    ],
)
def test_grammars_in_both_forms_are_checked(grammar, good, bad):
    constraint = Constraint.grammar(grammar)
    assert all(constraint.captures(text) == {} for text in good)
    assert not any(constraint.allows(text) for text in bad)


@pytest.mark.parametrize(
    "grammar",
    [
        "root := a",
        "",
        "%llguidance {}\nstart: foo(",
        "root ::= x",
        'a ::= "b"',
        '"a" root ::= "b"',
        'root ::= "a"*+',
        "root ::= <think>",
        'root ::= "\\UFFFFFFFF"',
        "root ::= (",
    ],
)
def test_a_grammar_that_cannot_be_read_is_told(grammar):
    with pytest.raises(OptionError, match="cannot be read"):
        Constraint.grammar(grammar).allows("a")


def test_a_long_answer_is_checked_too():
    assert Constraint.guidance(gen("a")).captures("hello " * 3000) == {"a": "hello " * 3000}
