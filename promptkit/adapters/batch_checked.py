"""Takes the requests of a batch through a policy, and their answers out of it again.

A batch passes by the layers of a session; its policy must hold all the same. A request that may not
be asked has its error for an outcome and is not sent.
"""

from __future__ import annotations

from typing import Any

from promptkit.errors import PromptkitError
from promptkit.request import Request
from promptkit.response import Response


def policies_of(transport: Any) -> list[Any]:
    """Return the policy layers of a stack, the outermost first."""
    found = []
    while transport is not None:
        if hasattr(transport, "judge_question"):
            found.append(transport)
        transport = getattr(transport, "inner", None)
    return found


class Checked:
    """The requests of one batch, each let in, refused, or answered by a person."""

    def __init__(self, transport: Any) -> None:
        """Check by the `promptkit.safety.policy.layer.PolicyLayer`s of a session's transport."""
        self._layers = policies_of(transport)
        self._outcomes: list[Any] = []

    async def let_in(self, requests: list[Request]) -> list[Request]:
        """Return the requests that are to be asked."""
        if not self._layers:
            return requests
        passing: list[Request] = []
        for request in requests:
            passed = await self._in(request)
            self._outcomes.append(passed)
            if isinstance(passed, list):
                passing.append(passed[-1].request)
        return passing

    async def _in(self, request: Request) -> Any:
        """Return the passages of a request, or what becomes of it instead."""
        passages: list[Any] = []
        for layer in self._layers:
            try:
                passage = layer.enter(request)
                if passage.answer is not None:
                    return self._left(passages, passage.answer)
                await layer.judge_question(passage.request)
            except PromptkitError as error:
                return error
            passages.append(passage)
            request = passage.request
        return passages

    async def let_out(self, answers: list[Any]) -> list[Any]:
        """Return the outcomes of all requests, in their order, given those that were asked.

        An answer that cannot be checked is an error in its place; the others are returned.
        """
        if not self._layers:
            return answers
        left = iter(answers)
        return [
            await self._out(outcome, next(left)) if isinstance(outcome, list) else outcome
            for outcome in self._outcomes
        ]

    async def _out(self, passages: list[Any], answer: Any) -> Any:
        if not isinstance(answer, Response):
            return answer
        try:
            for layer, passage in reversed(list(zip(self._layers, passages, strict=True))):
                await layer.judge_answer(passage, answer)
                answer = layer.leave(passage, answer)
        except PromptkitError as error:
            return error
        return answer

    def _left(self, passages: list[Any], answer: Response) -> Any:
        """Take an answer that an inner layer has out through the outer ones."""
        for layer, passage in reversed(list(zip(self._layers, passages, strict=False))):
            answer = layer.leave(passage, answer)
        return answer
