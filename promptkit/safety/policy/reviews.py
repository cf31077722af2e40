"""What a policy needs of people and of an audit log: two Protocols.

`promptkit.adapters.review_queue` and `promptkit.adapters.audit_log` keep them in files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Literal, Protocol

from promptkit.safety.finding import Finding
from promptkit.safety.policy.rules import Stage

Status = Literal["waiting", "approved", "rejected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What has become of a text that was held.

    Attributes:
        ticket: Its number in the queue.
        status: Whether somebody has decided.
        text: The text as approved, edited or not; None where it is not approved.
        reason: What was said of it.
    """

    ticket: int
    status: Status
    text: str | None = field(default=None, repr=False)
    reason: str = ""


class Reviews(Protocol):
    """Texts that wait for a person, and answers that a person has vetted."""

    def look(self, key: bytes, stage: Stage) -> Decision | None:
        """Return what has become of the text held under this key; None where none is."""
        ...

    def hold(
        self, key: bytes, stage: Stage, text: str, findings: Iterable[Finding], *, question: str
    ) -> int:
        """Queue a text and return its ticket; a text that is there already keeps its own."""
        ...

    def vetted(self, question: str) -> str | None:
        """Return the vetted answer to a question, compared without case and outer space."""
        ...


class Audit(Protocol):
    """Where it is written down what was found and done."""

    def write(self, event: Mapping[str, Any]) -> None:
        """Add an event: JSON values, never the text that was found."""
        ...


def text_key(stage: Stage, text: str) -> bytes:
    """Return sixteen bytes under which a text of this stage is held.

    >>> text_key("input", "a") == text_key("untrusted", "a")
    False
    """
    data = f"{stage}\0{text}".encode("utf-8", "surrogatepass")
    return blake2b(data, digest_size=16).digest()
