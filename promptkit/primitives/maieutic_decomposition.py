"""Maieutic decomposition: split a compound claim, judge each part, and reconcile the parts.

A claim such as «A and B, because C» is as true as its parts together. So the parts are asked about
one by one, and one weighted MAX-SAT problem (see `solve_beliefs`) brings their beliefs and that in
the whole together: the claim entails each part, and the parts together entail the claim. Built
from the pieces of maieutic prompting (Jung et al. 2022, arXiv:2205.11822); no paper has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from promptkit.adapters.maxsat import Solver, check_solving
from promptkit.errors import OptionError
from promptkit.explanation import Section, Table
from promptkit.primitives import answers
from promptkit.primitives.asking.arguments import counted, finite, sampled, takes
from promptkit.primitives.asking.likelihood import WeighBy
from promptkit.primitives.asking.primitive import Asked, fill, gather, primitive, steady
from promptkit.primitives.asking.sampling import Solver as Answerer
from promptkit.primitives.beliefs.prompts import INSTRUCTED, MaieuticPrompts
from promptkit.primitives.beliefs.relations import (
    by_belief,
    by_margin,
    judge_of,
    related,
    settled,
)
from promptkit.primitives.beliefs.tree import Asking, Statement, observe, same, stated
from promptkit.primitives.entailment import Judge
from promptkit.primitives.list_items import list_items
from promptkit.primitives.solve_beliefs import Link, Reconciliation
from promptkit.primitives.verifier import probability
from promptkit.prompt import Prompt
from promptkit.result import Result, basis_of
from promptkit.session import Session

SPLIT: Final = Prompt(
    "Claim: {claim}\nSplit the claim into the separate statements that it makes. Each must be a "
    "sentence of its own that can be true or false by itself, and the claim is true when all of "
    "them are. Write one statement a line and nothing else."
)
"""For chat models that follow instructions."""

SPLIT_COMPLETED: Final = Prompt(
    "Claim: {claim:trusted}\nStatements, separated by |:",
    examples=(
        (
            "Claim: Ivo and Bea live in Rome.\nStatements, separated by |:",
            "Ivo lives in Rome. | Bea lives in Rome.",
        ),
        (
            "Claim: The old mill, built in 1820, is a museum.\nStatements, separated by |:",
            "The old mill was built in 1820. | The old mill is a museum.",
        ),
        (
            "Claim: Stones sink because they are heavier than water.\nStatements, separated by |:",
            "Stones sink. | Stones are heavier than water.",
        ),
    ),
)
"""For `api="completions"`. The slot is trusted because tags would break the pattern; the parts are
each asked about as data."""


@dataclass(frozen=True, slots=True)
class Decomposition:
    """A claim, its parts, and how what is believed of them was reconciled.

    Attributes:
        claim: The whole.
        parts: In the order of the claim.
        solution: How the beliefs were reconciled, by the ids of the statements.
        results: What was found of each part, where `of` judged it.
    """

    claim: Statement
    parts: tuple[Statement, ...]
    solution: Reconciliation
    results: tuple[Result[Any], ...] = ()

    @property
    def failing(self) -> tuple[str, ...]:
        """The parts that came out false."""
        return tuple(part.text for part in self.parts if not self.solution.values[part.id])

    def sections(self) -> Iterator[Section]:
        """Yield the parts with their beliefs, the graph, and what had to be given up."""
        rows = tuple(
            (each.text, _shown(each.p), _shown(each.q), str(self.solution.values[each.id]).lower())
            for each in (self.claim, *self.parts)
        )
        yield Table("The claim and its parts", ("statement", "p", "of negation", "value"), rows)
        texts = {each.id: each.text for each in (self.claim, *self.parts)}
        yield self.solution.graph(texts, "The claim and its parts")
        yield self.solution.summary()


def _shown(probability: float | None) -> str:
    return "unknown" if probability is None else f"{probability:.2f}"


@primitive
async def maieutic_decomposition(
    session: Session,
    /,
    claim: Asked,
    *,
    parts: Sequence[str] | None = None,
    of: Answerer | None = None,
    judge: Judge | None = None,
    most_parts: int = 8,
    weight: float = 1.0,
    split: Prompt = SPLIT,
    prompts: MaieuticPrompts = INSTRUCTED,
    by: WeighBy = "auto",
    votes: int = 5,
    solver: Solver = "milp",
    time_limit_s: float = 10.0,
    **options: Any,
) -> Result[bool]:
    r"""Tell whether a compound claim is true, and which of its parts is not.

    With n parts it makes at most 2 calls to state the claim and to split it, and for the claim and
    for each part 1 for the negation and 2 for the beliefs (2 `votes` without log-probabilities).
    For the parts, `of` makes its own instead. A judge that asks the model makes n (n - 1) more.

    >>> import promptkit as pk
    >>> def model(request):
    ...     asked = request.messages[-1].text
    ...     if "Split" in asked:
    ...         return "- Owls hunt at night.\n- Owls eat grass."
    ...     if "negation" in asked:
    ...         return "Owls eat no grass." if "eat grass" in asked else "Owls hunt by day only."
    ...     return "false" if "eat grass" in asked or "by day" in asked else "true"
    >>> session = pk.connect(transport=pk.testing.Scripted(model), model="scripted")
    >>> claim = "Owls, which hunt at night, eat grass."
    >>> result = pk.run(maieutic_decomposition(session, claim))
    >>> result.value, result.evidence.failing
    (False, ('Owls eat grass.',))

    Args:
        session: Who answers.
        claim: What may be true.
        parts: The statements that it makes, together; None to ask for them.
        of: What judges a part, such as `maieutic` or a `partial` of it; its confidence is the
            weight. None to ask for the model's belief in the part and in its negation.
        judge: What relates the parts to each other, see `maieutic`; None for no such relations.
        most_parts: Further lines of a split are left out.
        weight: Of each relation between claim and parts; a belief weighs at most 1.
        split: Asks for the parts; slot `claim`.
        prompts: What is asked of the claim and the parts.
        by: Whether beliefs use log-probabilities, votes, or what there is.
        votes: How many answers are drawn for a belief where votes decide.
        solver: See `solve_beliefs`.
        time_limit_s: See `solve_beliefs`.
        options: As for `Session.ask`; they hold for all calls.

    Returns:
        Whether it is true. A tie goes to the model's own belief in the claim; None where it has
        none. The confidence is the logistic function of how much more weight the value keeps than
        its opposite; the evidence is the `Decomposition`, whose `failing` are the false parts.
    """
    most_parts, votes = counted("most_parts", most_parts), sampled("votes", votes)
    weight = finite("weight", weight, least=0)
    check_solving(solver, time_limit_s)
    if judge is not None:
        takes("judge", judge, "session", "premise", "hypothesis")
    if parts is not None and not _are_texts(parts):
        raise OptionError(f"parts of type {type(parts).__name__}", hint="give a list of sentences")
    session = session.using(api=prompts.api)
    # Every belief counts, by its margin: what is not integral is not asked about further here.
    how = Asking(prompts=prompts, integral_above=0.0, by=by, votes=votes, options=options)
    whole = session.step("claim")
    text = await stated(whole, claim, how)
    if parts is None:
        parts = (await _split(session.step("split"), text, split, how))[:most_parts]
    lines = dict.fromkeys(" ".join(part.split()) for part in parts)
    texts = [line for line in lines if line and not same(line, text)]
    asked = session.step("parts")
    root, *judged = await gather(
        [
            _observed(whole, "claim", text, how, None),
            *(_observed(asked, f"part {i}", each, how, of) for i, each in enumerate(texts, 1)),
        ]
    )
    claimed, statements = root[0], [statement for statement, _ in judged]
    links: list[Link] = [("claim", "entails", part.id, weight) for part in statements]
    if statements:
        links.append((tuple(part.id for part in statements), "entails", "claim", weight))
    if judge is not None:
        links += await related(session.step("relations"), statements, judge_of(judge, how), "all")
    solution, margin = await settled(
        claimed, statements, links, solver=solver, time_limit_s=time_limit_s
    )
    results = tuple(result for _, result in judged if result is not None)
    evidence = Decomposition(claimed, tuple(statements), solution, results)
    known: dict[str, Any] = {"basis": basis_of(each.basis for each in (claimed, *statements))}
    if not statements:
        return by_belief(claimed, evidence, "", **known)
    return by_margin(claimed, solution, margin, evidence, **known)


async def _split(session: Session, claim: str, split: Prompt, how: Asking) -> list[str]:
    """Return the statements that a claim makes, one for each line or part of a line."""
    own: dict[str, Any] = {"stop": how.prompts.stop} if how.prompts.stop else {}
    asker = steady(session, **(own | how.options))
    response = await asker.ask(fill(split, claim=claim))
    return list_items(response.text.replace("|", "\n"))


async def _observed(
    session: Session, name: str, text: str, how: Asking, of: Answerer | None
) -> tuple[Statement, Result[Any] | None]:
    """Return what is believed of a statement, and what `of` found where it judged it."""
    if of is None:
        return await observe(session, name, text, how), None
    result = await of(session.step(name), Prompt("{statement}").fill(statement=text))
    if not isinstance(result, Result):
        msg = f"`of` returned a {type(result).__name__}"
        raise OptionError(msg, hint="it is an async (session, question) -> Result")
    is_true = _as_bool(result.value)
    if is_true is None:
        return Statement(id=name, text=text, basis=result.basis), result
    told = None if result.confidence is None else probability("confidence", result.confidence)
    sure = max(0.5, 1.0 if told is None else told)
    p = sure if is_true else 1 - sure
    return (
        Statement(id=name, text=text, p=p, q=1 - p, is_integral=True, basis=result.basis),
        result,
    )


def _are_texts(parts: object) -> bool:
    is_list = isinstance(parts, Sequence) and not isinstance(parts, (str, bytes))
    return is_list and all(isinstance(part, str) for part in parts)  # type: ignore[attr-defined]  # a Sequence


def _as_bool(value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    return {"yes": True, "no": False}.get(str(answers.yes_no(str(value))))
