"""What can be moderated: texts and images, as OpenAI's endpoint takes them."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from promptkit.errors import OptionError

_HINT: Final = "give a str, or a list of str, Image, bytes of an image, or mappings as OpenAI's"
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_MAGIC: Final = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)
"""How the files of each kind begin; WebP is told by its eighth byte on."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image to be moderated: an https address, or a data URL that holds it.

    >>> Image.of(b"GIF89a...").url[:22]
    'data:image/gif;base64,'
    """

    url: str = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what the endpoint cannot fetch."""
        if not isinstance(self.url, str) or not self.url.startswith(("https://", "data:image/")):
            raise OptionError("an image's address", hint="it begins with https:// or data:image/")

    @classmethod
    def of(cls, data: bytes) -> Image:
        """Return an image from the bytes of a PNG, JPEG, GIF or WebP file.

        Raises:
            OptionError: When they are none of these.
        """
        kind = next((kind for magic, kind in _MAGIC if data.startswith(magic)), "")
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            kind = "image/webp"
        if not kind:
            msg = f"{len(data):,} bytes that are no image"
            raise OptionError(msg, hint="give a PNG, JPEG, GIF or WebP file, or its address")
        return cls(f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}")


Part = str | Image
Content = str | Image | bytes | Sequence["str | Image | bytes | Mapping[str, Any]"]
"""A text, an image, or the parts of one message."""


def parts_of(content: Content) -> tuple[Part, ...]:
    """Return the parts that some content stands for.

    Raises:
        OptionError: When it is none.

    >>> parts_of([{"type": "text", "text": "Look!"}, "Here."])
    ('Look!', 'Here.')
    """
    if isinstance(content, (str, Image, bytes)):
        return (_part(content),)
    if not isinstance(content, Sequence) or not content:
        raise OptionError(f"content of type {type(content).__name__} to moderate", hint=_HINT)
    return tuple(map(_part, content))


def _part(part: Any) -> Part:
    if isinstance(part, str):
        return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", part)
    if isinstance(part, Image):
        return part
    if isinstance(part, bytes):
        return Image.of(part)
    if isinstance(part, Mapping):
        text, image = part.get("text"), part.get("image_url")
        if part.get("type") == "text" and isinstance(text, str):
            return _part(text)
        url = image.get("url") if isinstance(image, Mapping) else image
        if part.get("type") == "image_url" and isinstance(url, str):
            return Image(url)
    raise OptionError(f"a part of type {type(part).__name__} to moderate", hint=_HINT)


def texts_of(parts: Sequence[Part], backend: str) -> list[str]:
    """Return the parts, which must be texts.

    Raises:
        OptionError: Where one is an image.
    """
    texts = [part for part in parts if isinstance(part, str)]
    if len(texts) < len(parts):
        hint = 'backend="hosted" judges images'
        raise OptionError(f"an image was given to the {backend} backend", hint=hint)
    return texts


def wire_form(part: Part) -> dict[str, Any]:
    """Return a part as the endpoint takes it.

    >>> wire_form("Hi")
    {'type': 'text', 'text': 'Hi'}
    """
    if isinstance(part, str):
        return {"type": "text", "text": part}
    return {"type": "image_url", "image_url": {"url": part.url}}
