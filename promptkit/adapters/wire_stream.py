"""Putting the chunks of a Chat Completions or Completions stream together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promptkit.adapters.wire_chat import content_text, index_of


class ChoiceStream:
    """Puts together a Chat Completions or Completions stream.

    Attributes:
        usage: The latest token counts, as they came.
    """

    ends_stream = False
    """Its end mark is «[DONE]»."""

    def __init__(self, *, is_chat: bool) -> None:
        """Begin with nothing."""
        self._is_chat = is_chat
        self._parts: dict[int, list[str]] = {}
        self._refusals: dict[int, list[str]] = {}
        self._reasons: dict[int, str] = {}
        self._logprobs: dict[int, dict[str, list[Any]]] = {}
        self._model: object = None
        self.usage: object = None

    @property
    def finished(self) -> bool:
        """Whether every answer that began has a finish reason."""
        return bool(self._reasons) and self._parts.keys() <= self._reasons.keys()

    @property
    def text(self) -> str:
        """All text so far, of all answers."""
        return "".join(text for parts in self._parts.values() for text in parts)

    def feed(self, event: Mapping[str, Any]) -> str:
        """Take one chunk; return what it adds to the first answer."""
        usage = event.get("usage")
        if usage:
            self.usage = usage
        self._model = event.get("model") or self._model
        choices = event.get("choices")
        if not isinstance(choices, list):
            return ""
        added = ""
        for choice in choices:
            if isinstance(choice, dict):
                added += self._take(choice)
        return added

    def _take(self, choice: Mapping[str, Any]) -> str:
        index = index_of(choice.get("index"))
        text = self._delta(index, choice.get("delta")) if self._is_chat else choice.get("text")
        if not isinstance(text, str):
            text = ""
        parts = self._parts.get(index)
        if parts is None:
            parts = self._parts[index] = []
        if text:
            parts.append(text)
        reason = choice.get("finish_reason")
        if reason and isinstance(reason, str):
            self._reasons[index] = (
                "stop" if reason == "tool_calls" and self._parts[index] else reason
            )
        logprobs = choice.get("logprobs")
        if isinstance(logprobs, dict):
            kept = self._logprobs.setdefault(index, {})
            for name, values in logprobs.items():
                if isinstance(values, list):
                    kept.setdefault(name, []).extend(values)
        return "" if index else text

    def _delta(self, index: int, delta: object) -> str:
        if not isinstance(delta, dict):
            return ""
        refusal = delta.get("refusal")
        if isinstance(refusal, str):
            self._refusals.setdefault(index, []).append(refusal)
        return content_text(delta.get("content")) or _tool_text(delta.get("tool_calls"))

    def body(self) -> dict[str, Any]:
        """Return the answer as it would have come whole."""
        choices = [self._choice(index) for index in sorted(self._parts)]
        return {"model": self._model, "usage": self.usage, "choices": choices}

    def _choice(self, index: int) -> dict[str, Any]:
        text = "".join(self._parts[index])
        choice = {
            "index": index,
            "finish_reason": self._reasons.get(index),
            "logprobs": self._logprobs.get(index),
        }
        if not self._is_chat:
            return choice | {"text": text}
        refusal = "".join(self._refusals.get(index, ()))
        return choice | {"message": {"content": text, "refusal": refusal}}


def _tool_text(calls: object) -> str:
    """Return what a chunk adds to the input of a custom tool: there a constrained answer comes."""
    if not isinstance(calls, list):
        return ""
    customs = [call.get("custom") for call in calls if isinstance(call, Mapping)]
    texts = [custom.get("input") for custom in customs if isinstance(custom, Mapping)]
    return "".join(text for text in texts if isinstance(text, str))
