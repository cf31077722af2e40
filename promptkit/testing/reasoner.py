"""A scripted reasoner: it answers the prompts of the primitives by real deduction, as well as told.

It reads the controlled English of ProofWriter and ProntoQA (see `promptkit.logic.english`), works
out the right answer by forward chaining over what the prompt shows, and then errs at the rates
that it was given. So a primitive can be tested without a strong model: without errors it must be
right, with errors its accuracy must follow from their rate, and no bad habit may break it.

Whether it errs depends on the seed and the request alone (its sample number included), so runs
repeat exactly, in any order, and with or without a cache.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final, Literal, get_args

from promptkit.errors import OptionError
from promptkit.logic import read_clause, read_query, write
from promptkit.primitives.answers import choice
from promptkit.prompt import Prompt
from promptkit.request import Request
from promptkit.response import Alternative, Choice, Response, TokenLogprob
from promptkit.testing import deduction
from promptkit.testing.prompt_kinds import Recognised, recognise

Habit = Literal["hallucinates", "ignores_format", "never_halts", "contradicts", "agrees", "silent"]
"""What a reasoner may do whatever is right: name labels that there are not, wrap each answer in
talk that names none or several, never know the answer, say yes to a statement and to its opposite,
agree with everything, say nothing."""

Kind = Literal[
    "select",
    "infer",
    "halt",
    "answer",
    "value",
    "judge",
    "believe",
    "entail",
    "negate",
    "explain",
    "direct",
    "chain",
    "program",
]
"""Kinds of step that have an error rate of their own. A «direct» answer and a «chain» of thought
take as many inferences as the proof has, and may err at each."""

KINDS: Final[tuple[str, ...]] = get_args(Kind)
HABITS: Final[tuple[str, ...]] = get_args(Habit)

_KIND_OF: Final[dict[str, str]] = {
    "select_first": "select",
    "select_next": "select",
    "judge_step": "judge",
    "compare": "judge",
    "same": "judge",
    "choose_response": "judge",
    "explain_true": "explain",
    "explain_false": "explain",
    "restate": "negate",
    "split": "negate",
    "conclude": "answer",
}
_TALK: Final = (
    "That is a good question! One could say yes, and one could say no; S1 and S2 both matter, as "
    "do true and false. Let me think about it some more."
)
_VERDICTS: Final = ("true", "false", "unknown")
_YES: Final = ("yes", "true", "correct", "consistent", "entails", "right", "sure", "output (a)")


@dataclass(frozen=True, slots=True)
class Move:
    """What is right to say, and what else could be said."""

    right: str
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoner:
    """A transport that reasons, with errors as told.

    >>> import promptkit as pk
    >>> reasoner = pk.testing.Reasoner()
    >>> session = pk.connect(transport=reasoner, model="reasoner")
    >>> context = "Every wumpus is a tumpus. Tumpuses are not sour. Max is a wumpus."
    >>> asked = "Is the following statement true or false? Max is sour."
    >>> result = pk.run(
    ...     pk.primitives.selection_inference(session, context, asked, choices=("True", "False"))
    ... )
    >>> result.value
    'False'
    >>> print(result.evidence)
       S1: Every wumpus is a tumpus.
       S3: Max is a wumpus.
    ⟹ S4: Max is a tumpus.
       S2: Tumpuses are not sour.
       S4: Max is a tumpus.
    ⟹ S5: Max is not sour.
    (answered)

    Attributes:
        errors: How often it errs: one rate for every kind of step, or a rate by `Kind`.
        habits: What it does whatever is right; see `Habit`.
        seed: Another one errs elsewhere.
        knowledge: Facts and rules that it knows besides what a prompt shows: maieutic prompts
            show a statement alone.
        logprobs: Whether it reports log-probabilities where a request asks for them and names the
            answers allowed.
        sure: The probability that it then gives to what it says.
        prompts: Further (kind, prompt) pairs to know, such as ("infer", my_prompts.infer); see
            `promptkit.testing.prompt_kinds.PROMPTS` for the kinds and what is known without.
    """

    errors: float | Mapping[str, float] = 0.0
    habits: tuple[Habit, ...] = ()
    seed: int = 0
    knowledge: str = ""
    logprobs: bool = False
    sure: float = 0.95
    prompts: tuple[tuple[str, Prompt], ...] = ()
    _rates: Mapping[str, float] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the rates and habits."""
        given = (
            self.errors if isinstance(self.errors, Mapping) else dict.fromkeys(KINDS, self.errors)
        )
        for kind, rate in given.items():
            if kind not in KINDS:
                raise OptionError(f"errors of {kind!r}", hint=f"kinds: {', '.join(KINDS)}")
            if not 0 <= rate <= 1:
                raise OptionError(f"errors {kind}={rate!r}", hint="a rate from 0 to 1")
        for habit in self.habits:
            if habit not in HABITS:
                raise OptionError(f"habit {habit!r}", hint=f"habits: {', '.join(HABITS)}")
        if not 0 < self.sure <= 1:
            raise OptionError(f"sure={self.sure!r}", hint="a probability above 0")
        object.__setattr__(self, "_rates", dict(given))

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        asked = recognise(request, self.prompts)
        said = self.by_habit(request, asked)
        if said is None:
            said = self.moved(request, asked)
        return self.response(request, said)

    def kind_of(self, request: Request) -> str:
        """Return the kind of step that a request asks for, as `errors` names it."""
        kind = recognise(request, self.prompts).kind
        return _KIND_OF.get(kind, kind)

    # -- what it says -----------------------------------------------------------------------

    def moved(self, request: Request, asked: Recognised) -> str:
        """Return the right answer, or a wrong one where it errs."""
        if asked.kind in ("chain", "direct"):
            return self.solved(request, asked)
        if asked.kind == "program":
            return self.translated(request, asked)
        move = self.move(request, asked)
        kind = _KIND_OF.get(asked.kind, asked.kind)
        wrong = [each for each in move.wrong if each != move.right]
        if wrong and self.errs(request, kind):
            return wrong[int(self.chance(request, "wrong") * len(wrong))]
        return move.right

    def move(self, request: Request, asked: Recognised) -> Move:
        """Return what is right to say to one of the known prompts, and what would be wrong."""
        kind = asked.kind
        if kind in ("select_first", "select_next"):
            return self.picked(asked.slots, kind)
        if kind in ("judge", "judge_step", "compare", "same", "choose_response"):
            return self.judged(asked.slots, kind)
        if kind in ("infer", "halt", "answer", "value"):
            return self.stepped(request, asked.slots, kind)
        if kind == "conclude":
            return Move(_verdict_in(asked.slots["before"]) or "unknown", ("True", "False"))
        return self.told(request, asked.slots, kind)

    def stepped(self, request: Request, slots: Mapping[str, str], kind: str) -> Move:
        """Answer what follows on a selection."""
        if kind == "infer":
            return _inferred(slots["selection"])
        question = slots["question"]
        if kind == "halt":
            lines = slots["inferences"].splitlines()
            knows = deduction.answers_by(lines[-1] if lines else "", question) is not None
            return _either(knows, "yes", "no")
        if kind == "answer":
            holds = deduction.answers_by(slots["inference"], question)
            return _answered(holds, _allowed(request, slots))
        statements = deduction.labelled(slots["statements"])
        is_sound = deduction.is_sound(statements, slots["trace"], question)
        return _either(is_sound, "correct", "incorrect")

    def picked(self, slots: Mapping[str, str], kind: str) -> Move:
        """Answer a selection prompt."""
        statements = deduction.labelled(slots["statements"])
        if kind == "select_first":
            right = deduction.first_pick(statements, slots["question"]) or "none"
            return Move(right, (*statements, "none"))
        right = deduction.next_pick(statements, slots["chosen"], slots["question"]) or "enough"
        chosen = slots["chosen"]
        others = [label for label, text in statements.items() if text not in chosen]
        return Move(right, (*others, "enough"))

    def judged(self, slots: Mapping[str, str], kind: str) -> Move:
        """Answer a judge's prompt: about an answer, a step, a pair, or several responses."""
        problem = deduction.problem_of(slots["before"], self.knowledge)
        if kind == "judge_step":
            clause = read_clause(slots["step"].strip().splitlines()[-1] if slots["step"] else "")
            holds = clause is None or not clause.is_fact or clause.head in problem.closure
            return _either(holds, "yes", "no")
        truth = _word(problem.verdict)
        if kind == "judge":
            return _either(_verdict_in(slots["answer"]) == truth, "yes", "no")
        if kind == "choose_response":
            said = [
                _verdict_in(each)
                for each in re.split(r"\n+(?=\D{0,12}\d+[.:)])", slots["responses"])
            ]
            told = [each for each in said if each]
            most = max(told, key=told.count, default=None)
            right = said.index(most) + 1 if most else 1
            return Move(str(right), tuple(str(n) for n in range(1, len(said) + 1)))
        first, second = _verdict_in(slots["first"]), _verdict_in(slots["second"])
        if kind == "same":
            return _either(first == second, "yes", "no")
        return _either(first == truth or second != truth, "Output (a)", "Output (b)")

    def told(self, request: Request, slots: Mapping[str, str], kind: str) -> Move:
        """Answer a prompt about a statement from what it knows."""
        if kind == "entail":
            right = deduction.relation(slots["premise"], slots["hypothesis"], self.knowledge)
            return Move(right, ("entails", "contradicts", "neutral"))
        if kind == "split":
            parts = re.split(r",? and (?=[A-Z]|the )", slots["claim"].rstrip("."))
            return Move("\n".join(f"{part[0].upper()}{part[1:]}." for part in parts if part))
        statement = slots["statement"]
        clause = read_clause(statement)
        fact = clause.head if clause and clause.is_fact else None
        if kind == "believe":
            verdict = deduction.problem_of(self.knowledge, question=statement).verdict
            if verdict is None:  # it does not know, and says so in a way: it tosses a coin
                verdict = self.chance(request, "coin") < 0.5  # noqa: PLR2004
            return _either(verdict, "true", "false")
        if kind == "negate":
            return Move(
                write(fact.negated) if fact else f"It is not true that {statement}", (statement,)
            )
        if kind == "restate":
            query = read_query(statement)
            return Move(write(query) if query else statement)
        reasons = deduction.reasons(statement, self.knowledge, is_true=kind == "explain_true")
        other = deduction.reasons(statement, self.knowledge, is_true=kind != "explain_true")
        right = reasons[request.sample % len(reasons)] if reasons else ""
        return Move(right, tuple(other))

    def solved(self, request: Request, asked: Recognised) -> str:
        """Answer a whole question, step by step or at once; each inference may go wrong."""
        problem = deduction.problem_of(asked.slots["before"], self.knowledge)
        if problem.query is None:
            return _allowed(request, {})[0] if _allowed(request, {}) else "I do not know."
        steps = deduction.chain(problem) or [("", f"It is {_word(problem.verdict)}.")]
        lines: list[str] = []
        verdict: str = _word(problem.verdict)
        for number, (premises, follows) in enumerate(steps):
            if self.errs(request, asked.kind, f"{number}"):
                clause = read_clause(follows)
                lines.append(f"{premises} So {write(clause.head.negated) if clause else follows}")
                verdict = self.another(request, verdict, asked.slots["before"])
                break
            lines.append(f"{premises} So {follows}".strip())
        options = _allowed(request, {})
        answer = _option(verdict, options) or verdict.capitalize()
        return answer if asked.kind == "direct" else "\n".join([*lines, f"Answer: {answer}"])

    def another(self, request: Request, verdict: str, question: str) -> str:
        """Return another verdict than the right one, of those that the question allows."""
        allowed = (
            _VERDICTS if "unknown" in question.rpartition("?")[0].casefold() else _VERDICTS[:2]
        )
        others = [each for each in allowed if each != verdict]
        return others[int(self.chance(request, "other") * len(others))]

    def translated(self, request: Request, asked: Recognised) -> str:
        """Write a logic program; each line may be lost."""
        lines = deduction.program_of(asked.slots["before"])
        return "\n".join(
            line
            for number, line in enumerate(lines)
            if line.endswith(":") or not self.errs(request, "program", f"{number}")
        )

    # -- habits -----------------------------------------------------------------------------

    def by_habit(self, request: Request, asked: Recognised) -> str | None:
        """Return what a habit makes it say; None where none does."""
        kind = _KIND_OF.get(asked.kind, asked.kind)
        always = {"silent": "", "ignores_format": _TALK}
        sometimes = {
            "never_halts": (("halt",), "no"),
            "hallucinates": (("select", "judge"), "S999"),
        }
        for habit in self.habits:
            if habit in always:
                return always[habit]
            kinds, said = sometimes.get(habit, ((), ""))
            if kind in kinds:
                return said
        if "agrees" in self.habits:
            return _agreed(request, asked)
        return self.contradicted(request, asked) if "contradicts" in self.habits else None

    def contradicted(self, request: Request, asked: Recognised) -> str | None:
        """Say one thing now and its opposite then; both halves of a pair are true."""
        if asked.kind == "believe":
            return "true"
        move = None
        if asked.kind not in ("chain", "direct", "program"):
            move = self.move(request, asked)
        if move is None or self.chance(request, "mood") < 0.5:  # noqa: PLR2004 -- every other time
            return None
        return next((each for each in move.wrong if each != move.right), None)

    # -- chance and form --------------------------------------------------------------------

    def errs(self, request: Request, kind: str, place: str = "") -> bool:
        """Whether it errs here."""
        return self.chance(request, f"{kind} {place}") < self._rates.get(kind, 0.0)

    def chance(self, request: Request, what: str) -> float:
        """Return a number from 0 to below 1 that depends on the seed and the request alone."""
        digest = blake2b(f"{self.seed} {what}".encode(), key=request.key, digest_size=8).digest()
        return int.from_bytes(digest) / 2**64

    def response(self, request: Request, said: str) -> Response:
        """Put a text into the form that a server gives it."""
        options = _choices(request)
        tokens: tuple[TokenLogprob, ...] | None = None
        if self.logprobs and request.options.logprobs is not None and said in options:
            tokens = (self.weighed(said, options),)
        return Response(choices=(Choice(said, "stop", tokens),), model="reasoner")

    def weighed(self, said: str, options: tuple[str, ...]) -> TokenLogprob:
        """Return log-probabilities: most for what it says, the rest shared by the others."""
        others = [each for each in options if each != said]
        share = (1 - self.sure) / len(others) if others else 0.0
        top = [Alternative(said, math.log(self.sure))]
        top += [Alternative(each, math.log(share)) for each in others if share > 0]
        return TokenLogprob(said, math.log(self.sure), tuple(top))


