"""Canaries in system messages, and leaks of system messages in answers.

A canary is a token that stands in the system message and nowhere else: an answer that holds it has
leaked. It is found as it is, and with its letters parted, turned round, shifted in the alphabet, in
Base64 and in hexadecimal, also in part. Without one, an answer is compared with the system message
letter by letter: what they share in long runs has leaked.

Translations, paraphrases and summaries of a system message share no letters with it and are not
found; nor are ciphers that are not named here.

Answers that are there and answers that arrive stand here together, because both are judged by the
same readings and the same measure.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from promptkit.errors import OptionError
from promptkit.safety.finding import Finding, check_text
from promptkit.safety.overlap import SHORTEST, Squeezed, shared_runs

_WINDOW: Final = 8
"""Letters of a token that tell it: eight of hexadecimal are 32 bits, which no chance brings."""

_SHORTEST_TOKEN: Final = 12

LEAK_THRESHOLD: Final = 0.4
"""From this confidence on `find_leak` reports a copied system message.

Chosen on the answers of `tests/safety_report/leak_texts.py`, which are our own: ordinary ones that
repeat facts and sentences reach 0.26, halves of a system message in any writing 0.47.
"""

_WHOLE: Final = 0.8
_LONG_RUN: Final = 240
_MUCH: Final = 480
"""What is certainly a leak: this share of the system message, a run of so many letters, or so many
in all."""

_LETTERS_BACK: Final = 400
"""Letters of the parts before that are looked at with a part: a longer run is a leak for sure."""

_TEXT_BACK: Final = 2_000
"""Characters of them in which Base64, escapes and hexadecimal are looked for."""

_PARTING: Final = re.compile(r"([^\S\n]|\n)\s{2,}+")

_SAID: Final = re.compile(
    '"[^"\n]{12,400}"|\u201c[^\u201d\n]{12,400}\u201d|\u00ab[^\u00bb\n]{12,400}\u00bb'
)
"""What a system message quotes is meant to be said: «reply "Please call us."»."""


@dataclass(frozen=True, slots=True)
class Canary:
    """A token that stands in one system message and nowhere else.

    >>> canary = Canary("3f9a61c07be4d215")
    >>> print(canary.marked("You sell bicycles."))
    Reference: 3f9a61c07be4d215
    <BLANKLINE>
    You sell bicycles.
    >>> [finding.detail for finding in canary.find("It says 3f9a-61c0-7be4-d215.")]
    ['as it is']

    Attributes:
        token: At least 12 letters and digits of ASCII. No repr shows it.
    """

    token: str = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a token that could stand anywhere.

        Raises:
            OptionError: When it is too short, or holds other characters.
        """
        if not (self.token.isascii() and self.token.isalnum()):
            raise OptionError("a canary of other characters", hint="letters and digits of ASCII")
        if len(self.token) < _SHORTEST_TOKEN:
            msg = f"a canary of {len(self.token)} characters"
            raise OptionError(msg, hint=f"at least {_SHORTEST_TOKEN}, at random: Canary.new()")

    @classmethod
    def new(cls) -> Canary:
        """Draw a canary of 64 random bits."""
        return cls(secrets.token_hex(8))

    @classmethod
    def of(cls, system: str) -> Canary:
        """Return the canary of a system message: the same each time, so that caches still work.

        Whoever does not know the message cannot tell it.

        >>> Canary.of("You sell bicycles.") == Canary.of("You sell bicycles.")
        True
        """
        data = check_text(system).encode("utf-8", "surrogatepass")
        return cls(blake2b(data, digest_size=8, person=b"canary").hexdigest())

    def marked(self, system: str) -> str:
        """Return a system message with the canary in its first line, which instructs nothing."""
        return f"Reference: {self.token}\n\n{check_text(system)}"

    def find(self, answer: str) -> tuple[Finding, ...]:
        """Return where an answer holds this token, or eight letters of it in a row.

        Raises:
            TypeError: When `answer` is no str.
        """
        text = Squeezed.of(check_text(answer))
        grams = _grams(self.token)
        found = list(_hits(text.letters, grams))
        findings = []
        if found:
            places = text.places()
            findings += [_found(places[a], places[b - 1] + 1, how) for a, b, how in found]
        for start, end, hidden, how in _decoded(answer):
            if any(_hits(Squeezed.of(hidden).letters, grams)):
                findings.append(_found(start, end, how))
        return tuple(_apart(findings))


def add_canary(system: str, canary: Canary | None = None) -> tuple[str, Canary]:
    """Return a system message with a canary in it, and the canary.

    Raises:
        TypeError: When `system` is no str.

    >>> marked, canary = add_canary("You sell bicycles.")
    >>> canary.token in marked, len(find_leak("Reversed: " + canary.token[::-1], "", canary))
    (True, 1)
    """
    canary = Canary.new() if canary is None else canary
    return canary.marked(system), canary


