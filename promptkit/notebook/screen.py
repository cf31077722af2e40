"""Puts a readout below its cell: in a notebook as a display that updates, in a terminal as text."""

from __future__ import annotations

from typing import Any, Protocol

from promptkit.notebook.cell import Area


class Screen(Protocol):
    """Where readouts go."""

    can_update: bool

    def show(self, area: Area, html: str, text: str) -> None:
        """Show `area`, or update it when it is there already."""
        ...


class KernelScreen:
    """A notebook's front end, through the kernel's display messages.

    A running map is shown by updating plain HTML and not by a widget: that needs no code from
    elsewhere in the front end, and whatever ends the kernel, no dead widget stays in the file.
    """

    can_update = True

    def __init__(self, shell: Any) -> None:
        """Publish through the shell's display publisher."""
        self._shell = shell

    def show(self, area: Area, html: str, text: str) -> None:
        """Send the first display, or an update if the content has changed."""
        if html == area.content:
            return
        is_update = bool(area.content)
        area.content = html
        self._shell.display_pub.publish(
            {"text/html": html, "text/plain": text},
            transient={"display_id": area.display_id},
            update=is_update,
        )


class TextScreen:
    """IPython in a terminal: what is printed stays, so each area is printed once, at its end."""

    can_update = False

    def show(self, area: Area, html: str, text: str) -> None:
        """Print the text."""
        if html != area.content:
            area.content = html
            print(text)  # noqa: T201 -- the readout of a terminal
