"""For tests and examples: models that answer as told, a clock that need not be waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from promptkit.testing.clock import FakeClock
from promptkit.testing.scripted import Scripted
from promptkit.transports.recording import Recorder, Replay

if TYPE_CHECKING:
    from promptkit.testing.reasoner import Reasoner

__all__ = ["FakeClock", "Reasoner", "Recorder", "Replay", "Scripted"]


def __getattr__(name: str) -> Any:
    """Load the reasoner when it is asked for: it knows all primitives by their prompts."""
    if name == "Reasoner":
        from promptkit.testing.reasoner import Reasoner  # noqa: PLC0415 -- so that import is quick

        return Reasoner
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
