r"""Finds attacks that Unicode makes possible, decodes what they hide, and takes them out.

Covered: tag characters, zero-width characters, variation selectors and private characters that
smuggle text; bidirectional controls; blanks and fillers; control characters and terminal escapes;
letters of other scripts in a word, words that only look Latin, small capitals, mathematical, wide,
circled, raised, regional, accented
and upside-down letters; rows of odd spaces; piles of combining marks; lone surrogates and
noncharacters. Honest text is returned as it came, byte by byte: emoji sequences, Persian, Indic
and Hebrew joiners and marks, direction marks in right-to-left text, soft hyphens between
syllables, ideographic variants, decomposed letters, formulas, phonetics.

Not covered: look-alikes within ASCII (l, I, 1), leetspeak, spoofed words in texts that hold honest
words of the same script, single look-alike letters between blanks, base64 and other encodings that
can be seen. It is one layer; a text without findings may still be an attack.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Final, Literal

from promptkit.safety.finding import Cleaned, Finding, check_text
from promptkit.safety.unicode.rewriting import Edit, Trail

_ODD_ASCII: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""What plain ASCII must not hold."""

_PASSES: Final = (
    ("invisible", "find"),
    ("invisible", "find_spaces"),
    ("mark_floods", "find"),
    ("lettering", "find"),
    ("turned", "find"),
    ("fancy", "find"),
    ("fancy", "find_accents"),
    ("homoglyphs", "find"),
    ("homoglyphs", "find_signs"),
)
"""In this order: a word is judged once nothing invisible parts it."""

_ROUNDS: Final = 12
"""Rounds until nothing is found any more; honest text needs one, an attack two or three."""


def sanitize(
    text: str,
    *,
    longest: int | None = None,
    cut: bool = False,
    form: Literal["NFC", "NFKC"] | None = None,
) -> Cleaned:
    r"""Return a text without Unicode attacks, and what was found, with hidden text decoded.

    What is changed is in composed form (NFC); what is not stays byte-identical. The result is
    stable: sanitising it again changes nothing. Spans are places in `text`.

    Args:
        text: Any text; nothing in it makes this raise.
        longest: Characters from which on a text is reported as too long; None for no limit.
        cut: Whether what is too long is cut off, too.
        form: A normal form that the whole result is brought to; None leaves honest text alone.

    Raises:
        TypeError: For anything but a str.

    >>> done = sanitize("pа\u200by me\U000e0049\U000e0067")
    >>> done.text
    'pay me'
    >>> [(finding.kind, finding.span, finding.payload) for finding in done.findings]
    [('homoglyph', (0, 4), 'pay'), ('zero_width', (2, 3), ''), ('tag_characters', (7, 9), 'Ig')]
    >>> sanitize("👩\u200d🚀 می\u200cروم 𝑥² + 𝑦²").findings
    ()
    """
    check_text(text)
    if longest is None and _is_plain(text):
        return Cleaned(text)
    findings: list[Finding] = []
    if longest is not None and len(text) > longest:
        detail = f"{len(text):,} characters; at most {longest:,} are allowed"
        findings.append(
            Finding(
                kind="too_long",
                span=(longest, len(text)),
                action="rewrite" if cut else "block",
                detail=detail,
            )
        )
    return _settled(text, findings, longest if cut else None, form)


@cache
def _passes() -> tuple[Callable[[str], list[Edit]], ...]:
    """The passes, loaded with the first text that needs them: plain ASCII never does."""
    package = "promptkit.safety.unicode"
    return tuple(getattr(import_module(f"{package}.{module}"), name) for module, name in _PASSES)


def _settled(
    text: str, findings: list[Finding], longest: int | None, form: Literal["NFC", "NFKC"] | None
) -> Cleaned:
    """Go round until nothing changes any more."""
    trail = Trail()
    reported: set[tuple[str, tuple[int, int]]] = set()
    now = text[:longest]
    for _ in range(_ROUNDS):
        before = now
        for find in _passes():
            edits = find(now)
            if not edits:
                continue
            for edit in edits:
                span = trail.back(edit.start, edit.end)
                if (edit.kind, span) not in reported:
                    reported.add((edit.kind, span))
                    findings.append(_finding(edit, span))
            now = trail.apply(now, edits)
            if _is_plain(now):
                break
        if form is not None and not unicodedata.is_normalized(form, now):
            now = unicodedata.normalize(form, now)
        now = now[:longest]
        if now == before or _is_plain(now):
            break
    else:
        # Made to be never at rest: what is left of it is plain.
        now = "".join(c for c in now if c.isascii() and (c.isprintable() or c in "\n\r\t"))
    findings.sort(key=lambda f: f.span)
    return Cleaned(now, tuple(findings))


def _is_plain(text: str) -> bool:
    """Tell whether a text holds nothing that any pass looks at."""
    return text.isascii() and not _ODD_ASCII.search(text)


def _finding(edit: Edit, span: tuple[int, int]) -> Finding:
    return Finding(
        kind=edit.kind,
        span=span,
        confidence=edit.confidence,
        action=edit.action,
        detail=edit.detail,
        payload=edit.payload,
    )
