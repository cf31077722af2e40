"""Reading a stream of server-sent events (WHATWG HTML, section 9.2) from bytes as they come.

Lines are cut at byte level, which is safe because no byte of a multi-byte UTF-8 character is a
line end. A text cut anywhere gives the same events.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its data lines joined by line feeds, and its type («message» if it has none)."""

    data: str
    type: str = "message"


class EventParser:
    r"""Turns chunks of bytes into events.

    >>> parser = EventParser()
    >>> parser.feed(b"data: Hel"), parser.feed(b"lo\n\n")
    ([], [Event(data='Hello', type='message')])
    """

    def __init__(self) -> None:
        """Begin at the start of a stream."""
        self._pieces: list[bytes] = []
        self._after_cr = False
        self._at_start = True
        self._data: list[str] = []
        self._type = ""

    def feed(self, chunk: bytes) -> list[Event]:
        """Take the next bytes; return the events that they complete."""
        if self._after_cr and chunk:
            # The line feed of a CRLF that was cut in two ends no further line.
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        if b"\n" not in chunk and b"\r" not in chunk:
            self._pieces.append(chunk)
            return []
        text = b"".join((*self._pieces, chunk))
        if b"\r" in text:
            self._after_cr = text.endswith(b"\r")
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = text.split(b"\n")
        self._pieces = [rest]
        if self._at_start:
            self._at_start = False
            lines[0] = lines[0].removeprefix(b"\xef\xbb\xbf")
        events = []
        for line in lines:
            event = self._line(line.decode("utf-8", "replace"))
            if event:
                events.append(event)
        return events

    def _line(self, line: str) -> Event | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._type = value
        # A comment begins with a colon, so its name is empty; other fields mean nothing here.
        return None

    def _dispatch(self) -> Event | None:
        data, kind = self._data, self._type
        self._data, self._type = [], ""
        return Event("\n".join(data), kind or "message") if data else None
