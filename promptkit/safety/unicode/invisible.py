r"""Finds characters that show nothing or steer how others are shown, and keeps the honest ones.

Every rule asks what stands around: a joiner belongs into an emoji or a Persian word, a variation
selector behind what has variants, a direction mark into a line that has right-to-left letters, a
soft hyphen between two syllables. Elsewhere they go, and what they spelled is decoded.

Longer than other modules: the rules are one table, and are read together.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Final

from promptkit.safety.finding import Action
from promptkit.safety.unicode import smuggled
from promptkit.safety.unicode.rewriting import Edit
from promptkit.safety.unicode.scripts import (
    RIGHT_TO_LEFT,
    SCRIPT,
    is_ideograph,
    is_picture,
    is_region_part,
    is_right_to_left,
    is_unspaced,
    needs_joiners,
)

_CONTROLS: Final = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029"
_ESCAPE: Final = (
    "\x1b\\[[0-?]{0,64}[ -/]{0,8}[@-~]"  # CSI: colours, cursor
    "|\x1b\\][^\x07\x1b\n]{0,4096}(?:\x07|\x1b\\\\)"  # OSC: titles, links
    "|\x1b[PX^_][^\x1b]{0,4096}\x1b\\\\"  # device control and other strings
    "|\x1b[ -/]{0,8}[0-~]"
    "|\x9b[0-?]{0,64}[ -/]{0,8}[@-~]"
)
_FLAG: Final = "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f"
_HIDDEN: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffc"
    "\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff\ue000-\uf8fe"
    "\U0001107f\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff\U000f0000-\U0010ffff"
)
_ODD: Final = re.compile(f"(?P<escape>{_ESCAPE})|(?P<flag>{_FLAG})|[{_CONTROLS}{_HIDDEN}]+")

_SPACES: Final = re.compile("[\u2000-\u200a\u202f\u205f]{6,}")

_JOINERS: Final = "\u200c\u200d"
_MARKS: Final = "\u061c\u200e\u200f"
_OPENING: Final = "\u202a\u202b\u2066\u2067\u2068"
_OVERRIDES: Final = "\u202d\u202e"
_SELECTORS: Final = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_DIRECTIONS: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
_RTL: Final = re.compile(RIGHT_TO_LEFT)
_BRAILLE: Final = re.compile("[\u2801-\u28ff]")
_LONGEST_RUN: Final = 32
"""Characters of a run that the rules look at."""

_DEEPEST: Final = 8
"""Levels of embedded directions that honest text may have."""

_MOST_VARIANTS: Final = 0xE011F
"""The registered variants of one ideograph need no more selectors (Ideographic Variation
Database: 32)."""


def find(text: str) -> list[Edit]:
    """Return what is to be removed or replaced, in order.

    >>> [(e.kind, e.payload) for e in find("a\U000e0048\U000e0069b")]
    [('tag_characters', 'Hi')]
    """
    return _Pass(text).edits()


def find_spaces(text: str) -> list[Edit]:
    r"""Return rows of spaces of several widths, whose order can spell a message.

    >>> [e.new for e in find_spaces("a\u2009\u200a\u2009\u200a\u200a\u2009b")]
    [' ']
    """
    edits: list[Edit] = []
    for match in _SPACES.finditer(text):
        if len(set(match.group())) > 1:
            payload = smuggled.from_digits(match.group())
            action: Action = "block" if payload else "rewrite"
            edits.append(Edit(*match.span(), " ", "space_encoding", payload, action))
    return edits


class _Pass:
    """One look over one text; what it must know of the whole text is found when first asked."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.has_braille = bool(_BRAILLE.search(text)) if "\u2800" in text else False
        self.honest_directions = _honest_directions(text)
        # The word with soft hyphens that was looked at last.
        self.hyphenated_to = 0
        self.is_hyphenated = False

    def edits(self) -> list[Edit]:
        found: list[Edit] = []
        text = self.text
        for match in _ODD.finditer(text):
            if match["escape"]:
                found.append(_escape(text, match))
            elif match["flag"] and _is_region_flag(match["flag"]):
                continue
            else:
                start = match.start() + (1 if match["flag"] else 0)
                found += self._run(start, match.end())
        return _joined(text, found)

    def _run(self, start: int, end: int) -> Iterator[Edit]:
        """The edits of one run of odd characters: neighbours of one kind make one."""
        text = self.text
        # Rules look at short runs alone: one that is longer is honest nowhere.
        run = text[start : min(end, start + _LONGEST_RUN)]
        before = text[start - 1] if start else ""
        after = text[end] if end < len(text) else ""
        if run == "\ufe0f" and before and is_picture(before):
            return  # by far the most frequent
        kept = ""
        begin, kind = start, ""
        new = ""
        for at in range(start, end + 1):
            if at < end:
                c = text[at]
                here, replacement = self._judge(c, at, run, before, after, kept)
                if here == "" and kind == "":
                    kept += c
                    continue
            else:
                here, replacement = "", ""
            if here != kind:
                if kind:
                    yield Edit(begin, at, new, kind)
                begin, kind, new = at, here, ""
            if here:
                new += replacement
            elif at < end:
                kept += text[at]

    def _judge(  # noqa: C901, PLR0911, PLR0912, PLR0917 -- one case a kind of character
        self, c: str, at: int, run: str, before: str, after: str, kept: str
    ) -> tuple[str, str]:
        """The kind of a character that has to go and what comes instead; "" where it stays."""
        text = self.text
        code = ord(c)
        if c in _JOINERS:
            return ("" if _is_honest_joiner(c, run, before, after, kept) else "zero_width"), ""
        if 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF:
            base = text[at - 1] if at else ""
            return ("" if base and _has_variants(base, code) else "variation_selector"), ""
        if c in _MARKS:
            return ("" if self._is_honest_mark(at, run, before, after) else "bidi_control"), ""
        if c in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069":
            return ("" if at in self.honest_directions else "bidi_control"), ""
        if c == "\u00ad":
            return ("" if len(run) == 1 and self._is_honest_hyphen(at) else "soft_hyphen"), ""
        if c == "\u200b":
            single = len(run) == 1 and (
                (before and is_unspaced(before)) or (after and is_unspaced(after))
            )
            return ("" if single else "zero_width"), ""
        if c == "\u2060":
            single = (
                len(run) == 1
                and bool(before and after)
                and is_unspaced(before)
                and is_unspaced(after)
            )
            return ("" if single else "zero_width"), ""
        if c == "\ufeff":
            # The old no-break space of no width, as Japanese emoticons still carry it.
            single = len(run) == 1 and after == " " and bool(before) and SCRIPT[before] in _EASTERN
            return ("" if single else ("byte_order_mark" if at == 0 else "zero_width")), ""
        if 0x2061 <= code <= 0x2064:
            return ("" if _is_formula(text, at, run) else "invisible_operator"), ""
        if c == "\u034f":
            marks = after and unicodedata.category(after)[0] == "M"
            single = len(run) == 1 and marks and before and unicodedata.category(before)[0] == "M"
            return ("" if single else "zero_width"), ""
        if c in "\u115f\u1160\u3164\uffa0":
            honest = len(run) == 1 and _is_honest_filler(c, before, after)
            return ("" if honest else "blank"), self._gap(at)
        if c == "\u2800":
            return ("" if self.has_braille else "blank"), self._gap(at)
        for low, high, kind, least, most in _OWN:
            if low <= code <= high:
                own = any(x and least <= ord(x) <= most for x in (before, after))
                return ("" if own and len(run) <= 4 else kind), ""
        if 0xE0000 <= code <= 0xE007F:
            return "tag_characters", ""
        if 0xD800 <= code <= 0xDFFF:
            return self._surrogate(at)
        if 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE:
            return "noncharacter", ""
        if 0xE000 <= code <= 0xF8FF or code >= 0xF0000:
            return ("" if _is_icon(run, before, after) else "private_use"), ""
        if c == "\ufffc":
            return "object_replacement", ""
        if 0xFFF9 <= code <= 0xFFFB:
            return "annotation", ""
        if c in "\u2028\u2029\x85\x0b":
            return "line_separator", "\n"
        if c == "\x0c":
            is_page_end = at == 0 or before in "\r\n" or at + 1 == len(text) or after in "\r\n"
            return ("" if len(run) == 1 and is_page_end else "line_separator"), "\n"
        if code < 0x20 or 0x7F <= code <= 0x9F:
            return "control_character", ""
        return "format_character", ""

    def _is_honest_hyphen(self, at: int) -> bool:
        """A soft hyphen parts two syllables, or stands at a line's end, once."""
        text = self.text
        if at < self.hyphenated_to:
            return self.is_hyphenated
        start = at
        while start and start > at - 80 and _is_hyphenable(text[start - 1]):
            start -= 1
        end = at + 1
        while end < len(text) and end < at + 200 and _is_hyphenable(text[end]):
            end += 1
        if start == at or end == at + 1:
            return _is_beside(text, at)
        self.hyphenated_to = end
        self.is_hyphenated = _is_hyphenated(text[start:end])
        return self.is_hyphenated

    def _is_honest_mark(self, at: int, run: str, before: str, after: str) -> bool:
        """A mark of direction belongs into a line with right-to-left letters."""
        if len(run) > 2 or (_is_ascii_letter(before) and _is_ascii_letter(after)):
            return False
        if any(x and is_right_to_left(x) for x in (before, after)):
            return True
        start = self.text.rfind("\n", max(0, at - 2000), at) + 1 or max(0, at - 2000)
        end = self.text.find("\n", at, at + 2000)
        return bool(_RTL.search(self.text, start, end if end >= 0 else at + 2000))

    def _surrogate(self, at: int) -> tuple[str, str]:
        """Two halves are the character they stand for; one alone is none."""
        text = self.text
        if "\ud800" <= text[at] <= "\udbff" and "\udc00" <= text[at + 1 : at + 2] <= "\udfff":
            whole = 0x10000 + ((ord(text[at]) - 0xD800) << 10) + ord(text[at + 1]) - 0xDC00
            return "surrogate", chr(whole)
        if "\udc00" <= text[at] <= "\udfff" and at and "\ud800" <= text[at - 1] <= "\udbff":
            return "surrogate", ""  # the second half of the one before
        return "surrogate", "\N{REPLACEMENT CHARACTER}"

    def _gap(self, at: int) -> str:
        """What a blank becomes: a space where it parts words, nothing where it parts letters."""
        text = self.text
        if at and _is_blank(text[at - 1]):
            return ""  # one space for a run of them
        before = _letters_before(text, at)
        end = at
        while end < len(text) and end < at + 64 and _is_blank(text[end]):
            end += 1
        after = _letters_after(text, end)
        if not before or not after or (before == 1 and after == 1):
            return ""
        return " "


