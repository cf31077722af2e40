"""The scripted reasoner: right without errors, wrong as often as told; no habit breaks anything."""

from __future__ import annotations

import math
import pickle
import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from replication.recorded import load

import promptkit as pk
from promptkit import primitives as p
from promptkit.errors import OptionError
from promptkit.primitives.maieutic import maieutic_calls
from promptkit.testing import Reasoner, Scripted
from promptkit.testing.prompt_kinds import PROMPTS
from promptkit.testing.reasoner import HABITS, KINDS, Habit

pytestmark = pytest.mark.anyio

CONTEXT = (
    "Every wumpus is a tumpus. Tumpuses are not sour. Each vumpus is sour. Tumpuses are rompuses. "
    "Rompuses are small. Max is a wumpus."
)
QUESTION = "Is the following statement true or false? Max is small."
ASKED = f"{CONTEXT}\n{QUESTION}"
VERDICT = p.answers.choice(["True", "False", "Unknown"])
GOLD = {"A": "True", "B": "False", "C": None}


def listening(reasoner: Reasoner | None = None, **how: Any) -> tuple[pk.Session, Scripted]:
    model = Scripted(reasoner or Reasoner(**how))
    return pk.connect(transport=model, model="reasoner", cache=None), model


def items(name: str, every: int) -> list[dict[str, Any]]:
    return load(f"reliability/logic_lm/data/{name}/dev.json.gz")[::every]


async def si(session: pk.Session, item: dict[str, Any], **how: Any) -> pk.Result[str]:
    context, question = item["context"], item["question"]
    return await p.selection_inference(session, context, question, choices=("True", "False"), **how)


async def share(name: str, every: int, solve: Any, **how: Any) -> tuple[float, int]:
    """Return the share of right answers, «Unknown» being one, and of how many."""
    session, _ = listening(**how)
    chosen = items(name, every)
    results = await session.map(solve, chosen, concurrency=8)
    right = [r.value == GOLD[item["answer"]] for r, item in zip(results, chosen, strict=True)]
    return sum(right) / len(right), len(right)


def near(expected: float, n: int) -> Any:
    """Within three and a half standard deviations of a share."""
    return pytest.approx(expected, abs=3.5 * math.sqrt(expected * (1 - expected) / n) + 1e-9)


# -- without errors ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ProntoQA", "ProofWriter"])
@pytest.mark.parametrize("how", [{}, {"beam": 2}, {"votes": 3}])
async def test_without_errors_every_item_is_solved_or_rightly_unknown(
    name: str, how: dict[str, int]
) -> None:
    right, n = await share(name, 20 if not how else 60, partial(si, **how))
    assert (right, n > 5) == (1.0, True)


@pytest.mark.parametrize("name", ["ProntoQA", "ProofWriter"])
async def test_log_probabilities_give_the_same_answers(name: str) -> None:
    right, _ = await share(name, 50, partial(si, pick="likelihood"), logprobs=True)
    assert right == 1.0


async def test_every_leaf_of_its_proofs_is_a_sentence_of_the_context() -> None:
    session, _ = listening()
    for item in items("ProofWriter", 60):
        result = await si(session, item)
        assert result.evidence.check(item["context"]) == ()


async def test_it_writes_logic_programs_that_run() -> None:
    async def program(session: pk.Session, item: dict[str, Any]) -> pk.Result[Any]:
        asked = f"{item['context']}\n{item['question']}"
        return await p.program_of_thought(session, asked, language="logic", fallback=None)

    for name in ("ProntoQA", "ProofWriter"):
        assert (await share(name, 25, program))[0] == 1.0


async def test_it_believes_what_follows_from_what_it_knows() -> None:
    session, _ = listening(knowledge=CONTEXT)
    for statement, value in (("Max is small.", True), ("Max is sour.", False)):
        result = await p.maieutic(session, statement, width=1, depth=1)
        assert result.value is value
    told = "Max is a rompus."
    assert (await p.entailment(session, told, "Max is small.")).value == "entails"
    assert (await p.entailment(session, told, "Max is not small.")).value == "contradicts"
    assert (await p.entailment(session, told, "Max is sour.")).value == "neutral"


