"""What a tree of thoughts asks of a model: next thoughts, and how promising each is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from promptkit.errors import OptionError
from promptkit.primitives.answers import choice
from promptkit.primitives.asking.arguments import counted, one_of, sampled
from promptkit.primitives.asking.distribution import Distribution
from promptkit.primitives.asking.likelihood import WeighBy, weigh
from promptkit.primitives.asking.primitive import Asked, followed_by, gather, steady
from promptkit.primitives.thoughts.prompts import ThoughtPrompts
from promptkit.primitives.thoughts.thought import Thought, Thoughts
from promptkit.prompt import Prompt
from promptkit.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What a search needs to know: the arguments of `tree_of_thoughts`."""

    question: Asked
    steps: int
    search: Literal["breadth", "depth"]
    keep: int
    width: int
    generate: Literal["propose", "sample"]
    judge: Literal["value", "vote"]
    values: int
    max_nodes: int
    state: Callable[[Thoughts], str]
    read: Callable[[Thoughts, str], Iterable[str]]
    is_final: Callable[[Thoughts], bool] | None
    prompts: ThoughtPrompts
    worths: Sequence[tuple[str, float]]
    by: WeighBy
    temperature: float
    options: Mapping[str, Any]

    def __post_init__(self) -> None:
        """Check the numbers and the ways."""
        for name in ("steps", "keep", "max_nodes"):
            counted(name, getattr(self, name))
        for name in ("width", "values"):
            sampled(name, getattr(self, name))
        ways = {
            "search": ("breadth", "depth"),
            "generate": ("propose", "sample"),
            "judge": ("value", "vote"),
            "by": get_args(WeighBy),
        }
        for name, allowed in ways.items():
            one_of(name, getattr(self, name), allowed)
        if not self.worths:
            raise OptionError("worths is empty", hint="name the words of a value, the worst last")


async def next_thoughts(session: Session, problem: Problem, thought: Thought) -> list[Thought]:
    """Ask for the thoughts that may come next."""
    words = {"state": thought.state, "count": str(problem.width)}
    if problem.generate == "propose":
        prompt = followed_by(problem.question, problem.prompts.propose, **words)
        reply = await steady(session, **problem.options).ask(prompt)
        found = list(problem.read(thought.path, reply.text))
    else:
        prompt = followed_by(problem.question, problem.prompts.sample, **words)
        found = [
            text
            for reply in await _replies(session, problem, prompt, problem.width)
            for text in list(problem.read(thought.path, reply))[:1]
        ]
    texts = [text for text in dict.fromkeys(found) if text][: problem.width]
    paths = [(*thought.path, text) for text in texts]
    return [Thought(path, problem.state(path)) for path in paths]


async def judge_all(
    session: Session, problem: Problem, thoughts: list[Thought], known: dict[str, Distribution]
) -> list[Thought]:
    """Give each thought its value; states judged before are not judged again."""
    if problem.judge == "vote":
        return await _compare(session, problem, thoughts, known)
    worths = dict(problem.worths)
    words = ", ".join(worths)
    new = [state for state in dict.fromkeys(t.state for t in thoughts) if state not in known]
    prompts = [
        followed_by(problem.question, problem.prompts.value, state=state, words=words)
        for state in new
    ]
    asks = [_weigh(session, problem, prompt, tuple(worths)) for prompt in prompts]
    known |= dict(zip(new, await gather(asks), strict=True))
    worst = problem.worths[-1][0]
    return [
        replace(
            thought,
            value=sum(worths[word] * _votes(problem, judged, word) for word in worths),
            is_pruned=problem.search == "depth" and judged.best == worst,
        )
        for thought in thoughts
        for judged in [known[thought.state]]
    ]


async def _compare(
    session: Session, problem: Problem, thoughts: list[Thought], known: dict[str, Distribution]
) -> list[Thought]:
    """Let the thoughts of a level be compared; a thought's value is how often it was the best."""
    if len(thoughts) == 1:
        return thoughts
    numbers = tuple(str(number) for number in range(1, len(thoughts) + 1))
    states = "\n\n".join(f"{n}:\n{t.state}" for n, t in zip(numbers, thoughts, strict=True))
    prompt = followed_by(
        problem.question, problem.prompts.vote, states=states, count=str(len(thoughts))
    )
    judged = known[states] = await _weigh(session, problem, prompt, numbers)
    return [
        replace(thought, value=_votes(problem, judged, number))
        for number, thought in zip(numbers, thoughts, strict=True)
    ]


def _votes(problem: Problem, judged: Distribution, option: str) -> float:
    return problem.values * judged.mass * judged[option]


async def _weigh(
    session: Session, problem: Problem, prompt: Prompt, options: tuple[str, ...]
) -> Distribution:
    heat = problem.temperature
    more: dict[str, Any] = {"votes": problem.values, "temperature": heat, **problem.options}
    if problem.by == "votes":
        more["extract"] = choice(options)  # from a judge that thinks before its word
    return await weigh(session, prompt, options, by=problem.by, **more)


async def _replies(session: Session, problem: Problem, prompt: Prompt, n: int) -> list[str]:
    asking: dict[str, Any] = {"temperature": problem.temperature, **problem.options}
    asks = [session.ask(prompt, sample=number, **asking) for number in range(n)]
    return [response.text for response in await gather(asks)]