_EASTERN: Final = frozenset(("CJK", "HIRAGANA", "KATAKANA", "HALFWIDTH"))
_OWN: Final = (
    # From, to, kind elsewhere, and the script in which the character has a use.
    (0x17B4, 0x17B5, "zero_width", 0x1780, 0x17FF),
    (0x180B, 0x180F, "zero_width", 0x1820, 0x18AF),
    (0x1107F, 0x1107F, "zero_width", 0x11000, 0x1107F),
    (0x13430, 0x1343F, "format_character", 0x13000, 0x143FF),
    (0x1BCA0, 0x1BCA3, "format_character", 0x1BC00, 0x1BC9F),
    (0x1D159, 0x1D159, "blank", 0x1D100, 0x1D1FF),
    (0x1D173, 0x1D17A, "format_character", 0x1D100, 0x1D1FF),
)

_PAYLOADS: Final[dict[str, Callable[[str], str]]] = {
    "tag_characters": smuggled.from_tags,
    "variation_selector": smuggled.from_selectors,
    "private_use": smuggled.from_private,
    "zero_width": smuggled.from_digits,
    "invisible_operator": smuggled.from_digits,
    "bidi_control": smuggled.from_digits,
    "blank": smuggled.from_digits,
    "format_character": smuggled.from_digits,
    "soft_hyphen": smuggled.from_digits,
}
_DIGITS: Final = frozenset(k for k, f in _PAYLOADS.items() if f is smuggled.from_digits)


