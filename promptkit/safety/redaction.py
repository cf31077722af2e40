"""Takes structured personal data out of a text, and keeps what is needed to put it back.

What is found is listed in `promptkit.safety.personal`: by pattern, by checksum where there is one,
and by the words around it. Names, places and organisations are not structured: a recogniser such as
`promptkit.adapters.presidio.names_recognizer` finds them.

Text that a model sees should be redacted once, in its original form. A text that holds placeholders
of the same vault is a text like any other: they are put away and come back by one `restore`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, get_args

from promptkit.errors import OptionError
from promptkit.safety import personal
from promptkit.safety.finding import Finding, check_text
from promptkit.safety.vault import TYPED, Vault

Mode = Literal["placeholder", "hash", "mask"]

Recognizer: TypeAlias = Callable[[str], Iterable[Finding]]
"""Finds values of its own kinds in a text: a plain function is one."""

_SHOWN: Final = 4
"""How many last letters or digits a masked number shows, where that is at most half of it."""

_NUMBERS: Final = frozenset({"credit_card", "iban", "phone"})
"""Kinds of which people are used to see the end: «the card ending in 1111»."""


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without its personal data.

    Attributes:
        text: What may be sent.
        findings: What was found, in order; spans are those of the text that came in.
        vault: What puts it back: `vault.restore(answer)`.
    """

    text: str = field(repr=False)
    findings: tuple[Finding, ...]
    vault: Vault

    def __repr__(self) -> str:
        """Say what was found; the text may still be personal."""
        return f"Redacted({len(self.text):,} characters, findings={self.findings!r})"


def redact(
    text: str,
    vault: Vault | None = None,
    *,
    kinds: Iterable[str] | None = None,
    mode: Mode = "placeholder",
    recognizers: Iterable[Recognizer] = (),
    allow: Iterable[str] = (),
    min_confidence: float = 0.5,
) -> Redacted:
    """Replace structured personal data by placeholders, digests or masks.

    It finds what `promptkit.safety.personal.KINDS` lists. It does not find names, addresses or
    organisations, values that are spelled in words, or numbers without checksum, country's form or
    a word beside them that says what they are.

    >>> redacted = redact("Mail ann@example.com or call +44 20 7946 0958.")
    >>> redacted.text
    'Mail [EMAIL_1] or call [PHONE_1].'
    >>> redacted.vault.restore("I mailed [email 1].")
    'I mailed ann@example.com.'
    >>> redact("Card 4111 1111 1111 1111", mode="mask").text
    'Card **** **** **** 1111'

    Args:
        text: The text, as it came.
        vault: Where values are kept; a new one where none is given. Give the same one for all texts
            of a conversation, so that a value has one placeholder.
        kinds: Which kinds to look for; those of `personal.DEFAULT_KINDS` where none are given.
        mode: "placeholder" can be restored, exactly. "hash" puts a keyed digest, the same for all
            spellings of a value. "mask" puts asterisks for all but the end of cards, IBANs and
            phone numbers. The last two are not restored.
        recognizers: More to look for, such as names; what they return may overlap.
        allow: Values to leave as they are, such as an own support address; case is ignored.
        min_confidence: What is less sure than this is left.

    Raises:
        TypeError: When `text` is no str.
        OptionError: For an unknown mode or kind, or a recogniser's span that is not in the text.
    """
    check_text(text)
    if mode not in get_args(Mode):
        raise OptionError(f"mode is {mode!r}; it is one of {', '.join(get_args(Mode))}")
    if isinstance(kinds, str) or isinstance(allow, str):
        raise OptionError("kinds and allow take several texts, not one", hint="put it in a list")
    vault = Vault() if vault is None else vault
    if not isinstance(vault, Vault):
        raise OptionError(f"a vault of type {type(vault).__name__}", hint="safety.Vault()")
    findings = [*personal.find(text, kinds), *_from(recognizers, text)]
    allowed = frozenset(value.casefold() for value in allow)
    kept = personal.without_overlaps(
        finding
        for finding in findings
        if finding.confidence >= min_confidence
        and not (allowed and text[slice(*finding.span)].casefold() in allowed)
    )
    if mode == "placeholder":
        places = [(*finding.span, finding.kind) for finding in kept]
        written, typed = vault.exchange(text, places)
        return Redacted(written, _with_typed(kept, typed), vault)
    pieces: list[str] = []
    end = 0
    for finding in kept:
        start, stop = finding.span
        value = text[start:stop]
        shown = (
            vault.digest(finding.kind, personal.normal(finding.kind, value))
            if mode == "hash"
            else masked(finding.kind, value)
        )
        pieces += (text[end:start], shown)
        end = stop
    return Redacted("".join([*pieces, text[end:]]), tuple(kept), vault)


def masked(kind: str, value: str) -> str:
    """Put asterisks for letters and digits; the length and what stands between them stay.

    >>> masked("credit_card", "4111-1111-1111-1111"), masked("email", "ann@example.com")
    ('****-****-****-1111', '***@*******.***')
    """
    count = sum(map(str.isalnum, value))
    shown = _SHOWN if kind in _NUMBERS and count >= 2 * _SHOWN else 0
    pieces = []
    for character in value:
        if character.isalnum():
            count -= 1
            pieces.append(character if count < shown else "*")
        else:
            pieces.append(character if character.isascii() else "*")
    return "".join(pieces)


def _from(recognizers: Iterable[Recognizer], text: str) -> Iterable[Finding]:
    for recognizer in recognizers:
        for finding in recognizer(text):
            start, end = finding.span
            if not 0 <= start <= end <= len(text):
                msg = (
                    f"a recogniser found {finding.kind!r} from {start} to {end};"
                    f" the text has {len(text):,} characters"
                )
                raise OptionError(msg)
            if start < end:
                yield finding


def _with_typed(kept: Sequence[Finding], typed: Sequence[tuple[int, int]]) -> tuple[Finding, ...]:
    if not typed:
        return tuple(kept)
    more = [
        Finding(kind=TYPED, span=span, action="redact", detail="looks like a placeholder")
        for span in typed
    ]
    inside = [f for f in kept if not any(m.span[0] <= f.span[0] < m.span[1] for m in more)]
    return tuple(sorted([*inside, *more], key=lambda finding: finding.span))
