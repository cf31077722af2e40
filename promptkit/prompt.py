"""Prompts: text with named slots that remembers which part came from where.

Two rules hold, and everything in `safety` stands on them:

1. A literal in code is trusted. What fills a slot is not, unless the template says so with
   `{slot:trusted}`: data is escaped by default, as a template engine escapes HTML.
2. Untrusted text stays in user messages. A template that would put it into a system message
   is refused when it is made, not when it is used.
"""

from __future__ import annotations

import difflib
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from promptkit.errors import PromptError

ROLES: Final = ("system", "developer", "user", "assistant", "tool")
INPUT: Final = "input"
"""The mark of a slot that a person's own words fill: they are asked, not quoted."""

_SPOTLIGHTS: Final = ("delimit", "datamark", "encode", INPUT)
"""The marks of untrusted slots that say how, see `promptkit.safety.spotlighting`."""


@dataclass(frozen=True, slots=True)
class Part:
    """A run of text with one origin: a literal (`slot` is empty) or a slot's value.

    Attributes:
        spotlight: How it is told from instructions, where the template says so; empty for the
            session's own way.
    """

    text: str
    slot: str = ""
    trusted: bool = True
    spotlight: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation. A `str` as content is one trusted literal."""

    role: str
    content: str | tuple[Part, ...]

    def __post_init__(self) -> None:
        """Check the role and that no untrusted text speaks for the system."""
        if self.role not in ROLES:
            msg = f"a message has the role {self.role!r}"
            raise PromptError(msg, hint=f"the roles are {', '.join(ROLES)}")
        if self.role in ("system", "developer") and self.is_untrusted:
            msg = f"a {self.role} message holds an untrusted part"
            raise PromptError(msg, hint="put data into a user message")

    @property
    def text(self) -> str:
        """The content as one string."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content)

    @property
    def is_untrusted(self) -> bool:
        """Whether any part came from outside."""
        return not isinstance(self.content, str) and not all(p.trusted for p in self.content)


@dataclass(frozen=True, slots=True)
class Prompt:
    r"""A template for one question, with named slots.

    >>> ask = Prompt("Which team takes this ticket?\n{ticket}", system="Answer in one word.")
    >>> ask.slots
    ('ticket',)
    >>> [message.text for message in ask.fill(ticket="My invoice is wrong.").render()]
    ['Answer in one word.', 'Which team takes this ticket?\nMy invoice is wrong.']

    Attributes:
        user: The last turn. `{name}` is an untrusted slot, `{name:trusted}` a trusted one,
            `{{` and `}}` are braces. `{name:delimit}`, `{name:datamark}` and `{name:encode}` are
            untrusted, and spotlighted in that way whatever the session's. `{name:input}` is for a
            person's own words: they are cleaned, but not set apart as data, because they are what
            is asked.
        system: Instructions; its slots must be trusted.
        examples: Worked turns before the last one, as (user, assistant) pairs of literals.
        values: What the slots are filled with so far; use `fill`.
    """

    user: str
    system: str = ""
    examples: tuple[tuple[str, str], ...] = ()
    values: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        """Parse both templates now, so that a mistake shows where it was made."""
        _parse(self.user)
        for part in _parse(self.system):
            if part.slot and not part.trusted:
                msg = f"slot {part.slot!r} would put untrusted text into the system message"
                hint = (
                    f"move it to the user message, or write {{{part.slot}:trusted}} if you wrote "
                    "its text"
                )
                raise PromptError(msg, hint=hint)

    @property
    def slots(self) -> tuple[str, ...]:
        """The names of all slots, in the order they first appear."""
        parts = _parse(self.system) + _parse(self.user)
        return tuple(dict.fromkeys(part.slot for part in parts if part.slot))

    def fill(self, **values: Any) -> Prompt:
        """Return this prompt with some or all slots filled.

        Raises:
            PromptError: For a slot that the template does not have, or a value that is no text
                and no number.
        """
        unknown = [name for name in values if name not in self.slots]
        if unknown:
            raise _unknown_slot(unknown[0], self.slots)
        filled = dict(self.values) | {name: _text(name, value) for name, value in values.items()}
        return replace(self, values=tuple(sorted(filled.items())))

    def render(self) -> tuple[Message, ...]:
        """Return the messages, each part with its origin.

        Raises:
            PromptError: When a slot is still empty.
        """
        values = dict(self.values)
        missing = [name for name in self.slots if name not in values]
        if missing:
            msg = f"no value for slot {', '.join(map(repr, missing))}"
            raise PromptError(msg, hint=f"fill({missing[0]}=…) before asking")
        messages = [Message("system", _join(_parse(self.system), values))] if self.system else []
        for question, answer in self.examples:
            messages += [Message("user", question), Message("assistant", answer)]
        messages.append(Message("user", _join(_parse(self.user), values)))
        return tuple(messages)

    @classmethod
    def coerce(cls, template: str | Prompt) -> Prompt:
        """Take a template as text or as a Prompt: the places that fill slots accept both."""
        return template if isinstance(template, Prompt) else cls(template)

    def for_item(self, item: object) -> Prompt:
        """Fill the slots from one row: a mapping by name, or a single value for a single slot.

        Columns that the template does not use are passed over.

        >>> Prompt("Is {animal} a bird?").for_item("a wren").render()[0].text
        'Is a wren a bird?'
        """
        open_slots = [name for name in self.slots if name not in dict(self.values)]
        if isinstance(item, Mapping):
            missing = [name for name in open_slots if name not in item]
            if missing:
                raise _missing_column(missing[0], item)
            return self.fill(**{name: item[name] for name in open_slots})
        if len(open_slots) == 1:
            return self.fill(**{open_slots[0]: item})
        msg = f"an item of type {type(item).__name__} for {len(open_slots)} slots {open_slots}"
        raise PromptError(msg, hint="pass a mapping with one entry for each slot")


