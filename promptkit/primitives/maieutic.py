"""Maieutic prompting: believe what explanations that fit together say, not what seems likely first.

Jung et al. 2022 (arXiv:2205.11822), with the constants of its reference code. The model is asked
why the statement is true and why it is false, and again below what it is not sure of (see
`beliefs.tree`). Each explanation is taken in the polarity in which it is believed; what it has to
do with each other one is judged; and the assignment that keeps most of the beliefs and relations
(see `solve_beliefs`) says which are true. The answer is what those say about the statement.

What is settled here otherwise than in the reference code:

- As there, the statement is no variable of the MAX-SAT problem: the answer is the sum, over the
  explanations that came out true, of 1 where one entails the statement or contradicts its
  negation, less 1 where one contradicts the statement or entails its negation. Without a judge it
  is a variable, related to its explanations by how the tree was grown, and its value the answer.
- A tie is not True. Then the model's own belief in the statement answers; where it has none,
  the answer is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, get_args

from promptkit.adapters.maxsat import Solver, check_solving
from promptkit.errors import OptionError
from promptkit.primitives.asking.arguments import counted, one_of, sampled, share, takes
from promptkit.primitives.asking.likelihood import WeighBy
from promptkit.primitives.asking.primitive import Asked, gather, primitive
from promptkit.primitives.beliefs.evidence import BeliefTree, Decider
from promptkit.primitives.beliefs.prompts import INSTRUCTED, MaieuticPrompts
from promptkit.primitives.beliefs.relations import (
    Pairs,
    by_belief,
    by_margin,
    in_time,
    is_tie,
    judge_of,
    reading,
    related,
    settled,
)
from promptkit.primitives.beliefs.tree import (
    INTEGRAL_ABOVE,
    Asking,
    Statement,
    grow,
    observe,
    pruned,
    same,
    stated,
)
from promptkit.primitives.entailment import Judge, entailment
from promptkit.primitives.solve_beliefs import Link, reconcile
from promptkit.result import Result, basis_of
from promptkit.session import Session


@primitive
async def maieutic(
    session: Session,
    /,
    statement: Asked,
    *,
    width: int = 3,
    depth: int = 2,
    negation: str = "",
    judge: Judge | None = entailment,
    pairs: Pairs = "all",
    prompts: MaieuticPrompts = INSTRUCTED,
    integral_above: float = INTEGRAL_ABOVE,
    by: WeighBy = "auto",
    votes: int = 5,
    temperature: float = 1.0,
    deeper_temperature: float = 0.5,
    solver: Solver = "milp",
    time_limit_s: float = 10.0,
    **options: Any,
) -> Result[bool]:
    """Tell whether a statement is true by what its explanations, reconciled, say about it.

    It makes up to `maieutic_calls(width, depth)` calls: at width 3 and depth 2, 76 for the tree
    (where the model reports log-probabilities) and 342 for relations if no statement is integral.
    Most trees are far smaller; a `judge` of your own, or None, makes no calls for relations.

    >>> import promptkit as pk
    >>> def model(request):
    ...     asked = request.messages[-1].text
    ...     if "explains why" in asked:
    ...         return "Swans are birds." if "it is true" in asked else ""
    ...     if "negation" in asked:
    ...         return "Swans are no birds." if "are birds" in asked else "No swan has feathers."
    ...     if "Premise" in asked:
    ...         return "contradicts" if asked.count("No swan") else "entails"
    ...     if "feathers" in asked:
    ...         return "true"  # to both, so that it has to be explained
    ...     return "false" if "no birds" in asked else "true"
    >>> session = pk.connect(transport=pk.testing.Scripted(model), model="scripted")
    >>> result = pk.run(maieutic(session, "Swans have feathers."))
    >>> result.value, result.evidence.readings
    (True, (('QT0', 2),))

    Args:
        session: Who answers.
        statement: What may be true. A question is first made into a statement, by one more call.
        width: How often it is asked why the statement is true, and why false; 0 for no
            explanations. Deeper down it is asked once.
        depth: How many levels of explanations there are at most; 0 for the model's belief alone.
        negation: The statement's opposite; empty to ask for it.
        judge: What relates two statements: `entailment` (a call each), or any function, async or
            not, of a session, a premise and a hypothesis that returns "entails", "contradicts" or
            "neutral". None for the tree's own structure: what explains the truth of a statement
            entails it, what explains its falsehood contradicts it.
        pairs: Which explanations the judge relates; "tree" costs less than "all".
        prompts: All texts the model sees; `COMPLETED` of `maieutic_prompts` for base models.
        integral_above: By how much p(E) and p(not E) differ where a statement is integral.
        by: Whether beliefs use log-probabilities, votes, or what there is.
        votes: How many answers are drawn for a belief where votes decide.
        temperature: Of the explanations at depth 1.
        deeper_temperature: Of those below.
        solver: See `solve_beliefs`.
        time_limit_s: See `solve_beliefs`.
        options: As for `Session.ask`; they hold for all calls. Models that reason before they
            answer need a larger `max_tokens`; the paper's is 64 for a sentence.

    Returns:
        Whether it is true; None for a tie where the model has no belief of its own. The confidence
        is the share of the explanations' readings that speak for the value; without a judge, the
        logistic function of how much more weight it keeps than its opposite; where the belief
        decides, p / (p + q). The evidence is the `BeliefTree`.
    """
    _check(width, depth, pairs, integral_above, votes)
    check_solving(solver, time_limit_s)
    if judge is not None:
        takes("judge", judge, "session", "premise", "hypothesis")
    how = Asking(
        prompts=prompts, integral_above=integral_above, by=by, votes=votes, options=options
    )
    session = session.using(api=prompts.api)
    first = session.step("belief")
    text = await stated(first, statement, how)
    root = await observe(first, "Q", text, how, _checked_negation(negation, text))
    tree = await grow(
        session, root, how, width=width, depth=depth, temperatures=(temperature, deeper_temperature)
    )
    kept = pruned(tree)
    known: dict[str, Any] = {"basis": basis_of(each.basis for each in tree)}
    if len(kept) == 1:
        evidence = BeliefTree((root,), len(tree) - 1, "belief")
        return by_belief(root, evidence, "", **known)
    solving: dict[str, Any] = {"solver": solver, "time_limit_s": time_limit_s}
    if judge is None:
        return await _by_structure(kept, len(tree) - len(kept), solving, known)
    judge = judge_of(judge, how)
    explanations = [node.believed() for node in kept[1:]]
    links = await related(session.step("relations"), explanations, judge, pairs)
    beliefs = {node.id: node.belief for node in explanations}
    solution = await in_time(len(beliefs), partial(reconcile, beliefs, links, **solving))
    true = [node for node in explanations if solution.values[node.id]]
    answering = session.step("answer")
    readings = await gather(reading(answering, node, root, judge) for node in true)
    evidence = BeliefTree(
        (root, *explanations),
        len(tree) - len(kept),
        "explanations",
        solution,
        tuple((node.id, score) for node, score in zip(true, readings, strict=True)),
    )
    return _read(root, evidence, known)


def maieutic_calls(
    width: int = 3,
    depth: int = 2,
    *,
    votes: int = 5,
    judge_calls: int = 1,
    pairs: Pairs = "all",
) -> int:
    """Return the most calls that `maieutic` makes.

    >>> maieutic_calls(3, 2, votes=1, judge_calls=0), maieutic_calls(3, 2, votes=1)
    (76, 418)

    Args:
        width: As for `maieutic`.
        depth: As for `maieutic`.
        votes: As for `maieutic`; 1 where the model reports log-probabilities.
        judge_calls: How many calls the judge makes for a pair; 0 for a function of your own.
        pairs: As for `maieutic`.
    """
    _check(width, depth, pairs, 0.0, votes)
    counted("judge_calls", judge_calls, least=0)
    first = 2 * width if depth else 0
    nodes = first * ((1 << depth) - 1)  # below each, one of either kind
    tree = 1 + nodes + (1 + nodes) * (1 + 2 * votes)  # restated, explained, negated and believed
    related = nodes * (nodes - 1)
    if pairs == "tree":  # siblings; below the first level, one of them, and the parent both ways
        related = first * (first - 1) + (nodes - first) * 3
    return tree + judge_calls * (related + 2 * nodes)


def _check(width: int, depth: int, pairs: str, integral_above: float, votes: int) -> None:
    for name, number in (("width", width), ("depth", depth)):
        counted(name, number, least=0)  # 0 is the model's belief alone
    sampled("votes", votes)
    one_of("pairs", pairs, get_args(Pairs))
    share("integral_above", integral_above, below=1)


def _checked_negation(negation: str, text: str) -> str:
    opposite = " ".join(negation.split())
    if opposite and same(opposite, text):
        hint = "it differs from the statement"
        raise OptionError("a negation that is the statement itself", hint=hint)
    return opposite


async def _by_structure(
    kept: Sequence[Statement], left_out: int, how: dict[str, Any], known: dict[str, Any]
) -> Result[bool]:
    """Answer by the value of the statement, related to its explanations as the tree was grown."""
    links: list[Link] = [
        (node.id, "entails" if node.explains_truth else "contradicts", node.parent, 1.0)
        for node in kept[1:]
    ]
    solution, margin = await settled(kept[0], kept[1:], links, **how)
    decided: Decider = "belief" if is_tie(margin) else "explanations"
    evidence = BeliefTree(tuple(kept), left_out, decided, solution)
    return by_margin(kept[0], solution, margin, evidence, **known)


def _read(root: Statement, evidence: BeliefTree, known: dict[str, Any]) -> Result[bool]:
    scores = [score for _, score in evidence.readings]
    total, said = sum(scores), sum(map(abs, scores))
    if total == 0:
        evidence = replace(evidence, decided_by="belief")
        return by_belief(root, evidence, "the explanations tie", rounded=True, **known)
    return Result(total > 0, (said + abs(total)) / (2 * said), evidence, **known)
