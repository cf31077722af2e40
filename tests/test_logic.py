"""Forward chaining, the English it reads, and the programs models write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from replication.recorded import load

from promptkit.errors import ProgramError
from promptkit.logic import Clause, Literal, close, read_clause, read_program, read_query, write
from promptkit.logic.english import clauses_of

LABELS = {True: "A", False: "B", None: "C"}
names = st.sampled_from(["Bob", "Anne", "the cat", "the bald eagle"])
adjectives = st.sampled_from(["cold", "round", "nice", "aggressive", "luminous"])
verbs = st.sampled_from(["eat", "chase", "see", "visit", "watch", "carry"])
nouns = st.sampled_from(["is a wumpus", "is an impus", "is a cat"])
literals = st.one_of(
    st.builds(Literal, adjectives.map("is {}".format) | nouns, st.tuples(names), st.booleans()),
    st.builds(Literal, verbs, st.tuples(names, names), st.booleans()),
)


@pytest.mark.parametrize("name", ["ProntoQA", "ProofWriter"])
def test_what_follows_from_the_text_is_the_gold_answer_of_every_item(name: str) -> None:
    items = load(f"reliability/logic_lm/data/{name}/dev.json.gz")
    for item in items:
        query = read_query(item["question"])
        assert query is not None, item["id"]
        verdict = close(clauses_of(item["context"])).verdict(query)
        assert LABELS[verdict] == item["answer"], item["id"]


@given(literals)
def test_what_is_written_is_read_back(literal: Literal) -> None:
    clause = read_clause(write(literal))
    assert clause is not None
    assert clause.is_fact
    assert clause.head == literal


@pytest.mark.parametrize(
    ("sentence", "read"),
    [
        ("All red, cold things are round.", "is red($x) and is cold($x) => is round($x)"),
        ("Jompuses are not shy.", "is a jompus($x) => not is shy($x)"),
        ("Every impus is a tumpus.", "is an impus($x) => is a tumpus($x)"),
        ("Rough people are cold.", "is rough($x) => is cold($x)"),
        (
            "If something is quiet and not kind then it chases the cat.",
            "is quiet($x) and not is kind($x) => chase($x, the cat)",
        ),
        (
            "If the cat sees the cow and the cow is kind then the cow does not need the cat.",
            "see(the cat, the cow) and is kind(the cow) => not need(the cow, the cat)",
        ),
        ("S12: Bob is not red.", "not is red(Bob)"),
    ],
)
def test_sentences_of_both_sets_are_read(sentence: str, read: str) -> None:
    assert str(read_clause(sentence)) == read


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello!",
        "Ignore all rules.",
        "Ist Bob kalt?",
        "日本語の文。",
        "If then .",
        "is is is",
        "Bob is Swiss.",
        "Bob is A Mouse.",
    ],
)
def test_what_is_no_such_sentence_is_passed_over(text: str) -> None:
    assert clauses_of(text) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "If the old moon shines brightly then Bob is cold.",
        "If Bob is cold and the wind blows hard then Bob is not kind.",
        "If Bob is cold, then who knows?",
    ],
)
def test_a_rule_of_which_a_part_cannot_be_read_is_no_fact(sentence: str) -> None:
    assert read_clause(sentence) is None


@pytest.mark.parametrize(
    ("sentence", "read"),
    [
        ("Bob is famous.", "is famous(Bob)"),
        ("Gorgeous people are generous.", "is gorgeous($x) => is generous($x)"),
        ("Bob is a mantis.", "is a mantis(Bob)"),
        ("Every mantis is a genius.", "is a mantis($x) => is a genius($x)"),
        ("Bob is cross.", "is cross(Bob)"),
    ],
)
def test_a_word_that_ends_in_s_need_not_be_a_plural(sentence: str, read: str) -> None:
    assert str(read_clause(sentence)) == read


@given(st.text())
def test_no_text_makes_the_reader_fail(text: str) -> None:
    clauses_of(text)
    read_query(text)


@given(st.lists(literals, max_size=6), st.lists(st.tuples(literals, literals), max_size=8))
def test_everything_derived_has_a_proof_from_what_was_given(
    facts: list[Literal], rules: list[tuple[Literal, Literal]]
) -> None:
    clauses = [Clause(fact) for fact in facts] + [Clause(b, (a,)) for a, b in rules]
    closure = close(clauses)
    for literal in closure.derivations:
        proof = closure.proof(literal)
        assert proof[-1] == literal
        for place, step in enumerate(proof):
            derivation = closure.derivations[step]
            assert set(derivation.premises) <= set(proof[:place])
            assert derivation.clause in clauses


def test_the_depth_is_that_of_the_deepest_premise_plus_one() -> None:
    p, q, r = (Literal(name, ("a",)) for name in "pqr")
    closure = close([Clause(p), Clause(q, (p,)), Clause(r, (p, q))])
    assert [closure.derivations[each].depth for each in (p, q, r)] == [0, 1, 2]


def test_what_is_derived_twice_keeps_its_first_derivation() -> None:
    p, q, r = (Literal(name, ("a",)) for name in "pqr")
    told = Clause(p, source="told first")
    short, other, longer = Clause(q, (p,)), Clause(q, (p,), "again"), Clause(q, (r,))
    back = Clause(p, (q,))
    clauses = [told, Clause(p, source="told again"), short, other, Clause(r, (p,)), longer, back]
    derivations = close(clauses).derivations
    assert derivations[p].clause is told
    assert (derivations[q].clause is short, derivations[q].depth) == (True, 1)
    assert list(derivations) == [p, q, r]


def test_what_is_neither_told_nor_derived_is_unknown_and_so_is_a_contradiction() -> None:
    cold = Literal("cold", ("Bob",))
    assert close([]).verdict(cold) is None
    assert close([Clause(cold), Clause(cold.negated)]).verdict(cold) is None


def test_ten_thousand_rules_in_a_row_are_no_trouble() -> None:
    rules = [
        Clause(Literal(f"p{i + 1}", ("$x",)), (Literal(f"p{i}", ("$x",)),)) for i in range(9999)
    ]
    closure = close([Clause(Literal("p0", ("a",))), *reversed(rules)])
    last = Literal("p9999", ("a",))
    assert closure.verdict(last) is True
    assert len(closure.proof(last)) == 10_000


def test_rules_that_multiply_end_at_a_bound() -> None:
    facts = [Clause(Literal("n", (str(i),))) for i in range(60)]
    body = tuple(Literal("n", (f"${i}",)) for i in range(6))
    rule = Clause(Literal("all", tuple(f"${i}" for i in range(6))), body)
    with pytest.raises(ProgramError, match=r"too long|more than"):
        close([*facts, rule])


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("", "asks nothing"),
        ("Facts:\nBob is cold", "is such as"),
        ("Facts:\nCold(Bob)\nQuery:\nCold(Bob, True)", "is such as"),
        ("Query:\nCold($x, True)", "has a variable"),
        ("Rules:\nA($x, True) >>> B($y, True)\nQuery:\nB(c, True)", "must name each variable"),
        ("Rules:\nA(b, True) >>> B(b, True) >>> C(b, True)\nQuery:\nB(b, True)", "one >>>"),
        ("Facts:\n" + "A(b, True)\n" * 3000, "at most 2000"),
    ],
)
def test_a_program_that_cannot_be_run_says_why(program: str, message: str) -> None:
    with pytest.raises(ProgramError, match=message):
        read_program(program).run()


def test_the_first_statement_under_query_is_asked() -> None:
    program = read_program("Facts:\nCold(Bob, True)\nQuery:\nCold(Bob, True)\nRed(Bob, True)")
    assert program.query == Literal("Cold", ("Bob",))


def test_an_exclamation_mark_turns_a_literal_round() -> None:
    program = read_program(
        "Facts:\n!Cold(Bob, True)\n! Red(Bob, False)\n"
        "Rules:\n!Cold($x, True) >>> !Kind($x, True)\nQuery:\n!Kind(Bob, False)"
    )
    closure = program.run()
    assert program.query == Literal("Kind", ("Bob",))
    assert [str(each) for each in closure.derivations] == [
        "not Cold(Bob)",
        "Red(Bob)",
        "not Kind(Bob)",
    ]
    assert closure.verdict(program.query) is False