def _joined(text: str, found: list[Edit]) -> list[Edit]:
    """Decode what the edits remove; zero-width kinds that touch are one message.

    What is scattered, one character here and one there, is read as a whole where it says nothing
    in its parts; the first place carries it.
    """
    merged: list[Edit] = []
    for edit in found:
        last = merged[-1] if merged else None
        if last and last.end == edit.start and last.kind in _DIGITS and edit.kind in _DIGITS:
            merged[-1] = Edit(last.start, edit.end, f"{last.new}{edit.new}", last.kind)
        else:
            merged.append(edit)
    payloads = [
        edit.payload or _PAYLOADS.get(edit.kind, _no_payload)(text[edit.start : edit.end])
        for edit in merged
    ]
    for group in (("tag_characters",), ("variation_selector",), ("private_use",), _DIGITS):
        _read_scattered(text, merged, payloads, frozenset(group))
    for i, edit in enumerate(merged):
        if edit.kind == "bidi_control" and not payloads[i]:
            payloads[i] = _as_displayed(text, edit)
        elif edit.kind == "annotation" and text[edit.start] == "\ufffa":
            end = text.find("\ufffb", edit.end, edit.end + 500)
            payloads[i] = text[edit.end : max(end, edit.end)]
    return [
        Edit(
            edit.start,
            edit.end,
            edit.new,
            edit.kind,
            payload,
            "block" if payload else "rewrite",
            edit.detail,
        )
        for edit, payload in zip(merged, payloads, strict=True)
    ]