@lru_cache(maxsize=1024)
def _parse(template: str) -> tuple[Part, ...]:
    """Split a template into literal parts and slots (whose text is still empty)."""
    parts: list[Part] = []
    try:
        pieces = list(string.Formatter().parse(template))
    except ValueError as error:
        msg = f"the template does not parse ({error})"
        raise PromptError(msg, hint="write {{ and }} for literal braces") from None
    for literal, name, spec, conversion in pieces:
        if literal:
            parts.append(Part(literal))
        if name is None:
            continue
        if not name.isidentifier() or conversion:
            msg = f"{{{name}}} is not a slot"
            raise PromptError(msg, hint="a slot is a name in braces; {{ and }} are literal braces")
        if spec not in ("", "trusted", "untrusted", *_SPOTLIGHTS):
            msg = f"slot {name!r} is marked {spec!r}"
            hint = f"the marks are trusted, untrusted, {', '.join(_SPOTLIGHTS)}"
            raise PromptError(msg, hint=hint)
        how = spec if spec in _SPOTLIGHTS else ""
        parts.append(Part("", name, trusted=spec == "trusted", spotlight=how))
    return tuple(parts)


def _join(parts: tuple[Part, ...], values: Mapping[str, str]) -> str | tuple[Part, ...]:
    """Fill the slots; all-literal content becomes a plain string."""
    filled = tuple(replace(part, text=values[part.slot]) if part.slot else part for part in parts)
    return filled if any(part.slot for part in filled) else "".join(p.text for p in filled)


def _text(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and value == value:  # noqa: PLR0124 -- not NaN
        return str(value)
    is_missing = value is None or isinstance(value, float)
    kind = "a missing value" if is_missing else type(value).__name__
    raise PromptError(f"slot {name!r} got {kind}", hint="a slot takes text or a number")


def _unknown_slot(name: str, known: Iterable[str]) -> PromptError:
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"the slots are {', '.join(known) or 'none'}"
    return PromptError(f"the template has no slot {name!r}", hint=hint)


def _missing_column(name: str, row: Mapping[str, object]) -> PromptError:
    close = difflib.get_close_matches(name, [str(key) for key in row], n=1)
    columns = ", ".join(str(key) for key in row)
    hint = f"did you mean {close[0]!r}?" if close else f"the row has {columns or 'no columns'}"
    return PromptError(f"no column for slot {name!r}", hint=hint)