def _either(holds: object, yes: str, no: str) -> Move:
    return Move(yes, (no,)) if holds else Move(no, (yes,))


def _inferred(selection: str) -> Move:
    """Say what follows; where nothing does, say again what was known."""
    follows = deduction.conclusion(selection)
    if follows is not None:
        return Move(write(follows), (write(follows.negated),))
    careless = deduction.about(selection)
    again = selection.rpartition(" that ")[2] or selection
    return Move(again, (write(careless),) if careless else ())


def _answered(holds: bool | None, options: tuple[str, ...]) -> Move:  # noqa: FBT001 -- a verdict
    right = _option(_word(holds), options)
    if holds is None and right is None:
        return Move("I do not know.", options)
    return Move(right or _word(holds).capitalize(), options or ("True", "False"))


def _word(verdict: bool | None) -> str:  # noqa: FBT001 -- what it names
    return "unknown" if verdict is None else "true" if verdict else "false"


_MEANS: Final = {
    "true": ("true", "yes", "correct", "a"),
    "false": ("false", "no", "incorrect", "b"),
    "unknown": ("unknown", "uncertain", "undetermined", "c"),
}
_VERDICT: Final = choice(["True", "False", "Unknown"])


def _option(verdict: str, options: tuple[str, ...]) -> str | None:
    """Return the option that means a verdict."""
    return next((each for each in options if each.strip().casefold() in _MEANS[verdict]), None)


def _verdict_in(text: str) -> str | None:
    found = _VERDICT(text)
    return None if found is None else str(found).casefold()


def _choices(request: Request) -> tuple[str, ...]:
    constraint = request.options.constraint
    if constraint is None or constraint.kind != "choice":
        return ()
    return tuple(str(each) for each in constraint.value)


def _allowed(request: Request, slots: Mapping[str, str]) -> tuple[str, ...]:
    listed = re.fullmatch(r"Choose from: (.*)\.", slots.get("choices", "").strip(), re.DOTALL)
    return _choices(request) or (tuple(listed[1].split(", ")) if listed else ())


def _agreed(request: Request, asked: Recognised) -> str | None:
    """Say yes to whatever can be agreed with; the rest is answered as ever."""
    options = _choices(request)
    for option in options:
        if option.strip().casefold() in _YES:
            return option
    if asked.kind in ("chain", "direct", "conclude"):
        return "Yes, that is true.\nAnswer: True"
    return options[0] if options and asked.kind in ("select_first", "select_next") else None