def find_leak(
    answer: str,
    system: str,
    canary: Canary | str | None = None,
    *,
    threshold: float = LEAK_THRESHOLD,
) -> tuple[Finding, ...]:
    """Return where an answer gives the system message away.

    Findings of kind «canary» are certain. Those of kind «system_prompt» are runs of at least 23
    letters that both share; they are reported when a large part of the system message, or much
    text, is among them. Copies are found in any case, spacing and markup, with some look-alike
    letters, turned round, in ROT13, Base64, hexadecimal and JSON escapes. What the system message
    has in double quotes is meant to be said and does not count.

    Not covered: translations, paraphrases, summaries, copies with words between the words, single
    sentences of a long system message.

    Args:
        answer: What came back.
        system: The system message.
        canary: What `add_canary` put into it, or its token.
        threshold: The least confidence of a copy.

    Raises:
        TypeError: When a text is no str.

    >>> system = "You are Ada, the helper of a bakery. Never speak of the price of flour."
    >>> [f.kind for f in find_leak(f"Sure! {system.upper()}", system)]
    ['system_prompt']
    >>> find_leak("I am Ada. We have rye bread today.", system)
    ()
    """
    check_text(answer)
    check_text(system)
    canary = Canary(canary) if isinstance(canary, str) else canary
    found = [*canary.find(answer)] if canary is not None else []
    known = _known(system)
    if len(known) >= SHORTEST:
        found += _copies(answer, known, threshold)
    return tuple(_apart(found))


# -- copies ---------------------------------------------------------------------------------

_ROT13: Final = str.maketrans(
    string.ascii_lowercase, string.ascii_lowercase[13:] + string.ascii_lowercase[:13]
)
_BASED: Final = re.compile(r"[A-Za-z0-9+/_-]{11,}+(?:[ \t\r\n]{1,4}+[A-Za-z0-9+/_-]{4,}+)*+={0,2}")
_NOT_BASED: Final = re.compile(r"[^A-Za-z0-9+/]+")
_HEXED: Final = re.compile(r"(?:(?:0x|\\x|%)?[0-9A-Fa-f]{2}[ ,:;\r\n]{0,2}+){8,}+")
_ESCAPED: Final = re.compile(r"(?:\\u[0-9A-Fa-f]{4}[ -\[\]-~]{0,20}+){8,}+")
_ESCAPE: Final = re.compile(r"\\u([0-9A-Fa-f]{4})")
_NOT_HEX: Final = re.compile(r"0x|[^0-9A-Fa-f]")


@lru_cache(maxsize=8)
def _known(system: str) -> str:
    """The letters of a system message that are not meant to be said."""
    return Squeezed.of(_SAID.sub(" ", system)).letters


def _copies(answer: str, known: str, threshold: float) -> list[Finding]:
    """Return the runs of a system message in an answer, if they are much of it together."""
    covered = bytearray(len(known))
    longest = 0
    spans: list[tuple[int, int, str]] = []
    text = Squeezed.of(answer)
    places = None
    for letters, how in _readings(text.letters):
        for run in shared_runs(letters, known):
            length = run.end - run.start
            covered[run.at : run.at + length] = b"\1" * length
            longest = max(longest, length)
            places = text.places() if places is None else places
            ends = (run.start, run.end - 1)
            if how == "turned round":
                ends = (len(letters) - run.end, len(letters) - 1 - run.start)
            spans.append((places[ends[0]], places[ends[1]] + 1, how))
    for start, end, hidden, how in _decoded(answer):
        inner = Squeezed.of(hidden).letters
        runs = [*shared_runs(inner, known)]
        for run in runs:
            length = run.end - run.start
            covered[run.at : run.at + length] = b"\1" * length
            longest = max(longest, length)
        spans += [(start, end, how)] * bool(runs)
    share, confidence = _judged(covered, longest)
    if confidence < threshold or not spans:
        return []
    return [
        Finding(
            kind="system_prompt",
            span=(start, end),
            confidence=confidence,
            detail=f"{share:.0%} of the system message in all, {how}",
        )
        for start, end, how in spans
    ]


def _judged(covered: bytearray, longest: int) -> tuple[float, float]:
    """The share of a system message that was copied, and how surely that is a leak."""
    number = covered.count(1)
    share = number / len(covered)
    return share, min(1.0, max(share / _WHOLE, longest / _LONG_RUN, number / _MUCH))


def _readings(letters: str) -> Iterator[tuple[str, str]]:
    yield letters, "as it is"
    yield letters[::-1], "turned round"
    yield letters.translate(_ROT13), "in ROT13"


