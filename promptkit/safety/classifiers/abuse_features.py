"""What the abuse classifier looks at: concepts, which of them stand together, and what words do.

Two kinds of features:

* a few hundred dense ones, which mean the same in every text: how often each concept occurs, and
  whether an attack («disgusting», «kill») stands near a target (a group, «you», a thing) or near
  what turns it (a quotation, a word of help, a wish);
* hashed ones: words, pairs and triples of concepts and of words, in which the words of groups and
  things are replaced by their concept, so that what is learnt of one holds for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from promptkit.safety.classifiers.abuse_words import EXCLAMATION, QUESTION, STOP, Word, lexicon

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
    "quoted group": (),
}
"""The last one is a group of which somebody else is said to say something."""

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
    "own hatred": (),
    "violence done": ("KILLED",),
}
"""Those without concepts are an attack or a kindness a few words after «not» or the like, and
hatred a few words after «I»: «I hate» says something else than «who hates».
"""

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
_BOTH_WAYS: Final = ("said", "condemned", "help", "question", "kind")
"""Turns that also tell when they come after the attack."""

_NEAR: Final = 7
"""Words apart at most: a target and what is said of it, in a clause of ordinary length."""

_DENIED: Final = 4
"""Words at most from a negation to what it denies, and from «I» to what it does."""

_SAID: Final = 7
"""Words from «he said that» to what he said it of."""

_AHEAD: Final = 8
"""Concepts ahead that one is paired with, at most: the work stays linear."""

_FAR: Final = 9
"""Words apart at most, in a pair or triple of concepts."""

_ENDS: Final = frozenset((STOP, QUESTION, EXCLAMATION))
_HIDDEN: Final = (
    *("GROUP", "GROUP1", "GROUPADJ", "PERSON", "JOBGROUP", "THING", "GAME", "COMPUTE"),
    *("POLITIC", "RELATION", "MINOR"),
)
"""Concepts that stand in for their words."""

_PLURAL: Final = ("people", "persons", "folk", "folks", "men", "kids")
_SHIFT: Final = 32 - BITS
_PAIRS, _TURNED = len(TARGETS) * len(ATTACKS), len(ATTACKS) * len(TURNS)


class _Book(NamedTuple):
    """Numbers that are looked up for each word."""

    targets: dict[int, int]
    attacks: dict[int, int]
    turns: dict[int, int]
    hidden: frozenset[int]
    both_ways: frozenset[int]
    negation: int
    kindness: int
    hatred: int
    uncounted: frozenset[int]
    selves: frozenset[int]
    subjects: frozenset[int]
    sayings: frozenset[int]
    quoted: int
    adjective: int
    person: int
    many: int
    one: int


@lru_cache(maxsize=1)
def _book() -> _Book:
    number = lexicon().number

    def places(table: Mapping[str, tuple[str, ...]]) -> dict[int, int]:
        return {number(name): place for place, names in enumerate(table.values()) for name in names}

    return _Book(
        places(TARGETS),
        places(ATTACKS),
        places(TURNS),
        frozenset(map(number, _HIDDEN)),
        frozenset(list(TURNS).index(name) for name in _BOTH_WAYS),
        number("NOT"),
        list(ATTACKS).index("kindness"),
        list(ATTACKS).index("hatred"),
        frozenset(map(number, ("HATE", *ATTACKS["kindness"]))),
        frozenset(map(number, TARGETS["self"])),
        frozenset(
            map(number, (*TARGETS["you"], *TARGETS["they"], *TARGETS["person"], *TARGETS["group"]))
        ),
        frozenset(map(number, TURNS["said"])),
        list(TARGETS).index("quoted group"),
        *map(number, ("GROUPADJ", "PERSON", "GROUP", "GROUP1")),
    )


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
    book = _book()
    merged: list[Word] = []
    for word in words:
        if word.concept == book.person and merged and merged[-1].concept == book.adjective:
            is_many = word.text[-1] == "s" or word.text in _PLURAL
            merged[-1] = Word(merged[-1].text, book.many if is_many else book.one)
        else:
            merged.append(word)
    return merged


def dense(words: list[Word]) -> NDArray[np.float32]:
    """Return the dense features of some words, as `with_groups` gave them.

    Counts are damped by the square root, and divided by the fourth root of the number of words:
    an insult is worth less in a long text, though not much less. Hatred and kindness that are
    denied are not counted.
    """
    concepts = len(lexicon().names)
    roles, counts = _roles(words)
    spoken = sum(1 for text, _ in words if text)
    scale = 1.7 * max(spoken, 3) ** -0.25
    found = np.zeros(concepts + _PAIRS + _TURNED, np.float32)
    found[:concepts] = np.sqrt(np.minimum(counts, 4)) * scale
    met = _meetings(roles)
    if met:
        found[[concepts + place for place in met]] = 1.0
    return found


class _Clause:
    """What the words of a sentence so far mean for those that follow.

    Attributes:
        denied: Up to which place «not» and the like deny.
        own: Up to which place it is «I» who acts.
        said: Up to which place somebody else is said to speak.
    """

    __slots__ = ("denied", "own", "said")

    def __init__(self) -> None:
        """Begin a sentence."""
        self.denied = self.own = self.said = -1

    def hear(self, place: int, concept: int) -> None:
        """Go on by a word."""
        book = _book()
        if concept == book.negation:
            self.denied = place + _DENIED
        elif concept in book.selves:
            self.own, self.denied = place + _DENIED, -1
        elif concept in book.sayings:
            self.said = -1 if place <= self.own else place + _SAID
        elif concept in book.subjects:
            self.own = -1

    def attack(self, place: int, attack: int) -> int:
        """Return what an attack is here: itself, a denied one, or one's own hatred."""
        book = _book()
        if attack < 0:
            return attack
        if place <= self.denied:
            return book.kindness + (2 if attack == book.kindness else 1)
        return book.kindness + 3 if attack == book.hatred and place <= self.own else attack