def _no_payload(_: str) -> str:
    return ""


def _read_scattered(
    text: str, edits: list[Edit], payloads: list[str], kinds: frozenset[str]
) -> None:
    places = [i for i, edit in enumerate(edits) if edit.kind in kinds]
    if len(places) < 2 or max(len(payloads[i]) for i in places) > 3:
        return
    hidden = "".join(text[edits[i].start : edits[i].end] for i in places[: smuggled.MOST])
    whole = _PAYLOADS[edits[places[0]].kind](hidden)
    if whole:
        for i in places:
            payloads[i] = ""
        payloads[places[0]] = whole


def _as_displayed(text: str, edit: Edit) -> str:
    """What an override makes readers see: the text up to its end, the other way round."""
    if "\u202e" not in text[edit.start : edit.end]:
        return ""
    line = text[edit.end : edit.end + 2000].partition("\n")[0]
    return _DIRECTIONS.split(line)[0].strip()[::-1]


def _escape(text: str, match: re.Match[str]) -> Edit:
    """A terminal's escape sequence; a link or title in it, or concealed text, is its payload."""
    sequence = match.group()
    payload = ""
    if sequence.startswith("\x1b]"):
        payload = sequence[2:].rstrip("\x07\x1b\\").rpartition(";")[2]
    elif re.fullmatch(r"\x1b\[(?:\d{0,3};){0,8}8m", sequence):
        payload = text[match.end() : match.end() + 2000].partition("\x1b")[0]
    return Edit(match.start(), match.end(), "", "ansi_escape", payload)


def _is_region_flag(flag: str) -> bool:
    """Tell whether tags name a region and its part, as in the flag of Scotland: gb, then sct."""
    return is_region_part(smuggled.from_tags(flag[1:]))


