from __future__ import annotations

import enum
import functools
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
from promptkit.adapters import regex_cost, regex_machine, regex_match
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


def test_white_space_around_a_choice_and_around_an_answer_does_not_count():
    choice = Constraint.choice([" yes", "not at all "])
    assert all(choice.allows(text) for text in ("yes", " yes\n", "not at all", " not at all "))
    assert not any(choice.allows(text) for text in ("ye s", "notatall", " "))


@pytest.mark.parametrize(
    "bad", ["yes", "y", [1, 2], [["a"]], {"a": 1}, 5, None, [b"a"], ["a", "a"]]
)
def test_a_choice_is_among_texts(bad):
    with pytest.raises(OptionError, match="a choice") as refused:
        Constraint.choice(bad)
    assert "yes" not in str(refused.value)


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
    machine = regex_machine.written(re._parser.parse(pattern))
    found, left = regex_machine.run(machine, text, 10_000)
    assert (found is None) == (re.fullmatch(pattern, text) is None)
    assert left < 10_000 or not text
    found, _ = regex_machine.run(machine, text, 10_000, is_search=True)
    assert (found is None) == (re.search(pattern, text) is None)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(?P<all>(?P<x>a|ab)+(?P<y>c|bcd)*)d?", "abcd"),
        ("((?P<key>[a-z]+)=(?P<value>[0-9]+);)+", "a=1;bc=23;"),
        ("(?P<least>a+?)(?P<most>a+)(b+)*c+", "aaaabbc"),
        ("(?i:(?P<word>[a-z]+ ?)+)(?P<end>!)?", "Hello World"),
    ],
)
@pytest.mark.parametrize("allowed", [{}, {"backtracks": 0}, {"backtracks": 0, "steps": 0}])
def test_groups_are_those_that_python_takes(pattern, text, allowed, monkeypatch):
    monkeypatch.setattr(regex_match, "Work", functools.partial(regex_match.Work, **allowed))
    match = re.fullmatch(pattern, text)
    taken = {name: value for name, value in match.groupdict().items() if value is not None}
    assert Constraint.regex(pattern).captures(text) == taken


@pytest.mark.parametrize(
    "pattern", ["(a+)+", "(a|a)*", "(a|aa)+", "(.*)*", "(?:a*)*b", "a*a*a*a*a*"]
)
def test_no_text_makes_a_pattern_take_for_ever(pattern):
    began = time.process_time()
    assert not Constraint.regex(pattern).allows("a" * 2000 + "\n!")
    assert time.process_time() - began < 20  # backtracking takes longer than the universe is old


FOR_EVER = [
    ("(?>(a+)+b)", "a" * 40),
    ("(?=(a+)+b).*", "a" * 40),
    (r"(x?)(a+)+\1b", "a" * 40),
    ("(x)?(?(1)y|(a+)+b)", "a" * 40),
    ("(?:a+a+a+a+b)?+c", "a" * 2000),
    ("(?:[a-z]{1,200} ?){1,50}", "abcdefgh " * 1000 + "!"),
]


@pytest.mark.parametrize(("pattern", "text"), FOR_EVER)
def test_what_is_not_known_within_the_bounds_does_not_obey_and_says_so(pattern, text):
    began = time.monotonic()
    constraint = Constraint.regex(pattern)
    assert not constraint.allows(text)
    assert "not found out" in constraint.refusal(text)
    assert time.monotonic() - began < 60  # else it would take longer than anybody lives


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"(?!.*foo)(?:\w+ )*\w+", "hello world " * 10 + "end"),
        ("(?=(a+)+b).*", "a" * 40 + "b"),
        ("(?:[a-z]{1,200} ?){1,50}", "abcdefgh " * 40),
    ],
)
def test_a_pattern_that_might_take_long_and_does_not_is_matched(pattern, text):
    assert Constraint.regex(pattern).captures(text) == {}
    assert Constraint.regex(pattern).refusal("?") == "it does not obey the constraint"


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(?P<a>.+)-(?P<b>.+)", "-" * 20_000 + "\n!"),
        ("a?" * 30 + "a" * 30 + "b", "a" * 30),
        ("(?:a|aa){40}b", "a" * 40),
        ("(?:a?){40}a{40}b", "a" * 40),
    ],
)
def test_what_multiplies_the_ways_is_left_to_the_machine(pattern, text, monkeypatch):
    monkeypatch.setattr(regex_match, "_in_a_process", None)
    assert regex_match.Work().pay(pattern, text, is_search=False) is False
    assert Constraint.regex(pattern).refusal(text) == "it does not obey the constraint"