# -- with errors ------------------------------------------------------------------------------


@pytest.mark.parametrize("e", [0.05, 0.2])
async def test_a_chain_of_five_inferences_is_right_when_none_goes_wrong(e: float) -> None:
    async def chain(session: pk.Session, item: dict[str, Any]) -> pk.Result[Any]:
        asked = f"{item['context']}\n{item['question']}"
        return await p.chain_of_thought(session, asked, extract=VERDICT)

    right, n = await share("ProntoQA", 1, chain, errors={"chain": e})
    assert right == near((1 - e) ** 5, n)


@pytest.mark.parametrize("e", [0.1, 0.3])
@pytest.mark.parametrize("kind", ["answer", "halt"])
async def test_the_halter_errs_in_its_last_word_alone(kind: str, e: float) -> None:
    """A «yes» that comes too early is caught by the second stage; a «no» at the end is not."""
    right, n = await share("ProntoQA", 4, si, errors={kind: e})
    assert right == near(1 - e, n)


@pytest.mark.parametrize("e", [0.1, 0.25])
async def test_a_wrong_inference_costs_steps_and_the_last_one_the_answer(e: float) -> None:
    """Of eight steps five are needed. A wrong inference costs two more, or three if it is repeated;
    the fourth attempt does not come. So at most one of the first four may go wrong."""
    right, n = await share("ProntoQA", 4, si, errors={"infer": e})
    once = 4 * (1 - e) ** 3 * (e * (1 - e) + e**2 * (1 - e))
    assert right == near((1 - e) * ((1 - e) ** 4 + once), n)


@pytest.mark.parametrize("e", [0.1, 0.4])
async def test_wrong_picks_cost_answers_but_never_make_one_wrong(e: float) -> None:
    session, _ = listening(errors={"select": e})
    chosen = items("ProntoQA", 15)
    results = await session.map(si, chosen, concurrency=8)
    pairs = [(r.value, GOLD[item["answer"]]) for r, item in zip(results, chosen, strict=True)]
    assert all(value in (None, gold) for value, gold in pairs)
    assert any(value is None for value, _ in pairs)


async def test_with_errors_of_all_kinds_more_is_right_than_when_no_call_may_err() -> None:
    for e in (0.02, 0.05, 0.1):
        right, n = await share("ProntoQA", 10, si, errors=e)
        bound = (1 - e) ** 26
        assert right > bound - 2 * math.sqrt(bound * (1 - bound) / n)


async def test_the_value_beam_and_votes_raise_what_errors_lower() -> None:
    async def voted(session: pk.Session, item: dict[str, Any]) -> pk.Result[Any]:
        async def of(draw: pk.Session, _: Any) -> pk.Result[str]:
            return await si(draw, item)

        return await p.vote(
            session, item["question"], n=5, of=of, stop_when_sure=None, extract=VERDICT
        )

    alone, _ = await share("ProntoQA", 15, si, errors=0.08)
    beam, _ = await share("ProntoQA", 15, partial(si, beam=3), errors=0.08)
    votes, _ = await share("ProntoQA", 15, voted, errors=0.08)
    assert beam > alone
    assert votes > alone


async def test_a_verifier_raises_chains_of_thought() -> None:
    async def asked(session: pk.Session, item: dict[str, Any], how: Any) -> pk.Result[Any]:
        return await how(session, f"{item['context']}\n{item['question']}", extract=VERDICT)

    alone, n = await share("ProntoQA", 4, partial(asked, how=p.chain_of_thought), errors=0.1)
    best, _ = await share("ProntoQA", 4, partial(asked, how=p.best_of), errors=0.1)
    assert best > alone + 1 / math.sqrt(n)


