"""What a pretended model says, written as each of the five APIs writes it.

An answer begins with the beginning of its own question, so that a test can tell whether an item
got its own answer or a neighbour's. Its length is drawn by the server; a word counts as a token.
"""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import dataclass
from typing import Any

from .fault_book import elements, label_of

WORDS = (" sheep", " wolves", " naïve", " 🐑", " afraid", " mice", " of", " and", " über", " the")
"""Some need more than one byte a character, so that a stream can be cut within one."""

_LENGTHS = ("max_completion_tokens", "max_tokens", "max_output_tokens")
_UNSET_LENGTH = 4096


def kind_of(path: str) -> str:
    """The API that a path belongs to.

    >>> kind_of("/v1/chat/completions"), kind_of("/v1/embeddings")
    ('chat', 'embeddings')
    """
    return "chat" if path.endswith("/chat/completions") else path.rsplit("/", 1)[-1]


def longest(body: dict[str, Any]) -> int:
    """How many tokens one answer may have."""
    return next((int(body[name]) for name in _LENGTHS if body.get(name)), _UNSET_LENGTH)


def tokens_in(element: Any) -> int:
    """Pretended tokens of a prompt: one for four characters, three for each message.

    >>> tokens_in("sixteen letters!"), tokens_in([{"role": "user", "content": "four"}])
    (4, 4)
    """
    if isinstance(element, list):
        return sum(3 + tokens_in(message.get("content")) for message in element)
    return max(1, len(str(element)) // 4)


@dataclass(slots=True)
class Answer:
    """The answers to all prompts of one body.

    Attributes:
        kind: "chat", "completions", "responses", "embeddings" or "moderations".
        texts: A list of tokens for each choice; the n choices of a prompt stand together.
        input_tokens: For each prompt.
        usage: "", "missing" or "absurd".
    """

    kind: str
    body: dict[str, Any]
    prompts: list[Any]
    texts: list[list[str]]
    reasons: list[str]
    input_tokens: list[int]
    usage: str = ""

    @classmethod
    def to(cls, path: str, body: dict[str, Any], size: int, shift: int = 0) -> Answer:
        """Answer a body with `size` words a choice, as far as it allows."""
        kind = kind_of(path)
        prompts = elements(path, body)
        texts, reasons = [], []
        if kind not in ("embeddings", "moderations"):
            most = longest(body)
            for prompt in prompts:
                for choice in range(body.get("n") or 1):
                    words = [WORDS[(shift + choice + i) % len(WORDS)] for i in range(size)]
                    pieces = [label_of(prompt) + ":", *words]
                    reasons.append("length" if len(pieces) > most else "stop")
                    texts.append(pieces[:most])
        return cls(kind, body, prompts, texts, reasons, [tokens_in(p) for p in prompts])

    def output_tokens(self, place: int) -> int:
        """Tokens of the answers to the prompt at `place`."""
        n = self.body.get("n") or 1
        return sum(len(pieces) for pieces in self.texts[place * n : (place + 1) * n])

    # -- whole ------------------------------------------------------------------------------

    def whole(self) -> dict[str, Any]:
        """The answer's JSON."""
        return getattr(self, f"_{self.kind}")()

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": "fault-1", "object": kind, "created": 1, "model": self.body.get("model")}

    def _with_usage(self, answer: dict[str, Any]) -> dict[str, Any]:
        usage = self._usage()
        return answer if usage is None else answer | {"usage": usage}

    def _usage(self) -> dict[str, Any] | None:
        if self.usage == "missing":
            return None
        if self.usage == "absurd":
            return {"prompt_tokens": -7, "completion_tokens": 10**15, "total_tokens": "many"}
        given, said = sum(self.input_tokens), sum(len(pieces) for pieces in self.texts)
        if self.kind == "responses":
            details = {"input_tokens_details": {"cached_tokens": 0}}
            details["output_tokens_details"] = {"reasoning_tokens": 0}
            return {"input_tokens": given, "output_tokens": said, "total_tokens": given + said} | (
                details
            )
        if self.kind == "embeddings":
            return {"prompt_tokens": given, "total_tokens": given}
        counts = {"prompt_tokens": given, "completion_tokens": said, "total_tokens": given + said}
        return counts | {"prompt_tokens_details": {"cached_tokens": 0}}

    def _chat(self) -> dict[str, Any]:
        choices = [
            {
                "index": index,
                "message": {"role": "assistant", "content": "".join(pieces), "refusal": None},
                "finish_reason": reason,
                "logprobs": None,
            }
            for index, (pieces, reason) in enumerate(zip(self.texts, self.reasons, strict=True))
        ]
        return self._with_usage(self._head("chat.completion") | {"choices": choices})

    def _completions(self) -> dict[str, Any]:
        choices = [
            {"index": index, "text": "".join(pieces), "finish_reason": reason, "logprobs": None}
            for index, (pieces, reason) in enumerate(zip(self.texts, self.reasons, strict=True))
        ]
        # In reverse: who trusts the order and not the index is wrong.
        answer = self._head("text_completion") | {"choices": choices[::-1]}
        return self._with_usage(answer)

    def _responses(self) -> dict[str, Any]:
        cut = self.reasons[0] == "length"
        part = {"type": "output_text", "text": "".join(self.texts[0]), "annotations": []}
        message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
        answer = {
            "id": "resp_1",
            "object": "response",
            "created_at": 1,
            "model": self.body.get("model"),
            "status": "incomplete" if cut else "completed",
            "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
            "error": None,
            "output": [message | {"content": [part]}],
            "parallel_tool_calls": False,
            "tool_choice": "auto",
            "tools": [],
        }
        return self._with_usage(answer)

    def _embeddings(self) -> dict[str, Any]:
        packed = self.body.get("encoding_format") == "base64"
        data = []
        for index, prompt in enumerate(self.prompts):
            floats = vector_of(prompt)
            raw = struct.pack(f"<{len(floats)}f", *floats)
            given = base64.b64encode(raw).decode() if packed else floats
            data.append({"object": "embedding", "index": index, "embedding": given})
        answer = {"object": "list", "model": self.body.get("model"), "data": data[::-1]}
        return self._with_usage(answer)

    def _moderations(self) -> dict[str, Any]:
        results = [
            {
                "flagged": "kill" in str(prompt),
                "categories": {"violence": "kill" in str(prompt)},
                "category_scores": {"violence": 0.9 if "kill" in str(prompt) else 0.1},
            }
            for prompt in self.prompts
        ]
        return {"id": "modr_1", "model": self.body.get("model"), "results": results}

    # -- streamed ---------------------------------------------------------------------------

    def events(self) -> list[str]:
        """The answer as the events of a stream."""
        return self._response_events() if self.kind == "responses" else self._chunks()

    def _chunks(self) -> list[str]:
        is_chat = self.kind == "chat"
        head = self._head("chat.completion.chunk" if is_chat else "text_completion")
        chunks: list[dict[str, Any]] = []

        def chunk(index: int, text: str | None, reason: str | None) -> dict[str, Any]:
            delta = {} if text is None else {"content": text}
            said: dict[str, Any] = {"delta": delta} if is_chat else {"text": text or ""}
            return head | {"choices": [{"index": index, **said, "finish_reason": reason}]}

        for index, pieces in enumerate(self.texts):
            if is_chat:
                role = {"delta": {"role": "assistant", "content": ""}, "finish_reason": None}
                chunks.append(head | {"choices": [{"index": index, **role}]})
            chunks += [chunk(index, piece, None) for piece in pieces]
        chunks += [chunk(index, None, reason) for index, reason in enumerate(self.reasons)]
        usage = self._usage()
        if usage is not None and (self.body.get("stream_options") or {}).get("include_usage"):
            chunks.append(head | {"choices": [], "usage": usage})
        return [_event(data) for data in chunks] + ["data: [DONE]\n\n"]

    def _response_events(self) -> list[str]:
        whole = self.whole()
        started = whole | {"status": "in_progress", "output": [], "usage": None}
        ids = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
        events: list[dict[str, Any]] = [{"type": "response.created", "response": started}]
        said = {"type": "response.output_text.delta"} | ids
        events += [said | {"delta": piece} for piece in self.texts[0]]
        done = "response.incomplete" if self.reasons[0] == "length" else "response.completed"
        events.append({"type": done, "response": whole})
        return [
            f"event: {event['type']}\n{_event(event | {'sequence_number': number})}"
            for number, event in enumerate(events)
        ]


def vector_of(prompt: Any) -> list[float]:
    """Three numbers that tell a text, each exact in 32 bits.

    >>> vector_of("ab")
    [2.0, 97.0, 0.5]
    """
    text = str(prompt)
    return [float(len(text)), float(ord(text[0]) if text else 0), 0.5]


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"
