"""Reading a stream of server-sent events (WHATWG HTML, section 9.2) from bytes as they come.

Lines are cut at byte level, which is safe because no byte of a multi-byte UTF-8 character is a
line end. A text cut anywhere gives the same events. Data stays bytes: what reads JSON reads them.
"""

from __future__ import annotations

from typing import Final

Event = tuple[bytes, str]
"""An event's data, its lines joined by line feeds, and its type (empty if it has none)."""

_MARK: Final = b"\xef\xbb\xbf"


class EventParser:
    r"""Turns chunks of bytes into events.

    >>> parser = EventParser()
    >>> parser.feed(b"data: Hel"), parser.feed(b"lo\n\n")
    ([], [(b'Hello', '')])
    """

    __slots__ = ("_after_cr", "_at_start", "_data", "_pieces", "_type")

    def __init__(self) -> None:
        """Begin at the start of a stream."""
        self._pieces: list[bytes] = []
        self._after_cr = False
        self._at_start = True
        self._data: list[bytes] = []
        self._type = ""

    def feed(self, chunk: bytes) -> list[Event]:
        """Take the next bytes; return the events that they complete."""
        if self._after_cr and chunk:
            # The line feed of a CRLF that was cut in two ends no further line.
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        has_cr = b"\r" in chunk
        if not has_cr and b"\n" not in chunk:
            self._pieces.append(chunk)
            return []
        if self._pieces:
            self._pieces.append(chunk)
            chunk = b"".join(self._pieces)
            self._pieces.clear()
        if has_cr:
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = chunk.split(b"\n")
        rest = lines.pop()
        if rest:
            self._pieces.append(rest)
        if self._at_start:
            self._at_start = False
            lines[0] = lines[0].removeprefix(_MARK)
        return self._events(lines)

    def _events(self, lines: list[bytes]) -> list[Event]:
        events: list[Event] = []
        data = self._data
        for line in lines:
            if line.startswith(b"data:"):
                # One space after the colon is no part of the value.
                data.append(line[6:] if line[5:6] == b" " else line[5:])
            elif not line:
                if data:
                    events.append((data[0] if len(data) == 1 else b"\n".join(data), self._type))
                    data.clear()
                self._type = ""
            elif line == b"data":
                data.append(b"")
            elif line.startswith(b"event:"):
                self._type = line[6:].removeprefix(b" ").decode("utf-8", "replace")
            # A comment begins with a colon; other fields mean nothing here.
        return events
