"""Refine: try again while something outside the model says that the answer is wrong.

Madaan et al. 2023 (Self-Refine, arXiv:2303.17651) and Shinn et al. 2023 (Reflexion,
arXiv:2303.11366) let a model criticise and rewrite its own answer. On questions with a right answer
that lowers accuracy when nobody tells the model that it is wrong (Huang et al. 2023,
arXiv:2310.01798): GPT-4 on GSM8K from 95.5 to 91.5 and 89.0 % in two rounds; GPT-3.5 from 75.9 to
75.1 and 74.7 %, and on CommonsenseQA from 75.8 to 38.1 and 41.8 %. Told which answers are wrong, it
gains: GPT-4 on 1,000 exam questions from 78.6 to 82.7 % by trying again, and to 93.2 % with all its
reflections (Renze and Guven 2024, arXiv:2405.06682; replayed in tests/replication).

So there is no refining without a signal. What says «wrong» is a check, a solver, a search, another
model; the answer stands as soon as the signal does not.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from promptkit.errors import OptionError
from promptkit.explanation import Section, Table
from promptkit.primitives.answers import Extractor, final
from promptkit.primitives.asking.arguments import counted, share, takes
from promptkit.primitives.asking.primitive import Asked, followed_by, primitive, steady
from promptkit.primitives.asking.sampling import Candidate, Solver, draw
from promptkit.primitives.chain_of_thought import STEP_BY_STEP
from promptkit.primitives.checks import Check
from promptkit.primitives.verifier import Judged, Verifier, judge_one
from promptkit.prompt import Prompt
from promptkit.result import Result
from promptkit.session import Session

REVISE: Final = Prompt(
    "An earlier answer was found to be wrong:\n{draft}\n\nWhat was said about it: {reason}\n\n"
    "Answer the question again, without that mistake. {instruction:trusted}"
)
"""Slots `draft`, `reason` and `instruction`; it stands after the question."""


@dataclass(frozen=True, slots=True)
class Tries:
    """All answers in their order, and what the signal said about each."""

    tries: tuple[Judged, ...]

    def sections(self) -> Iterator[Section]:
        """Yield the answers with what was said about them."""
        rows = tuple(
            (str(number), str(each.text), _said(each)) for number, each in enumerate(self.tries, 1)
        )
        yield Table("Tries", ("", "answer", "the signal"), rows)


def _said(each: Judged) -> str:
    score = "" if each.score is None else f"{each.score:.0%} "
    return f"{score}{each.reason}".strip()


@primitive
async def refine(
    session: Session,
    /,
    question: Asked,
    *,
    signal: Verifier | None = None,
    checks: Sequence[Check] = (),
    rounds: int = 3,
    accept_at: float = 0.5,
    draft: str | None = None,
    of: Solver | None = None,
    extract: Extractor = final,
    prompt: Prompt = REVISE,
    instruction: str = STEP_BY_STEP,
    **options: Any,
) -> Result[Hashable]:
    """Answer, and answer again while a check or another signal says that it is wrong.

    At most `rounds + 1` calls, and as many runs of the signal; one call and one run when the first
    answer stands.

    >>> import promptkit as pk
    >>> def model(request):
    ...     return "Answer: 12" if "found to be wrong" in request.text else "3 * 4 = 13. Answer: 13"
    >>> session = pk.connect(transport=pk.testing.Scripted(model), model="scripted")
    >>> arithmetic = pk.primitives.checks.arithmetic
    >>> result = pk.run(refine(session, "3 boxes of 4 pens?", checks=[arithmetic]))
    >>> result.value, [each.reason for each in result.evidence.tries]
    ('12', ['3 * 4 is 12, not 13', 'no check could say'])

    Args:
        session: Who answers.
        question: The question.
        signal: What says how likely an answer is right: any function of session, question and
            answer, see `verifier`. What it says (a Verdict's reason) is told to the model.
        checks: What refuses an answer before the signal is asked, see `checks`.
        rounds: How often the model may try again.
        accept_at: The score from which an answer is not wrong.
        draft: A first answer; None to ask for one.
        of: A primitive that gives the first answer; None to ask the question itself.
        extract: How an answer is read from a text.
        prompt: Stands after the question; slots `draft`, `reason` and `instruction`.
        instruction: How to answer.
        options: As for `Session.ask`; the temperature is 0 if neither they nor the session set it.

    Returns:
        The first answer that the signal does not call wrong: one that it cannot judge stands too,
        with no confidence. Unknown when all are wrong, or the model repeats a wrong one. The
        confidence is the signal's score; the evidence are the `Tries`.

    Raises:
        OptionError: Without a signal or checks: a model that rereads its own answer makes it
            worse; or for rounds or a score that are none.
    """
    if signal is None and not checks:
        hint = (
            "give signal= or checks=; a model that only rereads its own answer makes it worse, so "
            "there is no refining without one"
        )
        raise OptionError("nothing says whether an answer is wrong", hint=hint)
    if signal is not None:
        takes("signal", signal, "session", "question", "answer")
    rounds, accept_at = counted("rounds", rounds, least=0), share("accept_at", accept_at, above=0)
    asker = steady(session, **options)
    drawn = 0
    if draft is None:
        here = asker.step("try 1")
        first: dict[str, Any] = {"extract": extract, "of": of, "instruction": instruction}
        first["temperature"] = here.defaults.options.temperature
        (answer,) = await draw(here, question, (0,), **first)
        drawn = 1
    else:
        answer = Candidate(draft, extract(draft))
    tries: list[Judged] = []
    ending = "the answers were found to be wrong"
    while True:
        here = session.step(f"signal {len(tries) + 1}")
        tries.append(await _signalled(here, question, answer, signal, checks))
        reason = _wrong(tries[-1], accept_at)
        if not reason or len(tries) > rounds:
            break
        told = {"draft": str(answer), "reason": reason, "instruction": instruction}
        asked = followed_by(question, prompt, **told)
        text = (await asker.step(f"try {len(tries) + 1}").ask(asked)).text
        drawn += 1
        if any(text == each.text for each in tries):
            ending = "the model repeats an answer that was found to be wrong"
            break
        answer = Candidate(text, extract(text))
    known: dict[str, Any] = {
        "evidence": Tries(tuple(tries)),
        "samples": drawn,
        "basis": tries[-1].basis,
        "extractor": str(extract),
    }
    if reason:
        return Result.unknown(ending, **known)
    score = tries[-1].score
    confidence = score if score is not None and score <= 1 else None
    return Result(answer.value, confidence, **known)


async def _signalled(
    session: Session,
    question: Asked,
    answer: Candidate,
    signal: Verifier | None,
    checks: Sequence[Check],
) -> Judged:
    if answer.value is None:
        return Judged(answer, None, "no answer was found in it", is_refused=True)
    return await judge_one(session, question, answer, signal, checks)


def _wrong(judged: Judged, accept_at: float) -> str:
    """Why an answer is wrong; empty where nothing says that it is."""
    is_low = judged.score is not None and judged.score < accept_at
    return judged.reason or "It is wrong." if judged.is_refused or is_low else ""
