"""What the abuse classifier looks at: concepts, which of them stand together, and what words do.

Two kinds of features:

* a few hundred dense ones, which mean the same in every text: how often each concept occurs, and
  whether an attack («disgusting», «kill») stands near a target (a group, «you», a thing) or near
  what turns it (a negation, a quotation, a word of help);
* hashed ones: words, pairs and triples of concepts and of words, in which the words of groups and
  things are replaced by their concept, so that what is learnt of one holds for all.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from promptkit.safety.abuse_words import (
    EXCLAMATION,
    QUESTION,
    QUOTE,
    STOP,
    Word,
    lexicon,
)

BITS: Final = 15
"""There are 2**15 buckets for the hashed features."""

TARGETS: Final = {
    "group": ("GROUP", "GROUP1", "GROUPADJ"),
    "you": ("YOU",),
    "they": ("HE", "THEY"),
    "person": ("PERSON", "RELATION"),
    "camp": ("POLITIC", "JOBGROUP", "POLSLUR"),
    "self": ("I", "MYSELF"),
    "thing": ("THING", "GAME", "COMPUTE"),
    "minor": ("MINOR",),
}
ATTACKS: Final = {
    "insult": ("INSULT", "STUPID", "STRONGINSULT", "SLUR", "POLSLUR"),
    "contempt": ("DISGUST", "INFERIOR", "DEHUM", "CRIME"),
    "hatred": ("HATE",),
    "violence": ("KILL", "HURT", "THREAT", "WEAPON", "GORE"),
    "death": ("DIE", "KILLYOURSELF"),
    "exclusion": ("EXCLUDE",),
    "sex": ("SEXACT", "SEXPART", "SEXMILD"),
    "profanity": ("PROF",),
    "self-harm": ("SELFHARM", "DESPAIR"),
    "kindness": ("LIKE", "NICE", "RIGHTS"),
    "denied attack": (),
    "denied kindness": (),
}
"""An attack or a kindness within three words after «not» or the like counts as the denied one."""

TURNS: Final = {
    "said": ("QUOTE", "SAY"),
    "condemned": ("CONDEMN",),
    "help": ("HELP", "INFORM", "SEXHEALTH"),
    "question": ("QUESTION", "HOW", "WHY"),
    "wish": ("SHOULD", "WANT"),
    "kind": ("NICE", "LIKE"),
    "idiom": ("IDIOM",),
    "every": ("EVERY", "MORE"),
}
_NEAR: Final = 7
"""Words apart at most: a target and what is said of it, in a clause of ordinary length."""

_DENIED: Final = 4
"""Words at most from a negation to what it denies."""

_FAR: Final = 9
_ENDS: Final = frozenset((STOP, QUESTION, EXCLAMATION))
_REPLACED: Final = (
    "GROUP GROUP1 GROUPADJ PERSON JOBGROUP THING GAME COMPUTE POLITIC RELATION MINOR".split()
)
_PLURAL: Final = ("people", "persons", "folk", "folks", "men", "kids")
_SHIFT: Final = 32 - BITS


@lru_cache(maxsize=1)
def _roles() -> tuple[dict[int, int], dict[int, int], dict[int, int], frozenset[int]]:
    """The targets, attacks and turns that each concept is, and the concepts that hide a word."""
    number = lexicon().number
    tables = []
    for table in (TARGETS, ATTACKS, TURNS):
        tables.append(
            {number(name): place for place, names in enumerate(table.values()) for name in names}
        )
    return tables[0], tables[1], tables[2], frozenset(map(number, _REPLACED))


@lru_cache(maxsize=1)
def dense_names() -> tuple[str, ...]:
    """Return the names of the dense features, in their order."""
    return (
        *lexicon().names,
        *(f"{target} {attack}" for target in TARGETS for attack in ATTACKS),
        *(f"{attack} {turn}" for attack in ATTACKS for turn in TURNS),
    )


def with_groups(words: list[Word]) -> list[Word]:
    """Return the words with «gay people», «the disabled man» as one word for a group.

    >>> book = lexicon()
    >>> found = with_groups([Word("gay", book.words["gay"]), Word("men", book.words["men"])])
    >>> book.names[found[0].concept]
    'GROUP'
    """
    names = lexicon().number
    adjective, person, many, one = map(names, ("GROUPADJ", "PERSON", "GROUP", "GROUP1"))
    merged: list[Word] = []
    for word in words:
        if word.concept == person and merged and merged[-1].concept == adjective:
            is_many = word.text[-1] == "s" or word.text in _PLURAL
            merged[-1] = Word(merged[-1].text, many if is_many else one)
        else:
            merged.append(word)
    return merged


def dense(words: list[Word]) -> NDArray[np.float32]:
    """Return the dense features of some words, as `with_groups` gave them.

    Counts are damped by the square root, and divided by the fourth root of the number of words:
    an insult is worth less in a long text, though not much less.
    """
    targets, attacks, turns, _ = _roles()
    concepts = len(lexicon().names)
    found = np.zeros(concepts + len(TARGETS) * len(ATTACKS) + len(ATTACKS) * len(TURNS), np.float32)
    pairs, turned = concepts, concepts + len(TARGETS) * len(ATTACKS)
    spoken = 0
    roles: list[tuple[int, int, int, int]] = []  # place, target, attack, turn; -1 for none
    sentence, denied_until = 0, -1
    negation, kind = lexicon().number("NOT"), _places(ATTACKS, "kindness")
    denied, unkind = _places(ATTACKS, "denied attack"), _places(ATTACKS, "denied kindness")
    for place, (text, concept) in enumerate(words):
        if text:
            spoken += 1
        if not concept:
            continue
        found[concept] += 1
        if concept in _ENDS and text != '"':
            sentence += 100  # what stands in another sentence is far away
            denied_until = -1
        if concept == negation:
            denied_until = place + _DENIED
        attack = attacks.get(concept, -1)
        if attack >= 0 and place <= denied_until:
            attack = unkind if attack == kind else denied
        role = (targets.get(concept, -1), attack, turns.get(concept, -1))
        if role != (-1, -1, -1):
            roles.append((place + (0 if concept in _ENDS else sentence), *role))
    scale = max(spoken, 3) ** -0.25
    found[:concepts] = np.sqrt(np.minimum(found[:concepts], 4)) * np.float32(1.7 * scale)
    for here, (place, target, attack, turn) in enumerate(roles):
        for after in range(here + 1, min(here + 8, len(roles))):
            other_place, other_target, other_attack, other_turn = roles[after]
            if other_place - place > _NEAR:
                break
            if target >= 0 and other_attack >= 0:
                found[pairs + target * len(ATTACKS) + other_attack] = 1
            if attack >= 0 and other_target >= 0:
                found[pairs + other_target * len(ATTACKS) + attack] = 1
            if turn >= 0 and other_attack >= 0:
                found[turned + other_attack * len(TURNS) + turn] = 1
            if attack >= 0 and other_turn in _AFTER:
                found[turned + attack * len(TURNS) + other_turn] = 1
    return found


def _places(table: dict[str, tuple[str, ...]], name: str) -> int:
    return list(table).index(name)


_AFTER: Final = frozenset(
    _places(TURNS, name) for name in ("said", "condemned", "help", "question", "kind")
)
"""Turns that also tell when they come after the attack."""


def _bucket(value: int) -> int:
    value ^= value >> 15
    return ((value * 0x9E3779B1) & 0xFFFFFFFF) >> _SHIFT


def hashed(words: list[Word]) -> list[int]:
    """Return the buckets of the hashed features that occur, each once and in order."""
    replaced = _roles()[3]
    found: set[int] = set()
    concepts: list[tuple[int, int]] = []
    items: list[int] = []
    for place, (text, concept) in enumerate(words):
        word = crc32(text.encode("utf-8", "surrogatepass")) if text else 0
        if concept:
            concepts.append((place, concept))
        hides = concept in replaced
        if text and not hides:
            found.add(_bucket(word * 3 + 11))
        if text:
            items.append(concept * 7919 + 5 if hides else word)
    for here, (place, concept) in enumerate(concepts):
        is_apart = False
        for after in range(here + 1, min(here + 5, len(concepts))):
            other_place, other = concepts[after]
            if other_place - place > _FAR:
                break
            is_apart = is_apart or (after > here + 1 and concepts[after - 1][1] in _ENDS)
            how = 2 if is_apart else 0 if other_place - place == 1 else 1
            found.add(_bucket(((concept * 131 + other) * 4 + how) * 0x85EBCA6B + 17))
        if here + 2 < len(concepts) and concepts[here + 2][0] - place <= _FAR:
            triple = (concept * 131 + concepts[here + 1][1]) * 131 + concepts[here + 2][1]
            found.add(_bucket(triple * 0x01000193 + 23))
    for first, second in zip(items, items[1:], strict=False):
        found.add(_bucket((first * 0x01000193 ^ second) * 5 + 29))
    for first, second, third in zip(items, items[1:], items[2:], strict=False):
        found.add(_bucket(((first * 0x01000193 ^ second) * 0x01000193 ^ third) * 5 + 31))
    return sorted(found)


__all__ = ["ATTACKS", "BITS", "QUOTE", "TARGETS", "TURNS", "dense", "dense_names", "hashed"]
