"""Tree of thoughts: search over steps of reasoning, with the model as guide.

Yao et al. 2023 (arXiv:2305.10601). The model proposes next steps and judges how promising each is;
an ordinary search decides where to go on. Breadth first keeps the best few of each level. Depth
first follows the most promising step, gives up what is judged impossible, and goes back.

What a problem is, is said in small functions of the thoughts so far: `state` (what remains to be
solved; equal states are one), `read` (which thoughts a reply proposes) and `is_final` (whether the
problem is solved).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Literal

from promptkit.primitives.answers import Extractor, final
from promptkit.primitives.asking.distribution import Distribution
from promptkit.primitives.asking.likelihood import WeighBy
from promptkit.primitives.asking.primitive import Asked, gather, primitive
from promptkit.primitives.asking.sampling import TEMPERATURE
from promptkit.primitives.thoughts.prompts import BRIEF, THOUGHTS, ThoughtPrompts
from promptkit.primitives.thoughts.thinking import Problem, judge_all, next_thoughts
from promptkit.primitives.thoughts.thought import Thought, Thoughts, Tree, lines, so_far
from promptkit.result import Result, basis_of
from promptkit.session import Session

WORTHS: Final = (("sure", 20.0), ("likely", 1.0), ("impossible", 0.001))
"""What the words of a value count for, as in the authors' code for the game of 24."""


@primitive
async def tree_of_thoughts(
    session: Session,
    /,
    question: Asked,
    *,
    steps: int = 3,
    search: Literal["breadth", "depth"] = "breadth",
    keep: int = 5,
    width: int = 8,
    generate: Literal["propose", "sample"] = "propose",
    judge: Literal["value", "vote"] = "value",
    values: int = 3,
    max_nodes: int = 100,
    state: Callable[[Thoughts], str] = so_far,
    read: Callable[[Thoughts, str], Iterable[str]] = lines,
    is_final: Callable[[Thoughts], bool] | None = None,
    extract: Extractor = final,
    prompts: ThoughtPrompts | None = None,
    worths: Sequence[tuple[str, float]] = WORTHS,
    by: WeighBy = "votes",
    temperature: float = TEMPERATURE,
    **options: Any,
) -> Result[Any]:
    r"""Answer by a search over steps of reasoning that the model proposes and judges.

    >>> import promptkit as pk
    >>> def model(request):
    ...     asked = request.messages[-1].text
    ...     return "left\nright" if "next steps" in asked else "sure" if "right" in asked else "hm"
    >>> session = pk.connect(transport=pk.testing.Scripted(model), model="scripted")
    >>> result = pk.run(tree_of_thoughts(session, "How does one get out?", steps=2))
    >>> print(result.evidence)
    right
    left

    How many questions it asks at most: a node that is gone on from takes one for proposals or
    `width` for samples, and `width * values` to judge what came (by vote, `values` for a level or
    a node). There are `1 + keep * (steps - 1)` such nodes breadth first, `max_nodes` depth first.

    Args:
        session: Who answers.
        question: The question; it stands before each prompt.
        steps: The most thoughts of a path.
        search: "breadth" or "depth" first.
        keep: How many thoughts of a level breadth first goes on from.
        width: The most next thoughts of one node.
        generate: "propose" asks once for all next thoughts of a node, "sample" once for each.
        judge: "value" judges each thought by itself, "vote" compares them.
        values: How often each judgement is asked for.
        max_nodes: How many nodes depth first goes on from before it gives up.
        state: From the thoughts so far to what remains, as the prompts show it. Paths that come
            to the same state are one, and a state is judged once.
        read: From the thoughts so far and a reply to the next thoughts; it may leave out what is
            not allowed.
        is_final: Whether the thoughts solve the problem. The first path that does is the answer;
            where none does, it is unknown. None takes the best path of `steps` thoughts.
        extract: How the answer is read from the chosen path, its thoughts one a line.
        prompts: All texts that the model sees; None is `THOUGHTS`, and `BRIEF` unless `by` votes.
        worths: The words of a value and what each counts for, the one for «impossible» last.
        by: "votes" lets the judge think before its word, as in the paper; "logprobs" and "auto"
            read the word's probability off one answer where the model tells it.
        temperature: Of samples and judgements; proposals are asked for once, at 0.
        options: As for `Session.ask`.

    Returns:
        The answer; None where no path was found, or the path holds no answer. The evidence is the
        `Tree`.

    Raises:
        OptionError: For numbers below 1, or ways that there are not.
    """
    problem = Problem(
        question=question,
        steps=steps,
        search=search,
        keep=keep,
        width=width,
        generate=generate,
        judge=judge,
        values=values,
        max_nodes=max_nodes,
        state=state,
        read=read,
        is_final=is_final,
        prompts=prompts or (THOUGHTS if by == "votes" else BRIEF),
        worths=worths,
        by=by,
        temperature=temperature,
        options=options,
    )
    known: dict[str, Distribution] = {}
    tree = await (_breadth_first if search == "breadth" else _depth_first)(session, problem, known)
    value = extract("\n".join(tree.path)) if tree.path else None
    found: dict[str, Any] = {
        "basis": basis_of(judged.basis for judged in known.values()),
        "extractor": str(extract),
    }
    if value is not None:
        return Result(value, evidence=tree, **found)
    reason = "no path solves the question" if tree.thoughts else "no step was proposed"
    if tree.path:
        reason = "no answer found in the thoughts"
    return Result.unknown(reason, evidence=tree, **found)


