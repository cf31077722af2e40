"""Debate: several answers to a question, each revised in the light of the others.

Du et al. 2023 (arXiv:2305.14325), with three agents and two rounds as there. Mind what it is worth:
Huang et al. 2023 (arXiv:2310.01798) find it no better than a vote of as many answers, and Choi et
al. 2025 (arXiv:2508.17536) lay most of its gain to the vote at its end. A `vote` of the same cost
is the thing to compare it with.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from promptkit.defaults import DRAWS
from promptkit.errors import OptionError
from promptkit.explanation import Bar, Bars, Section, Table
from promptkit.primitives.answers import Extractor, final, group
from promptkit.primitives.asking.arguments import counted
from promptkit.primitives.asking.primitive import (
    Asked,
    gather,
    numbered,
    primitive,
    with_instruction,
)
from promptkit.primitives.asking.sampling import TEMPERATURE, Candidate
from promptkit.primitives.chain_of_thought import STEP_BY_STEP
from promptkit.prompt import Message, Prompt
from promptkit.result import Result
from promptkit.session import Session

REVISE: Final = Prompt(
    "Others answered the same question:\n{answers}\n\nThey may be wrong, and so may you. Compare "
    "their reasoning with yours and give your answer anew. Write it alone on a last line that "
    "begins with «Answer:»."
)
"""Slot `answers`: what the others said last."""

_SAID_NOTHING: Final = "(no answer)"


@dataclass(frozen=True, slots=True)
class Debate:
    """What each agent said in each round.

    Attributes:
        rounds: The first answers, then each round of revised ones, in the order of the agents;
            each text knows the answer read from it.
        counts: (answer, agents) pairs of the last round, most first, ties by first appearance.
        extractor: How the answers were read.
    """

    rounds: tuple[tuple[Candidate, ...], ...]
    counts: tuple[tuple[Hashable, int], ...]
    extractor: str

    def sections(self) -> Iterator[Section]:
        """Yield the votes of the last round, then each agent's answers."""
        leader = self.counts[0][0] if self.counts else None
        bars = tuple(
            Bar(str(answer), count, str(count), "chosen" if answer == leader else "plain")
            for answer, count in self.counts
        )
        agents = len(self.rounds[-1])
        yield Bars(f"Last round, read by {self.extractor}", bars, full=agents)
        headings = ("agent", *(f"round {number}" for number in range(len(self.rounds))))
        rows = tuple(
            (str(agent + 1), *(_shown(said[agent].value) for said in self.rounds))
            for agent in range(agents)
        )
        yield Table("Answers", headings, rows)


def _shown(answer: Hashable | None) -> str:
    return "none" if answer is None else str(answer)


@primitive
async def debate(
    session: Session,
    /,
    question: Asked,
    *,
    agents: int = 3,
    rounds: int = 2,
    models: Sequence[str] = (),
    extract: Extractor = final,
    stop_when_agreed: bool = True,
    instruction: str = STEP_BY_STEP,
    revise: Prompt = REVISE,
    examples: tuple[tuple[str, str], ...] = (),
    temperature: float = TEMPERATURE,
    **options: Any,
) -> Result[Hashable]:
    """Answer as most agents do after they have read each other's answers.

    >>> import promptkit as pk
    >>> def model(request):
    ...     if "Others answered" in request.messages[-1].text:
    ...         return "Answer: 12"
    ...     return ["Answer: 12", "Answer: 13", "Answer: 14"][request.sample]
    >>> session = pk.connect(transport=pk.testing.Scripted(model), model="scripted")
    >>> result = pk.run(debate(session, "3 boxes of 4 pens?"))
    >>> result.value, result.confidence, result.samples
    ('12', 1.0, 6)

    It asks at most `agents * (1 + rounds)` questions; the later ones hold the `agents` answers of
    the round before, each once.

    Args:
        session: Who answers.
        question: The question.
        agents: How many answer. Agent i asks with `sample=i`, and in round r with
            `sample=i + r * agents`.
        rounds: How often each revises its answer.
        models: The agents' models in turn; empty for the session's. Different ones err differently.
        extract: How an answer is read from a text.
        stop_when_agreed: Stop as soon as all agents give the same answer. The paper goes on.
        instruction: Put after the question, for the first answers.
        revise: What an agent is told after its own last answer; slot `answers`, whose lines are
            indented, so that none can pass for another agent's answer.
        examples: Worked pairs, put before the question.
        temperature: Of all answers.
        options: As for `Session.ask`.

    Returns:
        The answer of most agents in the last round, ties to the earliest; None where none has one.
        The confidence is their share of the agents, which agree more than they know: it is no
        probability. The evidence is the `Debate`.

    Raises:
        OptionError: For fewer than two agents or one round, or more answers than 4096.
    """
    agents, rounds = counted("agents", agents, least=2), counted("rounds", rounds)
    if agents * (1 + rounds) > DRAWS:
        hint = f"agents * (1 + rounds) is at most {DRAWS}"
        raise OptionError(f"{agents} agents in {rounds} rounds", hint=hint)
    asked = with_instruction(question, instruction, examples)
    said: list[tuple[Candidate, ...]] = []
    for number in range(1 + rounds):
        if said and stop_when_agreed and _agree(said[-1], extract):
            break
        here = session.step(f"round {number}").using(temperature=temperature, **options)
        asks = []
        for agent in range(agents):
            model = models[agent % len(models)] if models else None
            heard = _messages(asked, agent, said, revise)
            asks.append(here.ask(heard, model=model, sample=agent + number * agents))
        texts = [response.text for response in await gather(asks)]
        said.append(tuple(Candidate(text, extract(text)) for text in texts))
    return _result(tuple(said), extract)


def _agree(said: Sequence[Candidate], extract: Extractor) -> bool:
    counts = _counts(said, extract)
    return bool(counts) and counts[0][1] == len(said)


def _counts(said: Sequence[Candidate], extract: Extractor) -> tuple[tuple[Hashable, int], ...]:
    groups = group([each.value for each in said], extract)
    return tuple((answer, len(places)) for answer, places in groups)


def _messages(
    asked: tuple[Message, ...], agent: int, said: Sequence[Sequence[Candidate]], revise: Prompt
) -> tuple[Message, ...]:
    """Return what an agent is asked: the question, its own last answer, those of the others."""
    if not said:
        return asked
    own = said[-1][agent].strip() or _SAID_NOTHING
    others = [text.strip() or _SAID_NOTHING for i, text in enumerate(said[-1]) if i != agent]
    told = revise.fill(answers=numbered(others))
    return (*asked, Message("assistant", own), *told.render())


def _result(said: tuple[tuple[Candidate, ...], ...], extract: Extractor) -> Result[Hashable]:
    counts = _counts(said[-1], extract)
    evidence = Debate(said, counts, str(extract))
    samples = sum(len(texts) for texts in said)
    known: dict[str, Any] = {"basis": "votes", "extractor": str(extract)}
    if not counts:
        reason = f"no answer found in the last round of {len(said[-1])}"
        return Result.unknown(reason, evidence=evidence, samples=samples, **known)
    leader, most = counts[0]
    return Result(leader, most / len(said[-1]), evidence, samples, **known)
