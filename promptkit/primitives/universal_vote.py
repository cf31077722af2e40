"""Universal self-consistency: let the model say which of several answers most others agree with.

Chen et al. 2023 (arXiv:2311.17311). It needs no extractor, so it works on free text: summaries,
code, open questions. By its abstract it matches self-consistency on mathematics; where an extractor
fits, `vote` is cheaper and surer. All answers stand in one prompt, so they must fit the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from promptkit.explanation import Bar, Bars, Section
from promptkit.primitives.answers import Extractor, final
from promptkit.primitives.asking.arguments import sampled
from promptkit.primitives.asking.distribution import Distribution
from promptkit.primitives.asking.likelihood import WeighBy, checked_votes, weigh
from promptkit.primitives.asking.primitive import Asked, followed_by, numbered, primitive
from promptkit.primitives.asking.sampling import TEMPERATURE, Candidate, Solver, draw
from promptkit.primitives.chain_of_thought import STEP_BY_STEP
from promptkit.prompt import Prompt
from promptkit.result import Result
from promptkit.session import Session

SELECT: Final = Prompt(
    "Several responses to this were written:\n{responses}\n\nWhich response says what most of the "
    "others say too? Go by what they conclude, not by how they are worded. Reply with its number "
    "only."
)
"""Slot `responses`; it stands after the question."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The responses, and which of them was selected.

    Attributes:
        texts: The responses, in the order drawn.
        likely: How likely each number was as the selection; None where there was nothing to select.
    """

    texts: tuple[Candidate, ...]
    likely: Distribution | None

    def sections(self) -> Iterator[Section]:
        """Yield the responses with their probabilities."""
        shares = self.likely.shares if self.likely else (0.0,) * len(self.texts)
        best = max(shares, default=0.0)
        bars = tuple(
            Bar(str(text), share, f"{share:.0%}", "chosen" if share == best > 0 else "plain")
            for text, share in zip(self.texts, shares, strict=True)
        )
        if self.likely is None and self.texts:
            bars = (Bar(str(self.texts[0]), 1.0, f"all {len(self.texts)}", "chosen"),)
        yield Bars("Selected as the most consistent", bars, full=1.0)


@primitive
async def universal_vote(
    session: Session,
    /,
    question: Asked,
    *,
    n: int = 5,
    extract: Extractor | None = None,
    prompt: Prompt = SELECT,
    by: WeighBy = "auto",
    votes: int = 3,
    read: Extractor | None = None,
    of: Solver | None = None,
    instruction: str = STEP_BY_STEP,
    examples: tuple[tuple[str, str], ...] = (),
    temperature: float = TEMPERATURE,
    **options: Any,
) -> Result[Any]:
    """Answer with the sample that the model finds most consistent with the others.

    `n` calls or runs of `of`, then one call where log-probabilities come, else `votes` calls. Each
    of these holds all samples once: it is as long as what they say together. Samples that all say
    the same in the same words are the answer, and nothing more is asked.

    >>> import promptkit as pk
    >>> def model(request):
    ...     said = ["Mice fear cats.", "Cats scare mice.", "Mice fear dogs."]
    ...     return "2" if "Several responses" in request.text else said[request.sample]
    >>> session = pk.connect(transport=pk.testing.Scripted(model), model="scripted")
    >>> print(pk.run(universal_vote(session, "Who fears whom?", n=3)))
    Cats scare mice. (100%)

    Args:
        session: Who answers, and selects.
        question: The question.
        n: How many samples to draw.
        extract: How the answer is read from the selected sample; None for its whole text.
        prompt: Stands after the question; slot `responses`, which are numbered from 1. Their lines
            are indented, so that none can pass for another response.
        by: Whether to select by log-probabilities, votes, or what there is.
        votes: How many selections are drawn where votes decide.
        read: What reads a number, as a text, from a selection that reasons first; then votes
            decide.
        of: A primitive that gives each sample; None to ask the question itself.
        instruction: Put after the question for the samples; empty for direct answers.
        examples: Worked pairs, put before the question for the samples.
        temperature: Of the samples.
        options: As for `Session.ask`, for the samples.

    Returns:
        The selected sample, or the answer read from it; None when nothing was selected, or all
        samples were empty. The confidence is the probability of the selection; the evidence is
        the `Selection`.

    Raises:
        OptionError: For a number of samples or votes that is none or not from 1 to 4096.
    """
    n, votes = sampled("n", n), checked_votes(votes, by, read)
    drawn = await draw(
        session,
        question,
        range(n),
        extract=extract or final,
        of=of,
        instruction=instruction,
        examples=examples,
        temperature=temperature,
        **options,
    )
    texts = tuple(each for each in drawn if each.strip())
    known: dict[str, Any] = {"samples": n, "extractor": "" if extract is None else str(extract)}
    if not texts:
        evidence = Selection(texts, None)
        return Result.unknown(f"all {n} samples are empty", evidence=evidence, **known)
    if len({text.strip() for text in texts}) == 1:
        return _answer(texts[0], 1.0, extract, known | {"evidence": Selection(texts, None)})
    numbers = tuple(str(number) for number in range(1, len(texts) + 1))
    asked = followed_by(question, prompt, responses=numbered(texts, "Response {}:\n"))
    likely = await weigh(session.step("select"), asked, numbers, by=by, votes=votes, extract=read)
    known |= {"evidence": Selection(texts, likely), "basis": likely.basis}
    if likely.best is None:
        return Result.unknown("no response was selected", **known)
    return _answer(texts[numbers.index(likely.best)], likely[likely.best], extract, known)


def _answer(
    chosen: Candidate, share: float, extract: Extractor | None, known: dict[str, Any]
) -> Result[Any]:
    value: Any = str(chosen) if extract is None else chosen.value
    if value is None:
        return Result.unknown("no answer found in the selected response", **known)
    return Result(value, share, **known)
