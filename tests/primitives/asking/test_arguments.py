"""What primitives are called with: refused before anything is asked, by one rule for all."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judges import asked

import promptkit as pk
from promptkit.errors import OptionError
from promptkit.primitives import (
    Criterion,
    answers,
    best_of,
    cascade,
    chain_of_thought,
    chain_of_verification,
    checklist,
    compare,
    constrained,
    debate,
    decompose,
    entailment,
    faithful_reasoning,
    fit_threshold,
    least_to_most,
    maieutic,
    maieutic_calls,
    maieutic_decomposition,
    program_of_thought,
    refine,
    same_meaning,
    selection_inference,
    self_ask,
    soft_vote,
    split_and_merge,
    step_verifier,
    tree_of_thoughts,
    universal_vote,
    verify,
    vote,
    weighted_vote,
    with_retries_on,
)
from promptkit.primitives.asking.arguments import counted, finite, one_of, sampled, share
from promptkit.primitives.asking.arguments import given as told
from promptkit.primitives.checks import arithmetic, run_checks
from promptkit.primitives.proofs.value import JudgedValue
from promptkit.primitives.threshold import Trial

pytestmark = pytest.mark.anyio

Call = Callable[[pk.Session, dict[str, Any]], Any]

CALLS: Final[dict[str, Call]] = {
    "best_of": lambda s, a: best_of(s, "?", **a),
    "cascade": lambda s, a: cascade(s, "?", models=("m", "o"), **a),
    "chain_of_thought": lambda s, a: chain_of_thought(s, "?", **a),
    "chain_of_verification": lambda s, a: chain_of_verification(s, "?", **a),
    "checklist": lambda s, a: checklist(s, "?", **{"criteria": ["Is it short?"], **a}),
    "compare": lambda s, a: compare(s, "?", "one", "other", **a),
    "constrained": lambda s, a: constrained(s, "?", ["a", "b"], **a),
    "debate": lambda s, a: debate(s, "?", **a),
    "decompose": lambda s, a: decompose(s, "?", **a),
    "entailment": lambda s, a: entailment(s, "one", "other", **a),
    "faithful_reasoning": lambda s, a: faithful_reasoning(s, "Cats purr.", "?", **a),
    "least_to_most": lambda s, a: least_to_most(s, "?", **a),
    "maieutic": lambda s, a: maieutic(s, "Cats purr.", **a),
    "maieutic_decomposition": lambda s, a: maieutic_decomposition(s, "Cats purr.", **a),
    "program_of_thought": lambda s, a: program_of_thought(s, "?", **a),
    "refine": lambda s, a: refine(s, "?", **{"checks": [arithmetic], **a}),
    "same_meaning": lambda s, a: same_meaning(s, "?", "one", "other", **a),
    "selection_inference": lambda s, a: selection_inference(s, "Cats purr.", "?", **a),
    "self_ask": lambda s, a: self_ask(s, "?", **a),
    "soft_vote": lambda s, a: soft_vote(s, "?", **a),
    "split_and_merge": lambda s, a: split_and_merge(s, "A text. " * 9, "?", **a),
    "step_verifier": lambda s, a: step_verifier(s, "?", "one\nother", **a),
    "tree_of_thoughts": lambda s, a: tree_of_thoughts(s, "?", **a),
    "universal_vote": lambda s, a: universal_vote(s, "?", **a),
    "verify": lambda s, a: verify(s, "?", "this", **a),
    "vote": lambda s, a: vote(s, "?", **a),
    "weighted_vote": lambda s, a: weighted_vote(s, "?", **a),
    "with_retries_on": lambda s, a: with_retries_on(verify, **a)(s, "?"),
}

COUNTS: Final = {
    "chain_of_thought": ("stages",),
    "chain_of_verification": ("max_questions",),
    "debate": ("agents", "rounds"),
    "decompose": ("n",),
    "faithful_reasoning": ("max_steps", "beam"),
    "least_to_most": ("n",),
    "maieutic": ("width", "depth"),
    "maieutic_decomposition": ("most_parts",),
    "refine": ("rounds",),
    "selection_inference": ("max_steps", "beam", "premises", "shown"),
    "self_ask": ("max_followups", "longest"),
    "split_and_merge": ("size", "overlap", "max_pieces"),
    "step_verifier": ("max_steps",),
    "tree_of_thoughts": ("steps", "keep", "max_nodes"),
}

DRAWN: Final = {
    "best_of": ("n",),
    "cascade": ("n",),
    "checklist": ("votes",),
    "compare": ("votes",),
    "constrained": ("tries",),
    "entailment": ("votes",),
    "faithful_reasoning": ("samples", "votes"),
    "maieutic": ("votes",),
    "maieutic_decomposition": ("votes",),
    "same_meaning": ("votes",),
    "selection_inference": ("samples", "votes"),
    "soft_vote": ("n",),
    "step_verifier": ("votes",),
    "tree_of_thoughts": ("width", "values"),
    "universal_vote": ("n", "votes"),
    "verify": ("votes",),
    "vote": ("n",),
    "weighted_vote": ("n",),
    "with_retries_on": ("n",),
}

SHARES: Final = {
    "cascade": ("accept_at",),
    "checklist": ("pass_at",),
    "maieutic": ("integral_above",),
    "refine": ("accept_at",),
    "selection_inference": ("halt_at",),
    "soft_vote": ("join_at",),
    "step_verifier": ("pass_at", "fail_at"),
    "verify": ("pass_at", "fail_at"),
    "vote": ("stop_when_sure", "at_least"),
}

WORDS: Final = {
    "checklist": ("by",),
    "compare": ("by", "on_disagreement"),
    "maieutic": ("pairs",),
    "program_of_thought": ("language",),
    "selection_inference": ("pick",),
    "split_and_merge": ("unit",),
    "step_verifier": ("by", "reduce"),
    "tree_of_thoughts": ("search", "generate", "judge", "by"),
    "universal_vote": ("by",),
    "verify": ("by",),
    "vote": ("by", "stop_rule"),
}

NO_NUMBER: Final = (math.nan, math.inf, -math.inf, "3", b"3", [3], True, np.bool_(1), object())
LEFT_OUT: Final = {("split_and_merge", "overlap"), ("selection_inference", "premises")}
"""Where None is an argument."""

SECRET: Final = "My name is Ada Example, and I live at 5 Example Road."


def each(table: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    return [(primitive, name) for primitive, names in table.items() for name in names]


async def refused(primitive: str, name: str, value: Any, match: str = "") -> None:
    """Check that an argument is refused by its name, and that nothing was asked."""
    session, model = asked("yes")
    with pytest.raises(OptionError, match=match or name.rstrip("s")):
        await CALLS[primitive](session, {name: value})
    assert not model.requests


@pytest.mark.parametrize(("primitive", "name"), each(COUNTS) + each(DRAWN))
async def test_a_count_is_a_whole_number(primitive: str, name: str) -> None:
    for bad in (*NO_NUMBER, 2.5, -1, -(10**5000)):
        await refused(primitive, name, bad)
    if (primitive, name) not in LEFT_OUT:
        await refused(primitive, name, None)
    if name not in ("rounds", "width", "depth", "overlap") or primitive == "debate":
        await refused(primitive, name, 0)


@pytest.mark.parametrize(("primitive", "name"), each(DRAWN))
async def test_more_draws_than_there_are_numbers_for_are_refused_unpaid(
    primitive: str, name: str
) -> None:
    for many in (4097, 10**5000):
        await refused(primitive, name, many)


@pytest.mark.parametrize(("primitive", "name"), each(SHARES))
async def test_a_share_is_a_number_from_0_to_1(primitive: str, name: str) -> None:
    for bad in (*NO_NUMBER[:5], True, object(), -0.1, 1.1, 10**400):
        await refused(primitive, name, bad)


@pytest.mark.parametrize(("primitive", "name"), each(WORDS))
async def test_one_of_a_few_words_is_named_and_a_text_is_not_shown(
    primitive: str, name: str
) -> None:
    for bad in (SECRET, None, 1, ["by"]):
        session, model = asked("yes")
        with pytest.raises(OptionError, match=name) as refusal:
            await CALLS[primitive](session, {name: bad})
        assert not model.requests
        assert "Ada" not in str(refusal.value)


async def test_a_numpy_count_counts() -> None:
    session, model = asked("Answer: 4")
    result = await vote(session, "?", n=np.int64(3), stop_when_sure=None)
    assert (result.samples, len(model.requests)) == (3, 3)


@pytest.mark.parametrize("primitive", ["best_of", "weighted_vote", "vote", "cascade"])
async def test_solvers_are_not_run_more_often_than_there_are_draws(primitive: str) -> None:
    session, model = asked("Answer: 4")
    with pytest.raises(OptionError, match="4097"):
        await CALLS[primitive](session, {"n": 4097, "of": chain_of_thought})
    assert not model.requests


@pytest.mark.parametrize("primitive", ["chain_of_thought", "program_of_thought"])
async def test_a_draw_is_named_by_its_number(primitive: str) -> None:
    for bad in (*NO_NUMBER, None, 2.5, -1, 4096):
        await refused(primitive, "sample", bad)


async def test_a_debate_has_no_more_answers_than_there_are_draws() -> None:
    session, model = asked("Answer: 4")
    with pytest.raises(OptionError, match="4096"):
        await debate(session, "?", agents=2, rounds=2048)
    assert not model.requests


async def test_reading_reasoning_by_logprobs_is_refused_unpaid() -> None:
    for primitive, name in (("universal_vote", "read"), ("verify", "extract")):
        session, model = asked("yes")
        with pytest.raises(OptionError, match="extract"):
            await CALLS[primitive](session, {name: answers.number, "by": "logprobs"})
        assert not model.requests


def test_what_is_no_primitive_is_checked_too() -> None:
    for bad in (0, True, 2.5, "3", 4097):
        with pytest.raises(OptionError, match="votes"):
            JudgedValue(votes=bad)  # type: ignore[arg-type]
        with pytest.raises(OptionError, match="judge_calls"):
            maieutic_calls(judge_calls=-1)
    for bad in (0, -1, math.nan, math.inf, "3", True, 2e9):
        with pytest.raises(OptionError, match="weight"):
            Criterion("It is short.", weight=bad)  # type: ignore[arg-type]
    for bad in ("0.9", math.nan, True):
        with pytest.raises(OptionError, match="accuracy"):
            fit_threshold([], accuracy=bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "call",
    [
        lambda s: vote(s, "?", extract=SECRET),
        lambda s: refine(s, "?", checks=SECRET),
        lambda s: best_of(s, "?", verifier=lambda *_: SECRET),
        lambda s: best_of(s, "?", checks=[lambda _: SECRET]),
        lambda s: checklist(s, "?", criteria=SECRET),
        lambda s: checklist(s, "?", criteria=[SECRET, 5]),
        lambda s: cascade(s, "?", models=(SECRET, 5)),
        lambda s: cascade(s, "?", models=("m",), n=SECRET),
        lambda s: cascade(s, "?", models=("m",), accept_at=[SECRET]),
        lambda s: selection_inference(s, "Cats purr.", "?", choices=[SECRET, SECRET]),
        lambda s: maieutic(s, SECRET, negation=SECRET),
        lambda s: maieutic_decomposition(s, "?", parts=SECRET),
        lambda s: program_of_thought(s, "?", choices=[SECRET]),
    ],
    ids=range(13),
)
async def test_no_message_holds_what_may_be_private(call: Any) -> None:
    session, _ = asked("Answer: 4")
    with pytest.raises(OptionError) as refusal:
        await call(session)
    assert "Ada" not in str(refusal.value)


def test_no_message_of_what_is_made_beforehand_holds_what_may_be_private() -> None:
    for make in (
        lambda: with_retries_on(SECRET),  # type: ignore[arg-type]
        lambda: Criterion(SECRET, weight=-1),
        lambda: Criterion(" "),
        lambda: answers.choice([SECRET, SECRET]),
        lambda: answers.choice([SECRET, ""]),
        lambda: answers.regex(f"(?P<{SECRET}>a)"),
        lambda: answers.regex(5),  # type: ignore[arg-type]
        lambda: answers.json_field(f"{SECRET}."),
    ):
        with pytest.raises(OptionError) as refusal:
            make()
        assert "Ada" not in str(refusal.value)


async def test_checks_that_are_none_are_told_by_their_type() -> None:
    with pytest.raises(OptionError, match="of type str"):
        await run_checks(SECRET, "x")  # type: ignore[arg-type]


# -- the rule ---------------------------------------------------------------------------------


@given(st.integers(-5, 5000), st.integers(0, 5), st.one_of(st.none(), st.integers(5, 4096)))
def test_a_count_within_its_bounds_is_returned_and_others_are_not(
    value: int, least: int, most: int | None
) -> None:
    if value >= least and (most is None or value <= most):
        assert counted("n", value, least=least, most=most) == value
    else:
        with pytest.raises(OptionError, match=f"n={value}"):
            counted("n", value, least=least, most=most)


@given(st.floats(allow_nan=True))
def test_a_share_or_a_finite_number_is_returned_and_others_are_not(value: float) -> None:
    if math.isfinite(value):
        assert finite("x", value) == value
    else:
        with pytest.raises(OptionError, match="finite"):
            finite("x", value)
    if 0 <= value <= 1:
        assert share("x", value) == value
    else:
        with pytest.raises(OptionError, match="from 0 to 1"):
            share("x", value)


def test_bounds_are_told_as_they_are() -> None:
    assert share("x", Fraction(1, 2), least=0.5, below=1) == 0.5
    for value, bounds, said in (
        (1, {"least": 0.5, "below": 1}, "from 0.5 to below 1"),
        (0.4, {"least": 0.5, "below": 1}, "from 0.5 to below 1"),
        (0, {"above": 0}, "above 0 to 1"),
    ):
        with pytest.raises(OptionError, match=said):
            share("x", value, **bounds)
    with pytest.raises(OptionError, match="above 0"):
        finite("x", 0, above=0)
    with pytest.raises(OptionError, match="from 0 on"):
        finite("x", -1, least=0)
    with pytest.raises(OptionError, match="from 1 to 4096"):
        sampled("n", 0)


@given(st.text())
def test_a_text_is_never_shown_but_as_one_of_a_few_words(text: str) -> None:
    assert told("n", text) == "n of type str"
    with pytest.raises(OptionError) as refusal:
        one_of("by", text, ())
    if " " in text or len(text) > 20:
        assert refusal.value.message == "by of type str"


async def two(session: object, answer: object) -> float:
    return 1.0


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda p, s: p.best_of(s, "?", verifier="verify"), "verifier"),
        (lambda p, s: p.best_of(s, "?", verifier=two), "verifier"),
        (lambda p, s: p.best_of(s, "?", verifier=p.partial(two, "a", "b")), "verifier"),
        (lambda p, s: p.weighted_vote(s, "?", verifier=two), "verifier"),
        (lambda p, s: p.refine(s, "?", signal=two), "signal"),
        (lambda p, s: p.soft_vote(s, "?", same=two), "same"),
        (lambda p, s: p.compare(s, "?", "a", "b", judge=two), "judge"),
        (lambda p, s: p.maieutic(s, "Ice is cold.", judge="nli"), "judge"),
        (lambda p, s: p.maieutic_decomposition(s, "Ice is cold.", judge="nli"), "judge"),
        (lambda p, s: p.vote(s, "?", stop_rule="bta"), "beta"),
        (lambda p, s: p.vote(s, "?", stop_rule="Beta"), "beta"),
        (lambda p, s: p.selection_inference(s, None, "?"), "context"),
        (lambda p, s: p.selection_inference(s, ["Ice.", None], "?"), "context"),
    ],
    ids=range(13),
)
async def test_what_cannot_be_called_or_chosen_is_refused_before_anything_is_asked(
    call: Any, told: str
) -> None:
    model = pk.testing.Scripted("Answer: 4")
    session = pk.connect(transport=model, model="m")
    with pytest.raises(OptionError, match=told):
        await call(pk.primitives, session)
    assert not model.requests


def test_a_text_is_no_list_of_choices_and_90_is_no_share() -> None:
    with pytest.raises(OptionError, match="list"):
        pk.primitives.answers.choice("yes")
    trial = Trial(share=1.0, small=True, large=True)
    with pytest.raises(OptionError, match="accuracy"):
        pk.primitives.fit_threshold([trial], accuracy=90)
