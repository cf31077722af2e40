"""Keeps which value each placeholder stands for, and puts the values back.

A vault holds personal data: its repr shows counts alone, and it goes to a file only where a person
calls `to_json` or pickles it. The same spelling of a value has the same placeholder in all texts of
a vault; another spelling (upper case, other spaces) has one of its own, or nothing could be
restored exactly.

A placeholder that somebody typed stands for itself. While its number is free it stays as it is and
its number is never given out; once the number stands for a value, the typed one is put away like a
value. So no text can ask for another person's data by guessing a placeholder, provided that all
text from outside passes `redact` before a model sees it.
"""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from collections.abc import Iterable, Sequence
from typing import Any, Final

from promptkit.errors import OptionError
from promptkit.safety import placeholder
from promptkit.safety.finding import check_text

_VERSION: Final = 1
_KEY_BYTES: Final = 32
_DIGEST_CHARACTERS: Final = 12
"""48 bits: two of a million values share a digest with a chance of 0.2 %."""

TYPED: Final = "typed"
"""The kind of what looks like a placeholder and came with the text."""


class Vault:
    """The values behind placeholders. Threads may share one.

    >>> vault = Vault()
    >>> vault.put_away([("email", "ann@example.com")])
    ['[EMAIL_1]']
    >>> vault.restore("Write to **[email 1]**.")
    'Write to **ann@example.com**.'
    >>> vault
    Vault(email=1)
    """

    __slots__ = ("_key", "_last", "_lock", "_placeholders", "_reserved", "_values")

    def __init__(self, *, key: bytes | None = None) -> None:
        """Begin empty.

        Args:
            key: For digests (`mode="hash"`): texts of vaults with the same key can be joined.
                Random where none is given.

        Raises:
            OptionError: When the key is shorter than 16 bytes.
        """
        if key is not None and len(key) < _KEY_BYTES // 2:
            msg = f"the vault's key has {len(key)} bytes; at least {_KEY_BYTES // 2} are needed"
            raise OptionError(msg, hint="secrets.token_bytes(32) makes one")
        self._key = secrets.token_bytes(_KEY_BYTES) if key is None else key
        self._lock = threading.Lock()
        self._placeholders: dict[tuple[str, str], str] = {}
        self._values: dict[str, tuple[str, str]] = {}
        self._last: dict[str, int] = {}
        self._reserved: set[str] = set()

    def put_away(self, found: Iterable[tuple[str, str]]) -> list[str]:
        """Return a placeholder for each kind and value; one value has one placeholder."""
        with self._lock:
            return [self._place(kind, value) for kind, value in found]

    def exchange(
        self, text: str, found: Sequence[tuple[int, int, str]]
    ) -> tuple[str, list[tuple[int, int]]]:
        """Put placeholders where values stand, so that `restore` gives the very same text.

        Args:
            text: The text.
            found: Start, end and kind of each value, in order; none overlaps another.

        Returns:
            The text, and the spans that were exchanged beside those `found`: typed look-alikes.
        """
        with self._lock:
            holes = self._holes(text, found)
            pieces: list[str] = []
            end = 0
            for start, stop, kind in holes:
                pieces += (text[end:start], self._place(kind, text[start:stop]))
                end = stop
            pieces.append(text[end:])
        typed = [(start, stop) for start, stop, kind in holes if kind == TYPED]
        return "".join(pieces), typed

    def restore(self, text: str) -> str:
        """Put each value where its placeholder stands, in whatever spelling a model gave it.

        The text is read once: what a value looks like is never read as a placeholder again, and
        placeholders of which the vault knows nothing stay.

        Raises:
            TypeError: When `text` is no str.
        """
        check_text(text)
        with self._lock:
            pieces: list[str] = []
            end = 0
            for start, stop, key in placeholder.find(text):
                known = self._values.get(key)
                if known is not None:
                    pieces += (text[end:start], known[1])
                    end = stop
        return "".join([*pieces, text[end:]]) if pieces else text

    def digest(self, kind: str, value: str) -> str:
        """Return what stands for a value in `mode="hash"`: a keyed digest, not to be restored.

        HMAC-SHA-256 (RFC 2104) of kind and value, the first 48 bits.
        """
        plain = f"{kind}\0{value}".encode("utf-8", "surrogatepass")
        digest = hmac.digest(self._key, plain, "sha256").hex()[:_DIGEST_CHARACTERS]
        return f"[{placeholder.label_of(kind)}_{digest}]"

    def to_json(self) -> str:
        """Return all that the vault holds, in the clear: keep it as you would the data itself.

        >>> Vault.from_json(Vault().to_json())
        Vault()
        """
        with self._lock:
            state = {
                "version": _VERSION,
                "key": self._key.hex(),
                "values": {key: list(value) for key, value in self._values.items()},
                "placeholders": {
                    key: self._placeholders[value] for key, value in self._values.items()
                },
                "last": self._last,
                "reserved": sorted(self._reserved),
            }
        return json.dumps(state)

    @classmethod
    def from_json(cls, text: str) -> Vault:
        """Return the vault that `to_json` wrote.

        Raises:
            OptionError: When the text is no vault, or one of a later version.
        """
        try:
            state = json.loads(text)
            if state["version"] != _VERSION:
                msg = f"the vault has version {state['version']!r}; this one reads {_VERSION}"
                raise OptionError(msg, hint="use a newer promptkit")
            vault = cls(key=bytes.fromhex(state["key"]))
            for key, (kind, value) in state["values"].items():
                vault._values[str(key)] = (str(kind), str(value))
                vault._placeholders[str(kind), str(value)] = str(state["placeholders"][key])
            vault._last.update({str(label): int(last) for label, last in state["last"].items()})
            vault._reserved.update(map(str, state["reserved"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if isinstance(error, OptionError):
                raise
            # The cause is dropped: its message quotes what stands in the file.
            raise OptionError("the text is no vault", hint="read what to_json wrote") from None
        return vault

    def __len__(self) -> int:
        """How many values it holds."""
        return len(self._values)

    def __bool__(self) -> bool:
        """A vault is one, even an empty one."""
        return True

    def __repr__(self) -> str:
        """Show how many values of each kind it holds, and none of them."""
        with self._lock:
            counts: dict[str, int] = {}
            for kind, _ in self._values.values():
                counts[kind] = counts.get(kind, 0) + 1
        return f"Vault({', '.join(f'{kind}={count}' for kind, count in sorted(counts.items()))})"

    def __getstate__(self) -> dict[str, Any]:
        """Copies and pickles hold all but the lock."""
        with self._lock:
            return {
                "_key": self._key,
                "_placeholders": dict(self._placeholders),
                "_values": dict(self._values),
                "_last": dict(self._last),
                "_reserved": set(self._reserved),
            }

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what was copied, and a lock of its own."""
        self._lock = threading.Lock()
        for name, value in state.items():
            setattr(self, name, value)

    def _place(self, kind: str, value: str) -> str:
        known = self._placeholders.get((kind, value))
        if known is not None:
            return known
        label = placeholder.label_of(kind)
        stem = label.replace("_", "").lower()
        number = self._last.get(stem, 0) + 1
        while f"{stem}{number}" in self._reserved:
            number += 1
        self._last[stem] = number
        self._values[f"{stem}{number}"] = (kind, value)
        written = self._placeholders[kind, value] = placeholder.write(label, number)
        return written

    def _holes(
        self, text: str, found: Sequence[tuple[int, int, str]]
    ) -> list[tuple[int, int, str]]:
        """Add to what was `found` whatever is typed and would be restored as another value.

        Look-alikes are sought in the text with its values cut out, an empty pair of brackets in
        their place: that is how the text will stand around the placeholders. Cutting one out can
        bring another to light, so it is done until none is left, at most a few times; a text that
        goes on making them is put away as a whole.
        """
        holes = list(found)
        for _ in range(_MOST_ROUNDS):
            typed = list(self._typed(text, holes))
            if not typed:
                return holes
            holes = sorted([*holes, *typed])
        return [(0, len(text), TYPED)]

    def _typed(
        self, text: str, holes: Sequence[tuple[int, int, str]]
    ) -> Iterable[tuple[int, int, str]]:
        pieces: list[str] = []
        starts: list[tuple[int, int]] = []
        end = length = 0
        for start, stop, _ in holes:
            piece = text[end:start]
            pieces += (piece, "[]")
            starts.append((length, end))
            length += len(piece) + 2
            end = stop
        pieces.append(text[end:])
        starts.append((length, end))
        at = 0
        for start, stop, key in placeholder.find("".join(pieces)):
            while at + 1 < len(starts) and starts[at + 1][0] <= start:
                at += 1
            if key in self._values:
                shift = starts[at][1] - starts[at][0]
                yield start + shift, stop + shift, TYPED
            else:
                self._reserved.add(key)


_MOST_ROUNDS: Final = 6