async def test_whether_it_errs_depends_on_seed_and_request_not_on_the_order() -> None:
    session, _ = listening()
    requests = [session.request(ASKED, sample=sample) for sample in range(40)]
    said = {r.key: Reasoner(errors=0.4)(r).text for r in requests}
    reasoner = Reasoner(errors=0.4)
    for request in random.Random(0).sample(requests, 40):
        assert reasoner(request).text == said[request.key]
    assert len(set(said.values())) == 2
    assert [Reasoner(errors=0.4, seed=1)(r).text for r in requests] != list(said.values())


# -- habits -----------------------------------------------------------------------------------

Run = Callable[[pk.Session], Awaitable[Any]]

RUNS: dict[str, tuple[Run, int]] = {
    "chain_of_thought": (lambda s: p.chain_of_thought(s, ASKED, stages=2), 2),
    "self_ask": (lambda s: p.self_ask(s, ASKED, max_followups=2), 5),
    "program_of_thought": (lambda s: p.program_of_thought(s, ASKED), 2),
    "logic programs": (lambda s: p.program_of_thought(s, ASKED, language="logic"), 2),
    "decompose": (lambda s: p.decompose(s, ASKED, n=3), 5),
    "least_to_most": (lambda s: p.least_to_most(s, ASKED, n=3), 5),
    "split_and_merge": (lambda s: p.split_and_merge(s, CONTEXT, QUESTION, size=20, overlap=2), 40),
    "checklist": (lambda s: p.checklist(s, ASKED, "True", criteria=["It is true."]), 5),
    "selection_inference": (
        lambda s: p.selection_inference(s, CONTEXT, QUESTION, choices=("True", "False")),
        8 * (3 * 4 + 1 + 2),
    ),
    "faithful_reasoning": (
        lambda s: p.faithful_reasoning(
            s, CONTEXT, QUESTION, choices=("True", "False"), beam=2, max_steps=4
        ),
        4 * 2 * 2 * (3 * 4 + 1 + 3),
    ),
    "maieutic": (
        lambda s: p.maieutic(s, "Max is small.", width=2, depth=1),
        maieutic_calls(2, 1),
    ),
    "maieutic in doubt": (
        lambda s: p.maieutic(s, "Max is bright.", width=2, depth=1),
        maieutic_calls(2, 1),
    ),
    "maieutic_decomposition": (
        lambda s: p.maieutic_decomposition(s, "Max is small and Max is sour.", most_parts=3),
        2 + 4 * 11,
    ),
    "entailment": (lambda s: p.entailment(s, "Max is small.", "Max is sour."), 1),
    "vote": (lambda s: p.vote(s, ASKED, n=5), 5),
    "vote over selection_inference": (
        lambda s: p.vote(s, QUESTION, n=3, of=p.partial(p.selection_inference, CONTEXT)),
        3 * 8 * (3 * 4 + 1 + 2),
    ),
    "universal_vote": (lambda s: p.universal_vote(s, ASKED, n=3), 6),
    "soft_vote": (lambda s: p.soft_vote(s, ASKED, n=3), 3 + 3 * 5),
    "best_of": (lambda s: p.best_of(s, ASKED, n=3), 3 + 3 * 5),
    "weighted_vote": (lambda s: p.weighted_vote(s, ASKED, n=3), 3 + 3 * 5),
    "verify": (lambda s: p.verify(s, ASKED, "True"), 5),
    "compare": (lambda s: p.compare(s, ASKED, "True", "False"), 10),
    "step_verifier": (lambda s: p.step_verifier(s, ASKED, "Max is small.\nAnswer: True"), 10),
    "chain_of_verification": (lambda s: p.chain_of_verification(s, ASKED, max_questions=2), 7),
    "refine": (lambda s: p.refine(s, ASKED, signal=p.verify, rounds=2), 3 + 3 * 5),
    "cascade": (lambda s: p.cascade(s, ASKED, models=("small", "large"), n=(3, 1)), 4),
    "tree_of_thoughts": (
        lambda s: p.tree_of_thoughts(s, ASKED, steps=2, keep=2, width=2, values=1),
        (1 + 2) + (2 + 4),
    ),
    "debate": (lambda s: p.debate(s, ASKED, agents=2, rounds=1), 4),
    "fallback": (lambda s: p.fallback(p.chain_of_thought, p.self_ask)(s, ASKED), 1 + 11),
}  # fmt: skip


