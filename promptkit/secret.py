"""An API key that can be used but not shown."""

from __future__ import annotations

import re

_SHOWN = 4
"""How many last characters of a key may be seen."""

_LONG_ENOUGH = 12
"""Keys shorter than this are hidden whole: four characters would be too much of them."""


def mask(value: str) -> str:
    """Shorten a key to what may be shown.

    >>> mask("sk-proj-0123456789abcd")
    'sk-…abcd'
    >>> mask("short")
    '…'
    """
    if len(value) < _LONG_ENOUGH:
        return "…"
    prefix = "sk-" if value.startswith("sk-") else ""
    return f"{prefix}…{value[-_SHOWN:]}"


class Secret:
    """Holds a key; `str` and `repr` show it masked, `reveal()` gives it.

    >>> Secret("sk-proj-0123456789abcd")
    Secret('sk-…abcd')
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Keep `value`, without the white space a copy from a web page brings along."""
        self._value = value.strip()

    def reveal(self) -> str:
        """Return the key itself. Call it only where it is put on the wire."""
        return self._value

    def __repr__(self) -> str:
        """Show the masked key."""
        return f"Secret({mask(self._value)!r})"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        """Equal when the keys are."""
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        """Hash by the key."""
        return hash(self._value)

    def __reduce__(self) -> tuple[object, ...]:
        """Refuse to be pickled: a pickle is a file that holds the key."""
        msg = "a Secret is not pickled; pickle the profile's name and connect again"
        raise TypeError(msg)


class MaskedHeader(str):
    """A header value that goes out whole and is shown masked, in tracebacks too."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Show scheme and masked key."""
        scheme, _, key = self.rpartition(" ")
        return repr(f"{scheme} {mask(key)}".strip())


_KEY = re.compile(r"\b(?:sk|pk|rk)-[A-Za-z0-9_-]{8,}")


def without_keys(text: str) -> str:
    """Mask whatever looks like a key in a text from outside, such as a server's error.

    >>> without_keys("Incorrect API key provided: sk-abcdefghijkl1234.")
    'Incorrect API key provided: sk-…1234.'
    """
    return _KEY.sub(lambda match: mask(match.group()), text)
