"""An Explanation: an answer and what led to it, drawn as text, as HTML and as a picture."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from promptkit.errors import OptionError
from promptkit.explanation.sections import Section


@dataclass(frozen=True, slots=True, repr=False)
class Explanation:
    """An answer and what led to it. As a text it is `text`; in a notebook it is `html`.

    Attributes:
        title: The answer in a line.
        parts: What there is to see.
    """

    title: str
    parts: tuple[Section, ...]

    @property
    def text(self) -> str:
        """The explanation for a terminal, at most 100 columns wide."""
        from promptkit.explanation import text

        return text.drawn(self.title, self.parts)

    @property
    def html(self) -> str:
        """The explanation as a piece of HTML, for light and dark pages; it holds no script."""
        from promptkit.explanation import html

        return html.drawn(self.title, self.parts)

    @property
    def svg(self) -> str:
        """The graphs and bars as a picture, for light and dark viewers."""
        from promptkit.explanation import svg

        return svg.drawn(self.title, self.parts)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the explanation into a file, as the ending of its name says; return the path.

        Raises:
            OptionError: For an ending that is not .html, .svg or .txt.
        """
        file = Path(path)
        match file.suffix.lower():
            case ".html":
                from promptkit.explanation import html

                content = html.page(self.title, self.parts)
            case ".svg":
                content = self.svg
            case ".txt":
                content = self.text + "\n"
            case ending:
                msg = f"an explanation as a {ending or 'nameless'} file"
                raise OptionError(msg, hint="the name ends in .html, .svg or .txt")
        file.write_text(content, encoding="utf-8")
        return file

    def _repr_html_(self) -> str:
        return self.html

    def __str__(self) -> str:
        """Show it as a text."""
        return self.text

    __repr__ = __str__
