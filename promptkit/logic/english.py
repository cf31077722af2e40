"""The controlled English of ProofWriter and ProntoQA, read into clauses and written back.

Tafjord et al. 2021 (arXiv:2012.13048) and Saparov and He 2023 (arXiv:2210.01240). Sentences such
as «The cat does not eat the mouse.», «Red, cold things are round.», «Every mouse is an animal.»,
«If someone is cold and they see the cat then they are not kind.» What is no such sentence is
passed over.

A predicate is named by its words: `is cold`, `is a mouse`, `eat`. A thing is named as it stands
in the text: `Bob`, `the cat`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from promptkit.logic.clause import Clause, Literal

ANYTHING: Final = "$x"
"""The one variable of a sentence: something, someone, it, they."""

LONGEST: Final = 500
"""Characters of a sentence; a longer one is none of this English."""

_PRONOUNS: Final = ("something", "someone", "it", "they", "somebody", "everything", "everyone")
_THING: Final = r"(?:the [a-z]+(?: [a-z]+)?|[A-Z]\w*|" + "|".join(_PRONOUNS) + ")"
_WORD: Final = r"(?!(?:is|are|not|if|then)\b)[a-z][\w-]*"
_STATE: Final = re.compile(
    rf"(?P<thing>{_THING}) (?P<be>is|are) (?P<no>not )?(?P<kind>an? )?(?P<what>{_WORD})"
)
_ACT: Final = re.compile(
    rf"(?P<thing>{_THING}) (?P<no>(?:does|do) not )?(?P<verb>{_WORD}) (?P<other>{_THING})"
)
_ALL: Final = re.compile(
    rf"(?P<all>(?:all|every|each) )?(?P<which>{_WORD}(?:(?:, | and | ){_WORD})*) (?P<be>is|are) "
    rf"(?P<no>not )?(?P<kind>an? )?(?P<what>{_WORD})",
    re.IGNORECASE,
)
_ASKS: Final = re.compile(r"(?:true|false|unknown|follow\w*|correct|right)\s*\?\s*", re.IGNORECASE)
_ENDS: Final = re.compile(r"(?<=[.!?])\s+|\n+")
_LABEL: Final = re.compile(r"^\s*(?:[-*]\s*)?(?:\(?[A-Za-z]{1,9}\d+[.:)]|\d+[.:)])\s+")
_NOUNS: Final = ("thing", "things", "people", "person", "someone", "something")


def clauses_of(text: str) -> list[Clause]:
    """Return the facts and rules that a text states, in its order.

    >>> [str(clause) for clause in clauses_of("Red things are cold. Why? Bob is red.")]
    ['is red($x) => is cold($x)', 'is red(Bob)']
    """
    sentences = (read_clause(sentence) for sentence in _ENDS.split(text))
    return [clause for clause in sentences if clause is not None]


@lru_cache(maxsize=65_536)
def read_clause(sentence: str) -> Clause | None:
    """Read one sentence; None when it is none of this English.

    >>> str(read_clause("If someone eats the cat and they are big then they do not see Bob."))
    'eat($x, the cat) and is big($x) => not see($x, Bob)'
    """
    if len(sentence) > LONGEST:
        return None
    text = _LABEL.sub("", " ".join(sentence.split())).rstrip(" .!")
    condition = re.fullmatch(r"[Ii]f (.+?),? then (.+)", text)
    if condition:
        body = _conditions(condition[1])
        head = _literal(condition[2])
        return Clause(head, body, sentence.strip()) if body and head else None
    fact = _literal(text)
    if fact is not None and not fact.variables:
        return Clause(fact, source=sentence.strip())
    return _universal(text, sentence.strip())


def read_query(text: str) -> Literal | None:
    """Read the statement that a question is about; None when there is none.

    >>> str(read_query("Is the following statement true or false? Max is not sour."))
    'not is sour(Max)'
    """
    asked = _ASKS.split(text)[-1]
    for sentence in _ENDS.split(asked):
        clause = read_clause(sentence)
        if clause is not None and clause.is_fact:
            return clause.head
    return None


def write(literal: Literal) -> str:
    """Write a literal as a sentence.

    >>> write(Literal("eat", ("the cat", "Bob"), False)), write(Literal("is a mouse", ("Gert",)))
    ('The cat does not eat Bob.', 'Gert is a mouse.')
    """
    thing, *others = literal.arguments
    begin = thing[0].upper() + thing[1:]
    if literal.predicate.startswith("is "):
        no = "" if literal.is_positive else "not "
        return f"{begin} is {no}{literal.predicate.removeprefix('is ')}."
    verb = _third_person(literal.predicate)
    if not literal.is_positive:
        verb = f"does not {literal.predicate}"
    return " ".join([begin, verb, *others]) + "."


def _conditions(text: str) -> tuple[Literal, ...]:
    """Read «a and b»; «is cold and not kind» shares its subject. Empty when a part is unclear."""
    literals: list[Literal] = []
    for part in re.split(r",? and ", text):
        literal = _literal(part)
        if literal is None and literals and literals[-1].predicate.startswith("is "):
            literal = _literal(f"{literals[-1].arguments[0].replace(ANYTHING, 'it')} is {part}")
        if literal is None:
            return ()
        literals.append(literal)
    return tuple(literals)


def _literal(text: str) -> Literal | None:
    """Read «thing is state» or «thing acts on thing»."""
    text = text.strip()
    text = text[:1].lower() + text[1:] if text.startswith("The ") else text
    state = _STATE.fullmatch(text)
    if state and (state["be"] == "is" or state["thing"] in _PRONOUNS):
        name = _property(state["kind"], state["what"])
        return Literal(name, (_thing(state["thing"]),), not state["no"])
    act = _ACT.fullmatch(text)
    if act and act["verb"] not in ("is", "are"):
        verb = act["verb"] if act["no"] else _infinitive(act["verb"])
        return Literal(verb, (_thing(act["thing"]), _thing(act["other"])), not act["no"])
    return None


def _universal(text: str, source: str) -> Clause | None:
    """Read «all red, cold things are round» and «every mouse is an animal»."""
    every = _ALL.fullmatch(text)
    if not every or (every["be"].lower() == "is" and not every["all"]):
        return None  # «Bob is Swiss» is about one Bob
    *words, last = re.split(r", | and | ", every["which"].lower())
    if last not in _NOUNS:
        if words:
            return None
        words = [f"a {_singular(last)}"]
    body = tuple(
        Literal(f"is {_with_article(word)}", (ANYTHING,))
        for word in words
        if word not in ("", "all")
    )
    head = Literal(_property(every["kind"], every["what"]), (ANYTHING,), not every["no"])
    return Clause(head, body, source) if body else None


def _thing(text: str) -> str:
    return ANYTHING if text.lower() in _PRONOUNS else text


def _property(article: str | None, word: str) -> str:
    """Name the predicate of «is cold», «is a mouse» and «are mice»."""
    word = word.lower()
    if article or _is_plural(word):
        return f"is {_with_article(f'a {_singular(word)}')}"
    return f"is {word}"


def _with_article(words: str) -> str:
    """Put the article that the sound wants; «a» alone stands in names before this."""
    if not words.startswith("a "):
        return words
    noun = words.removeprefix("a ")
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _is_plural(word: str) -> bool:
    return word.endswith("s") and not word.endswith(("ous", "ss", "us", "is"))


def _singular(word: str) -> str:
    """Return one of several; irregular plurals are not known.

    >>> [_singular(word) for word in ("jompuses", "cats", "boxes", "wumpus", "puppies")]
    ['jompus', 'cat', 'box', 'wumpus', 'puppy']
    """
    if not _is_plural(word):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("uses", "sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    return word[:-1]


def _infinitive(verb: str) -> str:
    """Return «eat» of «eats»; a verb without the ending is one already («they eat»)."""
    if verb.endswith("ies"):
        return verb[:-3] + "y"
    if verb.endswith(("sses", "shes", "ches", "xes", "zzes")):
        return verb[:-2]
    return verb[:-1] if verb.endswith("s") and not verb.endswith("ss") else verb


def _third_person(verb: str) -> str:
    if verb.endswith("y") and verb[-2:-1] not in tuple("aeiou"):
        return verb[:-1] + "ies"
    return verb + ("es" if verb.endswith(("s", "sh", "ch", "x", "z")) else "s")
