"""Chain of thought: let the model write its reasoning before the answer.

Wei et al. 2022 (arXiv:2201.11903) with worked examples, Kojima et al. 2022 (arXiv:2205.11916)
without.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final

from promptkit.primitives.answers import Extractor, final
from promptkit.primitives.primitive import Asked, primitive, with_instruction
from promptkit.result import Result
from promptkit.session import Session

STEP_BY_STEP: Final = (
    "Think step by step. Then write the answer alone on a last line that begins with «Answer:»."
)


@primitive
async def chain_of_thought(
    session: Session,
    /,
    question: Asked,
    *,
    extract: Extractor = final,
    instruction: str = STEP_BY_STEP,
    examples: tuple[tuple[str, str], ...] = (),
    sample: int = 0,
    **options: Any,
) -> Result[Hashable]:
    r"""Answer after reasoning in words; one call.

    >>> import promptkit as pk
    >>> model = pk.testing.Scripted("3 boxes of 4 are 12.\nAnswer: 12")
    >>> session = pk.connect(transport=model, model="scripted")
    >>> answer = chain_of_thought(
    ...     session, "3 boxes of 4 pens?", extract=pk.primitives.answers.number
    ... )
    >>> pk.run(answer).value
    12

    Args:
        session: Who answers.
        question: The question.
        extract: How the answer is read from the text.
        instruction: Put after the question.
        examples: Worked (question, reasoning with answer) pairs, put before it.
        sample: Which of several chains.
        options: As for `Session.ask`.

    Returns:
        The answer, None where the text holds none; the evidence is the text.
    """
    messages = with_instruction(question, instruction, examples)
    response = await session.ask(messages, sample=sample, **options)
    value = extract(response.text)
    reason = "" if value is not None else "no answer found in the text"
    return Result(value, evidence=response.text, reason=reason, extractor=str(extract))