async def _breadth_first(
    session: Session, problem: Problem, known: dict[str, Distribution]
) -> Tree:
    """Go on from the best `keep` thoughts of each level."""
    level, expanded = [_root(problem)], 0
    came: list[Thought] = []
    for depth in range(1, problem.steps + 1):
        here = session.step(f"level {depth}")
        expanded += len(level)
        following = await gather(next_thoughts(here, problem, thought) for thought in level)
        thoughts = _merge([thought for some in following for thought in some], set())
        solved = _solving(problem, thoughts)
        is_last = depth == problem.steps and problem.is_final is not None
        if solved or is_last or not thoughts:
            return Tree((*came, *thoughts), solved.path if solved else (), expanded)
        thoughts = await judge_all(here, problem, thoughts, known)
        came += thoughts
        level = _best_first(thoughts)[: problem.keep]
    return Tree(tuple(came), level[0].path, expanded)


async def _depth_first(session: Session, problem: Problem, known: dict[str, Distribution]) -> Tree:
    """Follow the most promising thought, give up what is impossible, and go back."""
    waiting, expanded = [_root(problem)], 0
    came: list[Thought] = []
    seen: set[tuple[int, str]] = set()
    while waiting and expanded < problem.max_nodes:
        thought = waiting.pop(0)
        expanded += 1
        here = session.step(f"node {expanded}")
        thoughts = _merge(await next_thoughts(here, problem, thought), seen)
        solved = _solving(problem, thoughts)
        is_last = len(thought.path) + 1 == problem.steps
        if solved or (is_last and problem.is_final) or not thoughts:
            came += thoughts
            if solved:
                return Tree(tuple(came), solved.path, expanded)
            continue
        thoughts = await judge_all(here, problem, thoughts, known)
        came += thoughts
        going_on = [each for each in _best_first(thoughts) if not each.is_pruned]
        if is_last and going_on:
            return Tree(tuple(came), going_on[0].path, expanded)
        waiting = going_on + waiting
    return Tree(tuple(came), (), expanded)


def _root(problem: Problem) -> Thought:
    return Thought((), problem.state(()))


def _solving(problem: Problem, thoughts: Iterable[Thought]) -> Thought | None:
    if problem.is_final is None:
        return None
    return next((each for each in thoughts if problem.is_final(each.path)), None)


def _merge(thoughts: Iterable[Thought], seen: set[tuple[int, str]]) -> list[Thought]:
    """Leave out states that this depth has already; remember the others."""
    new = []
    for thought in thoughts:
        if (place := (len(thought.path), thought.state)) not in seen:
            seen.add(place)
            new.append(thought)
    return new


def _best_first(thoughts: Iterable[Thought]) -> list[Thought]:
    """Sort by value, ties by who came first."""
    return sorted(thoughts, key=lambda thought: -(thought.value or 0.0))