_STEPS = st.sampled_from([*"ab.", "(?:a|aa)", "(?:a|b|ab)", "(?=a)", "(?>a+)", "(?:a)", r"(?:\b)"])
_ENDS = st.sampled_from(["", "*", "+", "?", "{2}", "{1,3}", "*?", "??"])


@given(st.lists(st.tuples(_STEPS, _ENDS).map("".join), min_size=1, max_size=5).map("".join))
def test_the_bound_is_no_smaller_than_the_ways_there_are(pattern):
    text = "aaaab"
    bound = regex_cost.cost(re._parser.parse(pattern), len(text))
    assert bound >= _visits(list(re._parser.parse(pattern)), text, 0)


@pytest.mark.parametrize(
    "pattern", ["(a+)+", "(a|aa)*", "(?>(a+)+)", "(?=(a+)+)", "(?!(a+)+)", "(x)?(?(1)y|(a+)+)"]
)
def test_ways_within_a_repetition_are_raised_to_a_power(pattern):
    assert regex_cost.cost(re._parser.parse(pattern), 60) > 2**60


def _visits(items, text, place):
    """How often a matcher that tries everything begins one of the pattern's items."""
    if not items:
        return 1
    begins = re._parser.SubPattern(re._parser.State(), items[:1])
    compiled = re._compiler.compile(begins)
    ends = [e for e in range(place, len(text) + 1) if compiled.fullmatch(text, place, e)]
    return 1 + sum(_visits(items[1:], text, end) for end in ends)


@pytest.mark.parametrize(
    ("flag", "pattern", "text"),
    [
        (re.ASCII, r"\w+", "ä"),
        (re.IGNORECASE, "yes", "YES"),
        (re.MULTILINE, "a$\nb", "a\nb"),
        (re.DOTALL, "a.b", "a\nb"),
        (re.VERBOSE, "a b  # both", "ab"),
    ],
)
def test_the_flags_of_a_compiled_pattern_count(flag, pattern, text):
    compiled = re.compile(pattern, flag)
    for one, other in ((compiled, text), (re.compile(pattern), text)):
        assert Constraint.of(one).allows(other) is bool(one.fullmatch(other))
    assert bool(compiled.fullmatch(text)) is not bool(re.fullmatch(pattern, text))
    both = re.compile(pattern, flag | re.IGNORECASE)
    assert Constraint.of(both).allows(text) is bool(both.fullmatch(text))


@pytest.mark.parametrize("bad", [b"a", None, 5])
def test_a_pattern_and_a_grammar_are_texts(bad):
    for make in (Constraint.regex, Constraint.grammar):
        with pytest.raises(OptionError, match=type(bad).__name__):
            make(bad)


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
        ({"type": "number", "exclusiveMinimum": 0}, ["0.5"], ["0", "NaN", "Infinity", "1e999"]),
        ({"type": "array"}, ["[1e99]"], ["[1e999]", "[-1e999]"]),
        ({"multipleOf": 0.5}, ["1.5", "1e300", '"a"'], ["0.7", "9" * 400]),
        ({"multipleOf": 0.01}, ["0.29", "1.10", "3"], ["0.295"]),
        ({"multipleOf": 1e-300}, ["1e300"], ["1" + "0" * 400]),
        ({"uniqueItems": True}, ["[1, true]", '["1", 1]', "[0, false]"], ["[1, 1.0]", "[-0.0, 0]"]),
        (
            {"uniqueItems": True},
            ["[[1], [true]]"],
            ['[{"a": 1, "b": [2]}, {"b": [2.0], "a": 1}]', "[{}, {}]"],
        ),
        ({"pattern": "^a+$|b"}, ['"aa"', '"cbc"', "1"], ['"ac"', '""']),
        ({"patternProperties": {"^a": {"type": "null"}}}, ['{"a": null, "b": 1}'], ['{"ab": 1}']),
        (
            {
                "properties": {"b": {}},
                "patternProperties": {"^a": {}},
                "additionalProperties": False,
            },
            ['{"a": 1, "b": 1}', "1"],
            ['{"a": 1, "c": 1}'],
        ),
        (
            {"patternProperties": {"^a": {}}, "additionalProperties": {"type": "null"}},
            ['{"a": 1, "c": null}'],
            ['{"c": 1}'],
        ),
        (
            {"patternProperties": {"^a": {}}, "unevaluatedProperties": False},
            ['{"a": 1}'],
            ['{"c": 1}'],
        ),
        ({}, ["1", "{}", '"a"'], ["", "a"]),
        ({"$defs": {"n": {"type": "integer"}}, "$ref": "#/$defs/n"}, ["1"], ['"1"']),
        ({"$schema": "http://json-schema.org/draft-04/schema#", "id": "x"}, ["1"], ["{"]),
    ],
)
def test_the_whole_standard_is_checked(schema, good, bad):
    constraint = Constraint.json_schema(schema)
    assert all(constraint.allows(text) for text in good)
    assert not any(constraint.allows(text) for text in bad)


