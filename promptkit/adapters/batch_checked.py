"""Takes the requests of a batch through a policy, and their answers out of it again.

A batch passes by the layers of a session; its policy must hold all the same. A request that may not
be asked has its error for an outcome and is not sent.
"""

from __future__ import annotations

from typing import Any

from promptkit.errors import BlockedError
from promptkit.request import Request
from promptkit.response import Response


class Checked:
    """The requests of one batch, each let in, refused, or answered by a person."""

    def __init__(self, layer: Any) -> None:
        """Check by `layer`, a `promptkit.safety.policy.layer.PolicyLayer`; None checks nothing."""
        self._layer = layer
        self._outcomes: list[Any] = []

    async def let_in(self, requests: list[Request]) -> list[Request]:
        """Return the requests that are to be asked."""
        if self._layer is None:
            return requests
        passing: list[Request] = []
        for request in requests:
            try:
                passage = self._layer.enter(request)
                if passage.answer is None:
                    await self._layer.judge_question(passage.request)
            except BlockedError as error:
                self._outcomes.append(error)
            else:
                self._outcomes.append(passage if passage.answer is None else passage.answer)
                if passage.answer is None:
                    passing.append(passage.request)
        return passing

    async def let_out(self, answers: list[Any]) -> list[Any]:
        """Return the outcomes of all requests, in their order, given those that were asked."""
        if self._layer is None:
            return answers
        left = iter(answers)
        return [
            outcome
            if isinstance(outcome, (Response, BlockedError))
            else await self._out(outcome, next(left))
            for outcome in self._outcomes
        ]

    async def _out(self, passage: Any, answer: Any) -> Any:
        if not isinstance(answer, Response):
            return answer
        try:
            await self._layer.judge_answer(passage, answer)
            return self._layer.leave(passage, answer)
        except BlockedError as error:
            return error
