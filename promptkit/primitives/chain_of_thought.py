"""Chain of thought: let the model write its reasoning before the answer.

With worked examples it is that of Wei et al. 2022 (arXiv:2201.11903). Without them it is that of
Kojima et al. 2022 (arXiv:2205.11916), who ask twice: first for the reasoning, then for the answer
that follows from it. Models that follow instructions can be asked for both at once.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any, Final

from promptkit.primitives.answers import Extractor, final
from promptkit.primitives.asking.arguments import counted, draw_number
from promptkit.primitives.asking.primitive import (
    Asked,
    as_prompt,
    primitive,
    steady,
    with_instruction,
)
from promptkit.prompt import Message
from promptkit.result import Result
from promptkit.session import Session

STEP_BY_STEP: Final = (
    "Think step by step. Then write the answer alone on a last line that begins with «Answer:»."
)
"""Asks for reasoning and answer at once."""

LETS_THINK: Final = "Let's think step by step."
"""Asks for the reasoning, in two stages: the paper's words."""

THEREFORE: Final = "Therefore, the answer is"
"""Asks for the answer, in two stages: the paper's words (appendix A.5)."""

THEREFORE_NUMBER: Final = "Therefore, the answer (arabic numerals) is"
"""The same where a number is read."""

THEREFORE_YES_NO: Final = "Therefore, the answer (Yes or No) is"
"""The same where yes or no is read."""


@primitive
async def chain_of_thought(
    session: Session,
    /,
    question: Asked,
    *,
    extract: Extractor = final,
    stages: int = 1,
    instruction: str | None = None,
    conclusion: str | None = None,
    examples: tuple[tuple[str, str], ...] = (),
    sample: int = 0,
    **options: Any,
) -> Result[Hashable]:
    r"""Answer after reasoning in words; as many calls as `stages`, one or two.

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
        stages: 1 asks for reasoning and answer in one text. 2 asks for the reasoning, then for
            the answer that follows from it; the second call is spared when the first stays empty.
        instruction: Asks for the reasoning, after the question. None is `STEP_BY_STEP` for one
            stage and `LETS_THINK` for two.
        conclusion: Asks for the answer in the second stage. None is `THEREFORE_NUMBER` or
            `THEREFORE_YES_NO` where `extract` reads one of these, else `THEREFORE`.
        examples: Worked (question, reasoning with answer) pairs, put before it. In two stages
            they stand before the first.
        sample: Which of several chains; beside it, name a temperature: at 0 all are alike.
        options: As for `Session.ask`; the temperature is 0 if neither they nor the session set it.

    Returns:
        The answer, None where the text holds none. The evidence is the text; with two stages the
        reasoning and, on a line of its own, `conclusion` with the answer.
    """
    stages, sample = counted("stages", stages, most=2), draw_number("sample", sample)
    asker = steady(session, **options)
    if stages == 1:
        asked = STEP_BY_STEP if instruction is None else instruction
        messages = with_instruction(question, asked, examples)
        text = (await asker.ask(messages, sample=sample)).text
        return _result(extract(text), text, extract)
    lead = LETS_THINK if instruction is None else instruction
    messages = with_lead(question, lead, examples)
    reasoning = (await asker.ask(messages, sample=sample)).text.strip()
    if not reasoning:
        return _result(None, "", extract)
    therefore = _conclusion(extract) if conclusion is None else conclusion
    messages = (*messages, Message("assistant", reasoning), Message("user", therefore))
    answer = (await asker.ask(messages, sample=sample)).text.strip()
    return _result(_follows(answer, extract), f"{reasoning}\n{therefore} {answer}", extract)


def with_lead(
    question: Asked, lead: str, examples: tuple[tuple[str, str], ...] = ()
) -> tuple[Message, ...]:
    r"""Return the messages of the first stage, in the paper's form.

    >>> with_lead("2 + 2?", LETS_THINK)[0].text
    "Q: 2 + 2?\nA: Let's think step by step."
    """
    prompt = as_prompt(question)
    literal = lead.replace("{", "{{").replace("}", "}}")
    asked = replace(prompt, user=f"Q: {prompt.user}\nA: {literal}")
    return replace(asked, examples=(*examples, *prompt.examples)).render()


def _conclusion(extract: Extractor) -> str:
    return {"number": THEREFORE_NUMBER, "yes_no": THEREFORE_YES_NO}.get(extract.name, THEREFORE)


def _follows(answer: str, extract: Extractor) -> Hashable | None:
    """Read what stands after «the answer is»: as in the paper, what is said first counts."""
    if not answer:
        return None
    value = extract(f"The answer is {answer}")
    return extract(answer) if value is None else value


def _result(value: Hashable | None, text: str, extract: Extractor) -> Result[Hashable]:
    reason = "" if value is not None else "no answer found in the text"
    return Result(value, evidence=text, reason=reason, extractor=str(extract))
