"""What is right: the answers of the reasoner, worked out by forward chaining over what it is shown.

All pure functions of texts. What is wrong is made elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from promptkit.errors import ProgramError
from promptkit.logic import (
    Clause,
    Closure,
    Literal,
    clauses_of,
    close,
    read_clause,
    read_query,
    write,
)

_LABELLED: Final = re.compile(r"^\s*(S\d+): (.+?)\s*$", re.MULTILINE)
_STEP: Final = re.compile(r"^From (.+) follows (S\d+): (.+)$")
_KNOWN: Final = " We know that "
_EMPTY: Final = Closure({})


def labelled(text: str) -> dict[str, str]:
    r"""Return the statements of a list by their labels.

    >>> labelled("S1: Bob is red.\nS2: Red things are cold.")
    {'S1': 'Bob is red.', 'S2': 'Red things are cold.'}
    """
    return dict(_LABELLED.findall(text))


@lru_cache(maxsize=4096)
def closure_of(clauses: tuple[Clause, ...]) -> Closure:
    """Return what follows; nothing where that takes too long."""
    try:
        return close(clauses)
    except ProgramError:
        return _EMPTY


def clauses_in(texts: Iterable[str]) -> tuple[Clause, ...]:
    """Return the facts and rules among sentences."""
    read = (read_clause(text) for text in texts)
    return tuple(clause for clause in read if clause is not None)


@dataclass(frozen=True, slots=True)
class Problem:
    """A text and what is asked about it.

    Attributes:
        closure: All that follows from the text.
        query: What is asked; None where it cannot be read.
    """

    closure: Closure
    query: Literal | None

    @property
    def verdict(self) -> bool | None:
        """Whether what is asked holds; None where neither it nor its opposite follows."""
        return None if self.query is None else self.closure.verdict(self.query)

    @property
    def goal(self) -> Literal | None:
        """The query or its opposite, whichever follows by the shorter proof."""
        if self.query is None:
            return None
        both = [each for each in (self.query, self.query.negated) if each in self.closure]
        return min(both, key=lambda each: self.closure.derivations[each].depth, default=None)

    @property
    def steps(self) -> list[Literal]:
        """What must be inferred, one after the other, to reach the goal."""
        if self.goal is None:
            return []
        derivations = self.closure.derivations
        return [each for each in self.closure.proof(self.goal) if derivations[each].depth]


def problem_of(text: str, knowledge: str = "", question: str | None = None) -> Problem:
    """Read a text that ends in a question.

    Args:
        text: Facts and rules, among other sentences.
        knowledge: More of them, known beforehand.
        question: What is asked, where the text does not end in it.
    """
    asked = text if question is None else question
    query = read_query(asked)
    shown = text.rpartition("?")[0] if question is None and "?" in text else text
    return Problem(closure_of((*clauses_of(knowledge), *clauses_of(shown))), query)


def first_pick(statements: dict[str, str], question: str) -> str | None:
    """Return the label of the rule to apply next, or of the statement that answers by itself."""
    problem = Problem(closure_of(clauses_in(statements.values())), read_query(question))
    step = problem.steps[0] if problem.steps else problem.goal
    if step is None:
        return None
    return _label_of(statements, problem.closure.derivations[step].clause)


def next_pick(statements: dict[str, str], chosen: str, question: str) -> str | None:
    """Return the label of a fact that the chosen rule still needs; None when it has enough."""
    rules = [clause for clause in clauses_of(chosen) if clause.body]
    have = {clause.head for clause in clauses_of(chosen) if clause.is_fact}
    if not rules:
        return None
    rule = Clause(rules[0].head, rules[0].body)
    facts = [c for c in clauses_in(statements.values()) if c.is_fact]
    known = {fact.head for fact in facts}
    problem = Problem(closure_of(clauses_in(statements.values())), read_query(question))
    wanted = [*problem.steps[:1], *closure_of((*facts, rule)).derivations]
    for literal in wanted:
        derivation = closure_of((*facts, rule)).derivations.get(literal)
        if derivation is None or literal in known:
            continue
        if not have <= set(derivation.premises) <= known:
            continue
        missing = [each for each in derivation.premises if each not in have]
        if not missing:
            return None
        return next(
            (_label_of(statements, fact) for fact in facts if fact.head == missing[0]), None
        )
    return None


def _label_of(statements: dict[str, str], clause: Clause) -> str | None:
    found = (label for label, text in statements.items() if read_clause(text) == clause)
    same = (
        label
        for label, text in statements.items()
        if (read := read_clause(text)) and (read.head, read.body) == (clause.head, clause.body)
    )
    return next(found, None) or next(same, None)


def conclusion(selection: str) -> Literal | None:
    """Return what follows from «rule. We know that fact and that fact.»; None when nothing does."""
    rule_text, _, facts_text = selection.partition(_KNOWN)
    rule = read_clause(rule_text)
    if rule is None or not rule.body:
        return None
    facts = clauses_in(facts_text.split(" and that "))
    closure = closure_of((*(Clause(fact.head) for fact in facts), rule))
    given = {fact.head for fact in facts}
    return next((each for each in closure.derivations if each not in given), None)


def about(selection: str) -> Literal | None:
    """Return what a careless reader concludes from a selection: the rule's head, of its subject."""
    rule_text, _, facts_text = selection.partition(_KNOWN)
    rule = read_clause(rule_text)
    facts = clauses_in(facts_text.split(" and that "))
    if rule is None or not facts:
        return None
    values = dict.fromkeys(rule.head.variables, facts[0].head.arguments[0])
    return rule.head.with_values(values)