def _honest_directions(text: str) -> frozenset[int]:
    """Places of embeddings and isolates that are closed, in lines with right-to-left letters.

    First-strong isolates around a word are honest in any line: translated messages set them
    around what is filled in (Project Fluent).
    """
    if not _DIRECTIONS.search(text):
        return frozenset()
    honest: set[int] = set()
    start = 0
    for line in text.splitlines(keepends=True):
        places = [start + m.start() for m in _DIRECTIONS.finditer(line)]
        if places:
            has_rtl = bool(_RTL.search(line))
            honest |= _closed(text, places, has_rtl=has_rtl, line=(start, start + len(line)))
        start += len(line)
    return frozenset(honest)


def _closed(text: str, places: list[int], *, has_rtl: bool, line: tuple[int, int]) -> set[int]:
    honest: set[int] = set()
    still_open: list[int] = []
    for at in places:
        c = text[at]
        if c in _OPENING or c in _OVERRIDES:
            still_open.append(at)
            continue
        if not still_open:
            continue
        first = still_open[-1]
        if (c == "\u2069") != ("\u2066" <= text[first] <= "\u2068"):
            continue  # the wrong end
        still_open.pop()
        if text[first] in _OVERRIDES or at == first + 1 or len(still_open) > _DEEPEST:
            continue
        if has_rtl or (text[first] == "\u2068" and _is_filled_in(text, first, at, line)):
            honest |= {first, at}
    return honest


def _is_filled_in(text: str, first: int, last: int, line: tuple[int, int]) -> bool:
    before, after = text[max(line[0], first - 1) : first], text[last + 1 : min(line[1], last + 2)]
    outside = last - first < 100 and (text[line[0] : first] + text[last + 1 : line[1]]).strip()
    return bool(outside) and not before.isalnum() and not after.isalnum()


def _is_honest_joiner(c: str, run: str, before: str, after: str, kept: str) -> bool:
    joiners = [x for x in run if x in _JOINERS]
    if c == "\u200d" and before and after and run.endswith(c) and kept in ("", "\ufe0f", "\ufe0e"):
        base = is_picture(before) or before == "\U000e007f"
        if base and len(run) == len(kept) + 1 and is_picture(after):
            return True
    if len(joiners) > 2 or len(set(joiners)) > 1 or len(run) > len(joiners) + 1:
        return False
    if before and "\u0591" <= before <= "\u05f2" and after and "\u0591" <= after <= "\u05c7":
        return True  # a vav and its point, in pointed Hebrew
    if _is_ascii_letter(before) and _is_ascii_letter(after):
        return False
    return any(x and needs_joiners(x) for x in (before, after))


def _has_variants(base: str, selector: int) -> bool:
    """Tell whether a selector can be honest behind a character (UTS #37, UTS #51)."""
    code = ord(base)
    if selector >= 0xE0100:
        return selector <= _MOST_VARIANTS and is_ideograph(base)
    if selector in (0xFE0E, 0xFE0F):
        return is_picture(base) or unicodedata.category(base) in ("So", "Sm")
    if is_ideograph(base):
        return selector <= 0xFE02
    if selector > 0xFE03:
        return False
    return (
        unicodedata.category(base) in ("Sm", "So")
        or base in "0、。，．：；！？\u3001\u3002\uff01\uff0c\uff0e\uff1a\uff1b\uff1f"
        or "\u1000" <= base <= "\u109f"
        or "\ua840" <= base <= "\uaa7f"
        or "\u0f00" <= base <= "\u0fff"
        or 0x10AC0 <= code <= 0x10AFF
        or 0x13000 <= code <= 0x143FF
        or 0x1D49C <= code <= 0x1D4B5
        or "\u2018" <= base <= "\u201d"
    )


def _is_honest_filler(c: str, before: str, after: str) -> bool:
    """Fillers stand in for a missing letter of a Korean syllable."""
    if c == "\u115f":
        return "\u1160" <= after <= "\u11a7"
    if c == "\u1160":
        return "\u1100" <= before <= "\u115f" or "\u11a8" <= after <= "\u11ff"
    if c == "\u3164":
        return "\u3131" <= after <= "\u318e"
    return "\uffa1" <= after <= "\uffdc"


