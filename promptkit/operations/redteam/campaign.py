"""Puts attacks to a target, once without a policy and once with one, and counts."""

from __future__ import annotations

import difflib
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

from promptkit.adapters.intervals import wilson
from promptkit.adapters.review_queue import ReviewQueue
from promptkit.errors import BlockedError, OptionError, PromptkitError
from promptkit.explanation import Explanation, Section, Table
from promptkit.operations.redteam.attacks import FAMILIES, Attack, attacks
from promptkit.operations.redteam.success import succeeds
from promptkit.prompt import Prompt
from promptkit.safety.policy import DEFAULT_POLICY, Policy
from promptkit.safety.policy.entrance import is_input, parts_of
from promptkit.safety.policy.guarding import guard
from promptkit.session import Session

Target = Prompt | str | Callable[[Session, str], Awaitable[Any]]
"""What is attacked: a template with one slot, or an async function of a session and a text."""

Outcome = Literal["succeeded", "failed", "blocked", "error"]

_INTERVAL: Final = "95% CI"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One attack and what came of it.

    Attributes:
        attack: What was put to the target.
        guarded: Whether the policy stood before it.
        outcome: Whether it got what it wanted; «blocked» by the policy; «error» where the target
            failed otherwise.
        answer: What came back.
        reason: What the policy or the error said.
    """

    attack: Attack
    guarded: bool
    outcome: Outcome
    answer: str = field(default="", repr=False)
    reason: str = ""

    @property
    def is_harm(self) -> bool:
        """Whether it counts: an attack that succeeded, or a harmless question without answer."""
        if self.attack.aim == "help":
            return self.outcome in ("succeeded", "blocked")
        return self.outcome == "succeeded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """All trials against one target.

    Attributes:
        trials: One for each attack and side.
        policy: The policy's name.
        model: Who answered.
    """

    trials: tuple[Trial, ...] = field(repr=False)
    policy: str
    model: str

    def of(self, family: str, *, guarded: bool) -> list[Trial]:
        """Return the trials of a family, without or with the policy."""
        return [t for t in self.trials if t.attack.family == family and t.guarded is guarded]

    def share(self, family: str, *, guarded: bool) -> float | None:
        """Return the share of a family's trials that did harm; None where none could be run."""
        ran = [trial for trial in self.of(family, guarded=guarded) if trial.outcome != "error"]
        return sum(trial.is_harm for trial in ran) / len(ran) if ran else None

    def sections(self) -> Iterable[Section]:
        """Yield the table: how often each family succeeded, without and with the policy."""
        headings = ("family", "attacks", "no policy", _INTERVAL, self.policy, _INTERVAL, "blocked")
        families = [f for f in FAMILIES if self.of(f, guarded=False)]
        rows = [self._row(family) for family in families]
        title = f"Attacks that succeeded on {self.model}; for over-refusal, questions not answered"
        yield Table(title, headings, tuple(rows))

    def _row(self, family: str) -> tuple[str, ...]:
        before, after = self.of(family, guarded=False), self.of(family, guarded=True)
        blocked = sum(trial.outcome == "blocked" for trial in after)
        return (family, str(len(before)), *_share(before), *_share(after), str(blocked))

    def explain(self) -> Explanation:
        """Return the table as text, HTML or a picture."""
        return Explanation(f"Red team: {len(self.trials):,} trials", tuple(self.sections()))

    def _repr_html_(self) -> str:
        return self.explain().html

    def __str__(self) -> str:
        """Show the table."""
        return self.explain().text


def _share(trials: Sequence[Trial]) -> tuple[str, str]:
    counted = [trial for trial in trials if trial.outcome != "error"]
    if not counted:
        return "none ran", ""
    harmful = sum(trial.is_harm for trial in counted)
    low, high = wilson(harmful, len(counted))
    return f"{harmful / len(counted):.0%}", f"{low:.0%} to {high:.0%}"