def answers_by(statement: str, question: str) -> bool | None:
    """Return what a statement says about a question: that it holds, or not; None if neither."""
    query, clause = read_query(question), read_clause(statement)
    if query is None or clause is None or clause.body:
        return None
    return True if clause.head == query else False if clause.head == query.negated else None


def is_sound(statements: dict[str, str], trace: str, question: str) -> bool:
    """Whether each line of a trace follows from what it names and is a step on the way."""
    known = dict(statements)
    problem = Problem(closure_of(clauses_in(statements.values())), read_query(question))
    useful = set(problem.steps)
    for line in trace.splitlines():
        step = _STEP.match(line.strip())
        if not step:
            continue
        premises = clauses_in(known.get(label, "") for label in step[1].split(", "))
        said = read_clause(step[3])
        if said is None or closure_of(premises).verdict(said.head) is not True:
            return False
        if useful and said.head not in useful:
            return False
        known[step[2]] = step[3]
    return True


def relation(premise: str, hypothesis: str, knowledge: str) -> str:
    """Return what a premise has to do with a hypothesis, given what is known besides."""
    one, other = read_clause(premise), read_clause(hypothesis)
    if one is None or other is None or not (one.is_fact and other.is_fact):
        return "neutral"
    rules = [clause for clause in clauses_of(knowledge) if clause.head != one.head]
    closure = closure_of((Clause(one.head), *rules))
    for literal, name in ((other.head, "entails"), (other.head.negated, "contradicts")):
        if literal in closure and one.head in closure.proof(literal):
            return name
    return "neutral"


def reasons(statement: str, knowledge: str, *, is_true: bool) -> list[str]:
    """Return why a statement is true, or why it is false, in order of telling.

    For what does not hold, the reasons are what would have to hold: they are false themselves.
    """
    clause = read_clause(statement)
    if clause is None or clause.body:
        return []
    literal = clause.head if is_true else clause.head.negated
    closure = closure_of(tuple(clauses_of(knowledge)))
    if literal in closure:
        return _premises(closure, literal) or [write(literal)]
    if literal.negated in closure:
        return [write(each.negated) for each in _premise_literals(closure, literal.negated)]
    return []


def _premise_literals(closure: Closure, literal: Literal) -> Sequence[Literal]:
    return closure.derivations[literal].premises


def _premises(closure: Closure, literal: Literal) -> list[str]:
    derivation = closure.derivations[literal]
    rule = [derivation.clause.source] if derivation.clause.body else []
    return [*(write(each) for each in derivation.premises), *rule]


def chain(problem: Problem) -> list[tuple[str, str]]:
    """Return the steps of a proof in words: what each stands on, and what follows."""
    derivations = problem.closure.derivations
    return [
        (" ".join(_premises(problem.closure, each)), write(each))
        for each in problem.steps
        if each in derivations
    ]


def program_of(text: str) -> list[str]:
    """Return the lines of a logic program that says what a text says; its query is the last.

    >>> program_of("Red things are cold. Bob is red. True or false? Bob is not cold.")
    ['Facts:', 'Red(Bob, True)', 'Rules:', 'Red($x, True) >>> Cold($x, True)', \
'Query:', 'Cold(Bob, False)']
    """
    clauses = clauses_of(text.rpartition("?")[0])
    query = read_query(text)
    facts = [_said(clause.head) for clause in clauses if clause.is_fact]
    rules = [
        f"{' && '.join(map(_said, clause.body))} >>> {_said(clause.head)}"
        for clause in clauses
        if clause.body
    ]
    return ["Facts:", *facts, "Rules:", *rules, "Query:", *([_said(query)] if query else [])]


def _said(literal: Literal) -> str:
    words = re.sub(r"^is (an? )?", "", literal.predicate)
    name = "".join(word.capitalize() for word in re.findall(r"\w+", words))
    things = [
        each if each.startswith("$") else "".join(w.capitalize() for w in each.split()[-2:])
        for each in literal.arguments
    ]
    return f"{name}({', '.join([*things, str(literal.is_positive)])})"