_BESIDE: Final = "-\u2010\u2011\u2012\u2013\u2014/&()[]'’\"«»„“”‘"
_VOWELS: Final = frozenset("aeiouyåäöøæœаеёиоуыэюяіїєαεηιουω")


def _is_hyphenable(c: str) -> bool:
    return c.isalpha() or c == "\u00ad" or "\u0300" <= c <= "\u036f"


def _is_beside(text: str, at: int) -> bool:
    """Tell whether a soft hyphen stands where typesetters leave one: by a hyphen or line end."""
    sides = (text[at - 1 : at], text[at + 1 : at + 2])
    return all(not x or x.isalnum() or x.isspace() or x in _BESIDE for x in sides) and not (
        sides[0].isspace() and sides[1].isspace()
    )


def _is_hyphenated(word: str) -> bool:
    """Tell whether soft hyphens part a word into syllables; no rules part one letter off."""
    pieces = word.split("\u00ad")
    return len(pieces[0]) > 1 and len(pieces[-1]) > 1 and all(map(_is_syllable, pieces))


def _is_syllable(piece: str) -> bool:
    """Tell whether a piece of a word can be spoken by itself; only where letters tell it."""
    plain = unicodedata.normalize("NFD", piece.casefold())
    if not plain or SCRIPT[plain[0]] not in ("LATIN", "CYRILLIC", "GREEK"):
        return True
    if not _VOWELS.isdisjoint(plain):
        return True
    # Czech, Croatian and their kin make syllables of r and l: vlk, prv-ní.
    return len(piece) > 2 and not {"r", "l", "р", "л"}.isdisjoint(plain[1:])


_FUNCTION: Final = re.compile(
    r"(?:^|[^A-Za-z])(?:a?(?:sin|cos|tan|cot|sec|csc)h?|log|ln|lg|exp|max|min|sup|inf|lim|det|dim|"
    r"gcd|lcm|arg|ker|deg|mod|sgn|tr|rank|Pr|Var|Cov|erf)$"
)


_TIMES: Final = "\u2062\u2063"


def _is_formula(text: str, at: int, run: str) -> bool:
    """Tell whether an invisible operator stands where mathematics has one."""
    if len(run) > 1 or at == 0 or at + 1 >= len(text):
        return False
    before, after, c = text[at - 1], text[at + 1], text[at]
    if c == "\u2061":
        return bool(_FUNCTION.search(text[max(0, at - 8) : at])) or after in "([{"
    if c == "\u2064":
        return before.isdigit() and (after.isdigit() or after.isnumeric())
    if _letters_before(text, at) > 1 or _letters_after(text, at + 1) > 1:
        return False
    first, last = at, at
    while first > 1 and at - first <= 4 and text[first - 2] in _TIMES:
        first -= 2
    while last - at <= 4 and text[last + 2 : last + 3] and text[last + 2] in _TIMES:
        last += 2
    return last - first <= 2 and not before.isspace() and not after.isspace()


def _is_icon(run: str, before: str, after: str) -> bool:
    """A private character by itself is a font's icon, or a rare ideograph among others."""
    if len(run) > 2:
        return False
    near = [x for x in (before, after) if x and x.isalnum()]
    return all(is_ideograph(x) for x in near)


def _is_blank(c: str) -> bool:
    return c in "\u2800\u3164\uffa0\u115f\u1160\U0001d159"


def _is_letter(c: str) -> bool:
    return c.isalpha() and not _is_blank(c)


def _is_ascii_letter(c: str) -> bool:
    return c.isascii() and c.isalpha()


def _letters_before(text: str, at: int) -> int:
    start = at
    while start and at - start < 8 and _is_letter(text[start - 1]):
        start -= 1
    return at - start


def _letters_after(text: str, at: int) -> int:
    end = at
    while end < len(text) and end - at < 8 and _is_letter(text[end]):
        end += 1
    return end - at