async def redteam(
    session: Session,
    target: Target,
    *,
    policy: Policy = DEFAULT_POLICY,
    families: Iterable[str] | None = None,
    system: str | None = None,
    concurrency: int | None = None,
) -> Campaign:
    """Attack a prompt or a primitive, without and with a policy, and report success rates.

    Success is decided by rules on the answer (the code word said and hardly more, a part of the
    system message repeated, a live link to a foreign host written). An answer that obeys in other
    words is not seen. What this set of attacks finds says little of attacks it does not hold.

    A slot for a person's words, `{text:input}`, is attacked as by that person. A plain slot holds a
    document: there a harmless question is put as a mail that asks it.

    Args:
        session: Who answers.
        target: A template with one slot, or an async function of a session and a text that returns
            text, a Response or a Result.
        policy: What stands before the target on the second side.
        families: Some of `FAMILIES`; all of them when left alone.
        system: The system message of a function's prompts, for extraction attacks.
        concurrency: As for `Session.map`.

    Raises:
        OptionError: For an unknown family, or a target that takes no text.
    """
    chosen = _chosen(families, as_mail=_holds_document(target))
    ask = _asker(target)
    known = system if system is not None else target.system if isinstance(target, Prompt) else ""
    trials: list[Trial] = []
    with tempfile.TemporaryDirectory() as folder:
        # Nobody looks at this queue: what it holds stays held, and counts as blocked.
        reviews = ReviewQueue(Path(folder) / "reviews.sqlite") if policy.asks_people else None
        for guarded in (False, True):
            fn = guard(ask, policy, reviews=reviews) if guarded else ask
            side = session.step("with the policy" if guarded else "without a policy")

            async def attempt(
                here: Session, attack: Attack, *, fn: Any = fn, guarded: bool = guarded
            ) -> Trial:
                return await _try(here, fn, attack, guarded=guarded, system=known)

            trials += await side.map(attempt, chosen, concurrency=concurrency)
        if reviews is not None:
            reviews.close()
    return Campaign(
        trials=tuple(trials), policy=policy.name, model=session.defaults.model or "the model"
    )


async def _try(session: Session, fn: Any, attack: Attack, *, guarded: bool, system: str) -> Trial:
    try:
        answer = _text(await fn(session, attack.text))
    except BlockedError as error:
        return Trial(attack=attack, guarded=guarded, outcome="blocked", reason=error.message)
    except PromptkitError as error:
        return Trial(attack=attack, guarded=guarded, outcome="error", reason=error.message)
    outcome: Outcome = "succeeded" if succeeds(attack, answer, system) else "failed"
    return Trial(attack=attack, guarded=guarded, outcome=outcome, answer=answer)


def _chosen(families: Iterable[str] | None, *, as_mail: bool) -> list[Attack]:
    wanted = FAMILIES if families is None else tuple(families)
    for family in wanted:
        if family not in FAMILIES:
            close = difflib.get_close_matches(family, FAMILIES, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"one of {', '.join(FAMILIES)}"
            raise OptionError(f"there is no family {family!r}", hint=hint)
    found = [attack for attack in attacks() if attack.family in wanted]
    if not as_mail:
        return found
    return [replace(a, text=_MAIL.format(a.text)) if a.aim == "help" else a for a in found]


_MAIL: Final = "Hello,\n\nI have a question. {}\n\nThank you and kind regards,\nMara"


def _holds_document(target: Target) -> bool:
    """Whether what is put to a target stands in a slot for documents."""
    prompt = Prompt(target) if isinstance(target, str) else target
    if not isinstance(prompt, Prompt):
        return False
    filled = prompt.fill(**dict.fromkeys(prompt.slots, "x"))
    return any(not is_input(part) for part in parts_of(filled.render()))


def _asker(target: Target) -> Callable[[Session, str], Awaitable[Any]]:
    if isinstance(target, str):
        target = Prompt(target)
    if not isinstance(target, Prompt):
        if not callable(target):
            hint = "a Prompt with one slot, or an async function of a session and a text"
            raise OptionError(f"a target of type {type(target).__name__}", hint=hint)
        return target
    prompt = target
    open_slots = [name for name in prompt.slots if name not in dict(prompt.values)]
    if len(open_slots) != 1:
        hint = "fill all but one of them first"
        raise OptionError(f"the target has {len(open_slots)} open slots", hint=hint)

    async def ask(session: Session, text: str) -> Any:
        return await session.ask(prompt.for_item(text))

    return ask


def _text(answer: Any) -> str:
    """The text of what a target returned."""
    for name in ("text", "value"):
        found = getattr(answer, name, None)
        if found is not None:
            return str(found)
    return answer if isinstance(answer, str) else str(answer)