def _roles(words: list[Word]) -> tuple[list[tuple[int, int, int, int]], list[int]]:
    """The place of each word with a role, and its target, attack and turn; -1 for none.

    What stands in another sentence is far away. Also how often each concept occurs.
    """
    book = _book()
    counts = [0] * len(lexicon().names)
    roles = []
    sentence, clause = 0, _Clause()
    for place, (_, concept) in enumerate(words):
        if not concept:
            continue
        attack = clause.attack(place, book.attacks.get(concept, -1))
        target = book.targets.get(concept, -1)
        if target == 0 and place <= clause.said:
            target = book.quoted
        if place > clause.denied or concept not in book.uncounted:
            counts[concept] += 1
        role = (target, attack, book.turns.get(concept, -1))
        if role != (-1, -1, -1):
            roles.append((place + sentence, *role))
        if concept in _ENDS:
            sentence, clause = sentence + 100, _Clause()
        else:
            clause.hear(place, concept)
    return roles, counts


def _meetings(roles: list[tuple[int, int, int, int]]) -> set[int]:
    """The features of attacks that stand near a target or a turn."""
    both_ways = _book().both_ways
    attacks, turns = len(ATTACKS), len(TURNS)
    met = set()
    for here, (place, target, attack, turn) in enumerate(roles):
        for other_place, other_target, other_attack, other_turn in roles[here + 1 : here + _AHEAD]:
            if other_place - place > _NEAR:
                break
            if other_attack >= 0:
                if target >= 0:
                    met.add(target * attacks + other_attack)
                if turn >= 0:
                    met.add(_PAIRS + other_attack * turns + turn)
            if attack >= 0:
                if other_target >= 0:
                    met.add(other_target * attacks + attack)
                if other_turn in both_ways:
                    met.add(_PAIRS + attack * turns + other_turn)
    return met


def _bucket(value: int) -> int:
    value ^= value >> 15
    return ((value * 0x9E3779B1) & 0xFFFFFFFF) >> _SHIFT


def hashed(words: list[Word]) -> list[int]:
    """Return the buckets of the hashed features that occur, each once and in order."""
    hidden = _book().hidden
    found: set[int] = set()
    concepts: list[tuple[int, int]] = []
    items: list[int] = []
    for place, (text, concept) in enumerate(words):
        if concept:
            concepts.append((place, concept))
        if not text:
            continue
        if concept in hidden:
            items.append(concept * 7919 + 5)
        else:
            word = crc32(text.encode("utf-8", "surrogatepass"))
            found.add(_bucket(word * 3 + 11))
            items.append(word)
    for first, second in pairwise(items):
        found.add(_bucket((first * 0x01000193 ^ second) * 5 + 29))
    for first, second, third in zip(items, items[1:], items[2:], strict=False):
        found.add(_bucket(((first * 0x01000193 ^ second) * 0x01000193 ^ third) * 5 + 31))
    return sorted(found | _of_concepts(concepts))


def _of_concepts(concepts: list[tuple[int, int]]) -> set[int]:
    """The buckets of pairs and triples of concepts that stand near each other."""
    found = set()
    for here, (place, concept) in enumerate(concepts):
        ahead = concepts[here + 1 : here + 5]
        is_apart = False
        for step, (other_place, other) in enumerate(ahead):
            if other_place - place > _FAR:
                break
            is_apart = is_apart or (step > 0 and ahead[step - 1][1] in _ENDS)
            how = 2 if is_apart else 0 if other_place - place == 1 else 1
            found.add(_bucket(((concept * 131 + other) * 4 + how) * 0x85EBCA6B + 17))
        if len(ahead) > 1 and ahead[1][0] - place <= _FAR:
            triple = (concept * 131 + ahead[0][1]) * 131 + ahead[1][1]
            found.add(_bucket(triple * 0x01000193 + 23))
    return found
