"""Constraints and guidance programs on the embedded model."""

from __future__ import annotations

import asyncio

import guidance
import pytest
from adapters.backends import local_adapter
from guidance import assistant, gen, select, user
from pydantic import BaseModel, Field

import promptkit as pk
from promptkit import Constraint
from promptkit.primitives import constrained, guidance_program

pytestmark = pytest.mark.anyio


@pytest.fixture
async def session(monkeypatch):
    adapter = local_adapter(monkeypatch)
    async with pk.connect(transport=adapter, model=adapter.model, cache=None) as connected:
        yield connected


TEXT = "Gertrude is a mouse. Mice are afraid of wolves. So Gertrude is afraid of"


async def test_a_guidance_program_and_a_constraint_give_the_same_captures(session):
    node = " " + select(["sheep", "wolves", "cats", "mice"], name="fear") + ", and she is"
    node += gen("age", regex=r" [0-9]{1,2}") + " years old."
    result = await guidance_program(session, TEXT + node)
    constraint = Constraint.of(node)
    response = await session.ask(
        TEXT, api="completions", constraint=node, temperature=0, max_tokens=40
    )
    # The program hands its first space on as prompt, so only that is not the model's.
    captures = constraint.captures(response.text)
    assert captures == result.value
    assert captures["fear"] in ("sheep", "wolves", "cats", "mice")
    assert 0 <= int(captures["age"]) <= 99
    assert result.evidence.text == TEXT + response.text


@pytest.mark.parametrize(
    ("node", "pattern"),
    [
        (gen("name", regex="[A-Z][a-z]{2,8}"), "(?P<name>[A-Z][a-z]{2,8})"),
        (select(["a dog", "a cat", "an owl"], name="a"), "(?P<a>a dog|a cat|an owl)"),
        (gen("when", regex=r"[0-9]{4}-[01][0-9]"), r"(?P<when>\d{4}-[01]\d)"),
    ],
)
async def test_a_program_a_grammar_and_a_pattern_give_the_same_captures(session, node, pattern):
    question = "Name something."

    def program(lm):
        with user():
            lm += question
        with assistant():
            lm += node
        return lm

    programmed = (await guidance_program(session, program, max_tokens=40)).value
    for form in (node, Constraint.regex(pattern)):
        answer = await constrained(session, question, form, tries=1, max_tokens=40)
        assert answer.value == programmed, form


async def test_a_choice_among_fifty_labels_never_leaves_the_set(session):
    labels = [f"{colour} {animal}" for colour in COLOURS for animal in ANIMALS]
    assert len(labels) == 50
    choice = Constraint.choice(labels)
    question = "Which one do you like? Answer with one of: " + ", ".join(labels)
    asks = [
        session.ask(question, constraint=choice, temperature=1.5, sample=i, max_tokens=20)
        for i in range(50)
    ]
    texts = [response.text for response in await asyncio.gather(*asks)]
    assert set(texts) <= set(labels)
    assert len(set(texts)) > 5


COLOURS = ("red", "blue", "naïve", "dark", "dark red", "a", "an", "🐑", '"quoted"', "back\\slash")
ANIMALS = ("mouse", "mouse's", "wolf", "wolves", "Schäfer")


async def test_choices_that_begin_alike_and_strange_ones_are_obeyed(session):
    for options in (
        ["a", "ab", "abc"],
        ["yes", "yes, but", "yes, but not here"],
        ["Ä", "ä\u0301", "日本", "日本語", "🐑🐑"],
        ["line\nbreak", "tab\tbed", 'quo"te', "[x]", "a|b", "(?=a)"],
    ):
        choice = Constraint.choice(options)
        for sample in range(4):
            response = await session.ask(
                "Hello!", constraint=choice, sample=sample, temperature=1.2, max_tokens=30
            )
            assert response.text in options


class Wheel(BaseModel):
    inches: int = Field(ge=10, le=30)


class Bicycle(BaseModel):
    colour: str = Field(max_length=10)
    wheels: list[Wheel] = Field(min_length=2, max_length=2)
    electric: bool


async def test_a_pydantic_type_makes_the_round(session):
    result = await constrained(
        session, "Describe a bicycle as JSON.", Bicycle, tries=3, max_tokens=200
    )
    assert isinstance(result.value, Bicycle)
    assert Constraint.of(Bicycle).captures(result.evidence) == result.value.model_dump()
    numbers = await constrained(session, "Three numbers.", list[int], max_tokens=60)
    assert numbers.is_unknown or all(type(number) is int for number in numbers.value)


@pytest.mark.parametrize(
    "pattern",
    [
        r'"[^"\\]{1,8}"',
        r"[\]\[^-]{2}",
        r"(\(\)|\{\}|/\*){1,3}",
        r"\$[0-9]+\.\d{2}",
        "[äöü]{2}|日本",
    ],
)
async def test_hostile_patterns_are_obeyed(session, pattern):
    constraint = Constraint.regex(pattern)
    response = await session.ask("Write.", constraint=constraint, temperature=0, max_tokens=30)
    assert constraint.allows(response.text) or response.finish_reason == "length"
    grammar = Constraint.of(gen("all", regex=pattern))
    response = await session.ask("Write.", constraint=grammar, temperature=0, max_tokens=30)
    assert grammar.allows(response.text) or response.finish_reason == "length"


@guidance.guidance
def conversation(lm, animal):
    with user():
        lm += f"What is a {animal}?"
    with assistant():
        lm += f"A {animal} is a " + select(["mammal", "bird", "fish"], name="kind") + "."
    with user():
        lm += "Name two of them."
    for number in range(2):
        with assistant():
            lm += f"{number + 1}. " + gen("names", regex="[A-Z][a-z]{2,7}", list_append=True)
        with user():
            lm += "And another one?"
    return lm


async def test_a_conversation_runs_in_parallel_and_again_for_nothing(monkeypatch, tmp_path):
    adapter = local_adapter(monkeypatch)
    animals = ["mouse", "wolf", "trout", "owl", "dog"]
    async with pk.connect(transport=adapter, model=adapter.model, cache=True) as session:
        first = await session.map(lambda s, a: guidance_program(s, conversation, a), animals)
        paid = session.usage.copy()
        again = await session.map(lambda s, a: guidance_program(s, conversation, a), animals)
    assert [r.value for r in again] == [r.value for r in first]
    for animal, result in zip(animals, first, strict=True):
        assert result.value["kind"] in ("mammal", "bird", "fish")
        assert len(result.value["names"]) == 2
        assert f"A {animal} is a {result.value['kind']}." in result.evidence.text
    assert (session.usage - paid).cached == (session.usage - paid).requests == 15
