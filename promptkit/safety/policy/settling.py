"""What of an answer that is still arriving can be shown, where rules change the text.

The whole answer is what counts: what is shown of it early must be how the cleaned whole begins. So
a text is cut only where nothing goes over the cut: after a paragraph, outside code, mark-up, keys
and manifests that are still open, and where the text around the cut is cleaned in two parts just as
it is in one. What stands before a cut never changes again, and has no part in what comes after it;
each part is cleaned by itself, at a cost that is linear in the whole. What cannot be cut is held
back, to the end if need be, and at the end the whole is cleaned at once.

Where cuts are depends on the text alone, never on the pieces it came in.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Final

from promptkit.safety.credential_rules.manifests import kubernetes_secrets
from promptkit.safety.markup.coded import code_ranges
from promptkit.safety.markup.live_html import BLOCK_TAG, raw_html

AHEAD: Final = 400
"""Characters after a cut that must have come: an AWS secret stands up to 300 from its id, and a
title, a label or a number less far from what it belongs to."""

STEP: Final = 160
"""Characters between two cuts at least."""

LONGEST: Final = 64_000
"""Characters without a cut after which none is looked for any more."""

_UNPARTED: Final = 1_000
"""Characters without a paragraph's end after which a sentence's will do, in plain prose."""

_GROWTH: Final = 4
"""After a place that was none, the next one tried is a quarter of the part farther on."""

_PARAGRAPH: Final = re.compile(r"\n\n(?=\S)")
_SENTENCE: Final = re.compile(r"(?:(?<=[.!?] )|(?<=[.!?]\n))(?=[A-Z][a-z ])")
_MARKED: Final = re.compile(
    r"[`~<>\[\]{}$\\|#&%@\uff1c\ufe64]|//|www|^[ \t]|^[-*+=:]|^\d+[.)]", re.MULTILINE
)
"""What is more than plain prose."""

_FRONT_MATTER: Final = ("---\n", "+++\n", "---\r\n", "+++\r\n")
_FENCE: Final = re.compile(r"^[ \t>*+\-\d.):]*+(?:`{3}|~{3})", re.MULTILINE)
_HARMLESS: Final = re.compile(
    r"</?(?:b|br|del|em|i|kbd|mark|s|small|strong|sub|sup|u)[ ]?/?>", re.IGNORECASE
)
_TAG: Final = re.compile(r"<[A-Za-z/!?]|[\uff1c\ufe64]")
_BRACKET: Final = re.compile(r"!?\[|\]")
_COMMAND: Final = re.compile(r"\\[A-Za-z]{3,20}\s*(?:\[[^\[\]{}]{0,200}\]\s*)?\{?")
_SECRET: Final = re.compile(r"kind\W{1,12}Secret")
_PUTTY: Final = re.compile(r"PuTTY-User-Key-File|Private-Lines")
_COMMAND_LINE: Final = 3_000
"""Characters of a curl command that are looked at."""

_HONEST: Final = re.compile(
    "[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u0100-\uffff\U00010000-\U0010ffff]*+"
)
_QUOTES: Final = str.maketrans(
    "\u2013\u2014\u2018\u2019\u201c\u201d\u201e\u2026\u2022\u20ac", "-" * 10
)
"""Signs beyond Latin-1 that no rule has anything against."""


class Settling:
    r"""Gives out an answer's text once it is sure how it is shown.

    >>> arriving = Settling(lambda text: text.replace("abc", "[-]"), {"secrets"})
    >>> first, more = "One abc.\n\n", "Two. " * 100
    >>> arriving.hear(first * 20), len(arriving.hear(more)), arriving.end()[-1][1][-10:]
    ([], 1, 'Two. Two. ')
    """

    def __init__(
        self,
        clean: Callable[[str], str],
        checks: set[str],
        *,
        is_copied: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """Begin with nothing heard.

        Args:
            clean: Returns a whole answer as it is shown.
            checks: Names of the checks that change texts in it.
            is_copied: Whether a part holds what may be redacted because of what comes later.
        """
        self._clean = clean
        self._checks = checks
        self._is_copied = is_copied
        self._heard: list[str] = []
        self._pieces: list[str] = []  # since the last cut
        self._size = 0
        self._due = STEP + AHEAD  # with so many characters the next place can be tried
        self._tried = STEP  # before it no place is tried any more
        self._shown: list[str] = []
        self._is_mid = False  # whether the last cut is within a paragraph

    def hear(self, piece: str) -> list[tuple[str, str]]:
        """Take a piece; return the parts that are settled, each as it came and as it is shown."""
        self._heard.append(piece)
        self._pieces.append(piece)
        self._size += len(piece)
        return self._settled()

    def _settled(self) -> list[tuple[str, str]]:
        settled: list[tuple[str, str]] = []
        while self._size >= self._due and self._tried < LONGEST:
            text = "".join(self._pieces)
            cut, is_mid = self._place(text)
            shown = None if cut is None else self._parted(text, cut, is_mid=is_mid)
            if cut is None or shown is None:
                self._pieces = [text]
                continue
            settled.append((text[:cut], shown))
            self._shown.append(shown)
            self._pieces, self._size = [text[cut:]], len(text) - cut
            self._tried, self._due = STEP, STEP + AHEAD
            self._is_mid = is_mid
        return settled

    def end(self) -> list[tuple[str, str]]:
        """Return the rest, as it came and as it is shown: nothing where the whole begins otherwise.

        That is so where something later changed how a part that was shown is read, which no cut
        should allow; then no more is shown than the whole shows.
        """
        self._due = 0  # so that cuts are the same however the text came
        settled = self._settled()
        rest = "".join(self._pieces)
        if not self._shown:
            return [(rest, self._clean(rest))]
        whole = self._clean("".join(self._heard))
        shown = "".join(self._shown)
        return [*settled, (rest, whole[len(shown) :] if whole.startswith(shown) else "")]

    def _place(self, text: str) -> tuple[int | None, bool]:
        """Return the next place to try, and whether it is within a paragraph; say what is due."""
        found = _PARAGRAPH.search(text, self._tried, self._tried + _UNPARTED)
        is_mid = found is None
        if found is None:
            if len(text) < self._tried + _UNPARTED:
                self._due = self._tried + _UNPARTED
                if self._size < self._due:
                    return None, False
            found = _PARAGRAPH.search(text, self._tried) or None
            sentence = _SENTENCE.search(text, self._tried + _UNPARTED - 2)
            if found is None or (sentence and sentence.start() < found.start()):
                found = sentence
            else:
                is_mid = False
        if found is None:
            self._due = len(text) + max(64, len(text) // _GROWTH)
            return None, False
        cut = found.end()
        if len(text) < cut + AHEAD:
            self._due = cut + AHEAD
            return None, False
        self._tried = cut + max(STEP, cut // _GROWTH)
        self._due = self._tried + AHEAD
        return cut, is_mid

    def _parted(self, text: str, cut: int, *, is_mid: bool) -> str | None:
        """Return what stands before a place as it is shown; None where that is not settled."""
        part, ahead = text[:cut], text[cut : cut + AHEAD]
        if (is_mid or self._is_mid) and _MARKED.search(part + ahead * is_mid):
            return None
        if not self._is_closed(part, ahead) or self._is_copied(part + ahead):
            return None
        shown = self._clean(part)
        return shown if self._clean(part + ahead) == shown + self._clean(ahead) else None

    def _is_closed(self, part: str, ahead: str) -> bool:
        if "unicode" in self._checks and not _is_honest(part + ahead):
            return False
        if "secrets" in self._checks and _has_open_secret(part):
            return False
        return "markdown" not in self._checks or not _has_open_markup(part, ahead)


def _is_honest(text: str) -> bool:
    """Whether there is nothing in a text that is judged by what stands far from it."""
    return text.isascii() or _HONEST.fullmatch(text.translate(_QUOTES)) is not None


def _has_open_secret(text: str) -> bool:
    """Whether a key file, a manifest or a command may go on after a text."""
    if "PRIVATE KEY" in text and text.rfind("-----BEGIN") > text.rfind("-----END"):
        return True
    if _PUTTY.search(text) or _SECRET.search(text) or "curl" in text[-_COMMAND_LINE:]:
        return True
    # Its kind may stand after its values.
    return "ata" in text and any(kubernetes_secrets(f"kind: Secret\n{text}"))


def _has_open_markup(text: str, ahead: str) -> bool:
    """Whether code or mark-up may go on after a text, or how it is read decides what follows."""
    if ahead.startswith(_FRONT_MATTER):
        return True  # where a text begins it would be front matter
    if not _MARKED.search(text):
        return False
    code = code_ranges(text)
    live = _without(text, code)
    if _FENCE.search(live) or live.count("$$") % 2 or text.startswith(_FRONT_MATTER):
        return True
    return _has_open_html(text, live, code) or _has_open_link(live)


def _has_open_html(text: str, live: str, code: list[tuple[int, int]]) -> bool:
    if "<" in text and any(end >= len(text) for _, end in raw_html(text)):
        return True
    if _TAG.search(_HARMLESS.sub("", live)):
        return True
    spans = [(start, end) for start, end in code if text.find("\n", start, end) < 0]
    return not (_is_balanced(text) and _is_balanced(_without(text, spans)))


def _without(text: str, ranges: list[tuple[int, int]]) -> str:
    pieces, place = [], 0
    for start, end in ranges:
        pieces.append(text[place:start])
        place = end
    return "\ue000".join([*pieces, text[place:]])


def _is_balanced(text: str) -> bool:
    """Whether each block of HTML that begins ends: code spans within one are none."""
    depths: Counter[str] = Counter()
    for tag in BLOCK_TAG.finditer(text):
        depths[tag["name"].lower()] += -1 if tag["closes"] else 1
    return not any(depths.values())


def _has_open_link(live: str) -> bool:
    """Whether a link's text, its address or its title may go on."""
    stack: list[bool] = []
    for bracket in _BRACKET.finditer(live):
        if bracket.group() != "]":
            stack.append(bracket.group() == "![")
        elif stack:
            stack.pop()
    if any(stack):
        return True
    for link in live.split("](")[1:]:
        inside, closed, _ = link.partition(")")
        if not closed or inside.count('"') % 2 or inside.count("'") % 2 or "(" in inside:
            return True
    commands = [*_COMMAND.finditer(live)]
    return bool(commands) and live.rfind("}") < commands[-1].start()