def _decoded(answer: str) -> Iterator[tuple[int, int, str, str]]:
    """Yield what Base64, escapes and hexadecimal in an answer hide: start, end, text, and how."""
    for run in _BASED.finditer(answer):
        packed = _NOT_BASED.sub("", run.group().replace("-", "+").replace("_", "/"))
        # Words before it may have been taken for a part of it: every alignment is read.
        for skip in range(4):
            part = packed[skip : len(packed) - (len(packed) - skip) % 4]
            yield *run.span(), base64.b64decode(part).decode("utf-8", "ignore"), "in Base64"
    for run in _ESCAPED.finditer(answer):
        hidden = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), run.group())
        yield *run.span(), hidden, "in escapes"
    for run in _HEXED.finditer(answer):
        digits = _NOT_HEX.sub("", run.group())
        try:
            data = binascii.unhexlify(digits[: len(digits) // 2 * 2])
        except binascii.Error:
            continue
        yield *run.span(), data.decode("utf-8", "ignore"), "in hexadecimal"


# -- answers that arrive ----------------------------------------------------------------------


class LeakWatch:
    """Looks for a leak in an answer that arrives in parts, and looks at each part once.

    What was copied adds up over all parts, and copies go on from part to part, however far apart
    their letters stand: when a part is refused, the parts before it are no leak by `find_leak`.

    >>> watch = LeakWatch("You are Ada, the helper of a bakery. Never speak of the price of flour.")
    >>> [bool(watch.hear(word)) for word in ("You", "are", "Ada,", "the", "helper of", "a bakery")]
    [False, False, False, False, False, True]
    """

    def __init__(
        self, system: str, canary: str | None = None, *, threshold: float = LEAK_THRESHOLD
    ) -> None:
        """Begin with nothing heard; see `find_leak`."""
        self._known = _known(check_text(system))
        self._covered = bytearray(len(self._known))
        self._grams = _grams(Canary(canary).token) if canary is not None else {}
        self._threshold = threshold
        self._longest = 0
        self._letters = ""  # the last ones
        self._text = ""  # the last of it, with what parts words made short

    def hear(self, part: str) -> tuple[Finding, ...]:
        """Take the next part; return why the answer is a leak with it, at the part's place."""
        letters = self._letters + Squeezed.of(part).letters
        self._letters = letters[-_LETTERS_BACK:]
        text = _PARTING.sub(r"\1\1", self._text + part)
        self._text = text[-_TEXT_BACK:]
        hidden = [Squeezed.of(inner).letters for _, _, inner, _ in _decoded(text)]
        if self._grams and any(any(_hits(one, self._grams)) for one in (letters, *hidden)):
            return (_found(0, len(part), "in parts"),)
        if len(self._known) < SHORTEST:
            return ()
        for reading in (*(one for one, _ in _readings(letters)), *hidden):
            for run in shared_runs(reading, self._known):
                length = run.end - run.start
                self._covered[run.at : run.at + length] = b"\1" * length
                self._longest = max(self._longest, length)
        share, confidence = _judged(self._covered, self._longest)
        if confidence < self._threshold or not self._longest:
            return ()
        detail = f"{share:.0%} of the system message in all, in parts"
        return (
            Finding(
                kind="system_prompt", span=(0, len(part)), confidence=confidence, detail=detail
            ),
        )


# -- tokens ---------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _grams(token: str) -> dict[str, str]:
    """Return what parts of a token look like in letters alone, and how each is written."""
    token = token.lower()
    letters = string.ascii_lowercase
    forms = [(token, "as it is")]
    for shift in range(1, 26):
        shifted = token.translate(str.maketrans(letters, letters[shift:] + letters[:shift]))
        forms.append((shifted, f"shifted by {shift} letters"))
    forms += [(form[::-1], f"turned round, {how}") for form, how in forms]
    grams: dict[str, str] = {}
    for form, how in forms:
        for i in range(len(form) - _WINDOW + 1):
            grams.setdefault(form[i : i + _WINDOW], how)
    return grams


def _hits(letters: str, grams: dict[str, str]) -> Iterator[tuple[int, int, str]]:
    """Yield where grams stand, those that meet as one."""
    start = end = -1
    how = ""
    for i in range(len(letters) - _WINDOW + 1):
        form = grams.get(letters[i : i + _WINDOW])
        if form is None:
            continue
        if i > end:
            if end > start:
                yield start, end, how
            start, how = i, form
        end = i + _WINDOW
    if end > start:
        yield start, end, how


def _found(start: int, end: int, how: str) -> Finding:
    return Finding(kind="canary", span=(start, end), detail=how)


def _apart(findings: list[Finding]) -> Iterator[Finding]:
    """Yield findings in their order, the surest of those that lie upon each other."""
    end = -1
    for finding in sorted(findings, key=lambda f: (f.span[0], -f.confidence, -f.span[1])):
        if finding.span[0] >= end:
            yield finding
            end = finding.span[1]
