"""Constrained answers: hold the model to a form where that can be done, and check it everywhere.

The backend masks the words that would leave the form (Willard and Louf 2023, arXiv:2307.09702),
where it can; an answer that does not obey is asked for again.
"""

from __future__ import annotations

import json
from typing import Any, Final

from promptkit.adapters.obey import instance_of, is_type
from promptkit.constraint import DISOBEYS, Constraint
from promptkit.primitives.asking.arguments import sampled
from promptkit.primitives.asking.primitive import Asked, as_prompt, primitive, steady
from promptkit.request import Options
from promptkit.result import Result
from promptkit.session import Session

AGAIN: Final = 0.7
"""The temperature of further tries: at 0 they would say the same."""


@primitive
async def constrained(
    session: Session,
    /,
    question: Asked,
    constraint: Any,
    *,
    tries: int = 3,
    retry_temperature: float = AGAIN,
    **options: Any,
) -> Result[Any]:
    """Answer in a given form, or say that there was no such answer; at most `tries` calls.

    >>> import promptkit as pk
    >>> model = pk.testing.Scripted(lambda r: "About 1900." if r.sample == 0 else "1905")
    >>> session = pk.connect(transport=model, model="scripted")
    >>> pattern = pk.Constraint.regex("(?P<year>[0-9]{4})")
    >>> result = pk.run(constrained(session, "When did relativity appear?", pattern))
    >>> result.value, result.samples
    ({'year': '1905'}, 2)

    Args:
        session: Who answers.
        question: The question; it should say which form is wanted, since a backend that cannot be
            held to it knows it from there only.
        constraint: A Constraint, or what `Constraint.of` takes, such as a list of choices, a
            pydantic type or a guidance grammar.
        tries: The most answers to ask for. The first is the likeliest, the others are samples.
        retry_temperature: Of the others.
        options: As for `Session.ask`.

    Returns:
        For a choice the chosen text; for a type an instance of it; for a JSON schema the data; for
        a pattern or grammar its captures by name, or the text where it names none. None when no
        answer obeyed. The evidence is the last answer's text.

    Raises:
        OptionError: For fewer than one try, a temperature that is none, what stands for no
            constraint, and a schema or grammar that cannot be read: before anything is asked.
    """
    tries = sampled("tries", tries)
    Options(temperature=retry_temperature)  # which refuses what is none
    form = Constraint.of(constraint)
    form.allows("")  # reads the schema or grammar
    asking = steady(session, **options)
    prompt = as_prompt(question)
    text = ""
    for sample in range(tries):
        warmer: dict[str, Any] = {"temperature": retry_temperature} if sample else {}
        response = await asking.ask(prompt, constraint=form, sample=sample, **warmer)
        text = response.text
        obeys, value = _read(form, constraint, text)
        if obeys:
            return Result(value, evidence=text, samples=sample + 1)
    told = "the answer does" if tries == 1 else f"{tries} answers do"
    reason = f"{told} not obey the constraint"
    last = form.refusal(text)
    if last not in ("", DISOBEYS):
        reason = f"{reason}; of the last, {last}"
    return Result.unknown(reason, evidence=text, samples=tries)


def _read(form: Constraint, given: Any, text: str) -> tuple[bool, Any]:
    """Return whether a text obeys, and what it says."""
    captures = form.captures(text)
    if captures is None:
        return False, None
    if form.kind == "choice":
        if text in form.value:
            return True, text
        return True, next(option for option in form.value if option.strip() == text.strip())
    if form.kind == "json_schema":
        return instance_of(given, text) if is_type(given) else (True, json.loads(text))
    return True, captures or text.strip()