@pytest.mark.parametrize("habit", HABITS)
@pytest.mark.parametrize("name", RUNS)
async def test_no_habit_breaks_a_primitive_or_costs_more_than_its_bound(
    name: str, habit: Habit
) -> None:
    run, most = RUNS[name]
    session, model = listening(habits=(habit,), knowledge=CONTEXT)
    result = await run(session)
    assert len(model.requests) <= most
    assert isinstance(result, (pk.Result, pk.Verdict))
    assert result.explain().text
    if isinstance(result, pk.Result) and result.value is None:
        assert result.reason


@pytest.mark.parametrize("habit", ["hallucinates", "ignores_format", "never_halts", "silent"])
async def test_who_can_give_no_answer_gives_none(habit: Habit) -> None:
    session, _ = listening(habits=(habit,))
    result = await p.selection_inference(session, CONTEXT, QUESTION, choices=("True", "False"))
    assert result.is_unknown
    assert result.reason


async def test_who_says_yes_to_a_statement_and_to_its_opposite_has_no_firm_belief() -> None:
    session, _ = listening(habits=("contradicts",), knowledge=CONTEXT)
    result = await p.maieutic(session, "Max is small.", width=1, depth=1)
    assert result.confidence is None or result.confidence < 0.9


async def test_log_probabilities_are_told_for_what_is_allowed_alone() -> None:
    asked = pk.Prompt(f"{ASKED}\nReply with one word.")
    told = {}
    for options in (["True", "False"], ["true", "false"]):
        for habits in ((), ("ignores_format",)):
            session, _ = listening(habits=habits, logprobs=True)
            for logprobs in (5, None):
                response = await session.ask(asked, constraint=options, logprobs=logprobs)
                choice = response.choices[0]
                told[habits, logprobs] = choice.logprobs is not None
                assert (choice.logprobs is None) or (response.text in options)
    assert told == {((), 5): True, ((), None): False} | dict.fromkeys(
        ((("ignores_format",), 5), (("ignores_format",), None)), False
    )


# -- what it is -------------------------------------------------------------------------------


async def test_the_default_prompts_of_the_primitives_are_recognised() -> None:
    """Where a wording changes, this fails, not some curve."""
    seen: set[str] = set()
    for run, _ in RUNS.values():
        session, model = listening(knowledge=CONTEXT)
        await run(session)
        seen |= {Reasoner().kind_of(request) for request in model.requests}
    assert seen >= set(KINDS)
    assert len(PROMPTS) == len({prompt.user for _, prompt in PROMPTS})


async def test_prompts_of_yours_are_recognised_when_you_hand_them_in() -> None:
    mine = pk.Prompt("Schließe aus: {selection}")
    session, _ = listening(prompts=(("infer", mine),))
    asked = mine.fill(selection="Rompuses are small. We know that Max is a rompus.")
    assert (await session.ask(asked)).text == "Max is small."


@pytest.mark.parametrize("text", ["", "Hello!", "日本語", "Question: ?", "Statement: \n" * 50])
async def test_whatever_it_is_asked_it_answers(text: str) -> None:
    for habit in ((), *((each,) for each in HABITS)):
        session, _ = listening(habits=habit, errors=0.5)
        await session.ask(text)


@pytest.mark.parametrize(
    "bad", [{"errors": {"infr": 0.1}}, {"errors": 1.5}, {"habits": ("lazy",)}, {"sure": 0}]
)
def test_settings_that_there_are_not_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        Reasoner(**bad)


def test_it_can_be_pickled() -> None:
    reasoner = Reasoner(errors={"infer": 0.1}, habits=("agrees",))
    assert pickle.loads(pickle.dumps(reasoner)) == reasoner
