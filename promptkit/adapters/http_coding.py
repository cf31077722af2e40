"""Unpacking bodies that a server compressed although nobody asked it to."""

from __future__ import annotations

import zlib
from typing import Final

_GZIP_OR_ZLIB: Final = zlib.MAX_WBITS | 32
_BARE: Final = -zlib.MAX_WBITS
_PLAIN: Final = ("", "identity")
_KNOWN: Final = ("gzip", "x-gzip", "deflate")
_FIRST_BYTE_OF_GZIP: Final = 0x1F
_FIRST_BYTE_OF_ZLIB: Final = 0x08
"""Its lower four bits: the method, always deflate."""


class Inflater:
    """Unpacks gzip and deflate (RFC 9110, section 8.4.1) piece by piece, up to a bound.

    >>> Inflater(1000, "deflate").feed(zlib.compress(b"hello"))
    b'hello'
    """

    __slots__ = ("_bound", "_is_known", "_size", "_stream")

    def __init__(self, bound: int, coding: str) -> None:
        """Begin.

        Args:
            bound: More bytes than this are never unpacked.
            coding: The Content-Encoding.
        """
        self._bound = bound
        self._is_known = coding.strip().lower() in _KNOWN
        self._size = 0
        self._stream: zlib._Decompress | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the last stream has come to its end."""
        return self._stream is None or self._stream.eof

    @property
    def is_past_bound(self) -> bool:
        """Whether there is more than the bound allows."""
        return self._size > self._bound

    def feed(self, data: bytes) -> bytes:
        """Unpack the next bytes.

        Raises:
            ValueError: When they are not what they claim to be.
        """
        pieces = []
        failed = not self._is_known
        try:
            while data and not failed and not self.is_past_bound:
                if self._stream is None or self._stream.eof:  # gzip may hold several members
                    # Some servers send deflate without the zlib header that the standard wants.
                    is_bare = (
                        data[0] != _FIRST_BYTE_OF_GZIP and data[0] & 0x0F != _FIRST_BYTE_OF_ZLIB
                    )
                    self._stream = zlib.decompressobj(_BARE if is_bare else _GZIP_OR_ZLIB)
                piece = self._stream.decompress(data, self._bound + 1 - self._size)
                self._size += len(piece)
                pieces.append(piece)
                data = self._stream.unconsumed_tail or self._stream.unused_data
        except zlib.error:
            failed = True
        if failed:
            raise ValueError("the body is not compressed as its header says")
        return b"".join(pieces)


def is_plain(coding: str) -> bool:
    """Whether a Content-Encoding leaves the body as it is.

    >>> is_plain("identity"), is_plain("gzip")
    (True, False)
    """
    return coding.strip().lower() in _PLAIN