HOSTILE = "^(a+)+$"
HOSTILE_SCHEMAS = [
    {"patternProperties": {HOSTILE: {}}, "additionalProperties": False},
    {"patternProperties": {HOSTILE: {}}, "unevaluatedProperties": False},
    {"allOf": [{"patternProperties": {HOSTILE: {}}}], "unevaluatedProperties": False},
    {"propertyNames": {"pattern": HOSTILE}},
    {"propertyNames": {"$ref": "#/$defs/n"}, "$defs": {"n": {"pattern": HOSTILE}}},
]
STANDARDS = [
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/draft/2019-09/schema",
]


@pytest.mark.parametrize("standard", STANDARDS)
@pytest.mark.parametrize("schema", HOSTILE_SCHEMAS)
def test_no_text_makes_a_schemas_pattern_take_for_ever(schema, standard):
    constraint = Constraint.json_schema({"$schema": standard, **schema})
    assert not constraint.allows('{"' + "a" * 40 + 'b": 1}')


@pytest.mark.parametrize("standard", [*STANDARDS, "http://json-schema.org/draft-07/schema#"])
def test_a_schema_that_holds_itself_is_bounded_at_every_depth(standard):
    inner = {"a": {"$ref": "#"}, "b": {"pattern": HOSTILE}}
    constraint = Constraint.json_schema({"$schema": standard, "properties": inner})
    assert constraint.allows('{"a": {"a": {"b": "' + "a" * 40 + '"}}}')
    assert not constraint.allows('{"a": {"a": {"b": "' + "a" * 40 + 'b"}}}')


def test_all_texts_of_an_answer_share_one_bound():
    lookahead = Constraint.json_schema({"items": {"pattern": "(?=(a+)+b)"}})
    assert lookahead.allows(json.dumps(["a" * 30 + "b"]))
    many = json.dumps(["a" * (30 + number) + "b" for number in range(9)])
    assert "not found out" in lookahead.refusal(many)
    machine = Constraint.json_schema({"items": {"pattern": "^(a|b)*$"}})
    assert machine.allows(json.dumps(["ab" * 20] * 50))


class Sum(BaseModel):
    kind: Literal["sum"]
    left: Sum | Product | int


class Product(BaseModel):
    left: Sum | Product | int
    kind: Literal["product"]


@pytest.mark.parametrize("inner", ["1", '"bad"'])
def test_a_union_within_a_union_is_judged_once_for_each_part(inner):
    form = Constraint.of(Sum | Product)
    text = inner
    for depth in range(40):
        text = f'{{"left": {text}, "kind": "{"product" if depth % 2 else "sum"}"}}'
    assert form.allows(text) == (inner == "1")


def test_comparing_elements_is_not_quadratic(monkeypatch):
    compared = []
    monkeypatch.setattr("jsonschema._utils.equal", lambda one, two: compared.append(1))
    unique = Constraint.json_schema({"uniqueItems": True})
    assert unique.allows(json.dumps([{"n": number} for number in range(2000)]))
    assert not compared


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
