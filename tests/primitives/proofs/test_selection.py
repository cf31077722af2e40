from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import promptkit as pk
from promptkit import Prompt, Request, Session
from promptkit.errors import RefusedRequestError
from promptkit.primitives import selection_inference
from promptkit.primitives.asking.text_likelihood import beginnings, text_likelihoods
from promptkit.primitives.proofs.prompts import COMPLETED, LABELLED
from promptkit.primitives.proofs.proof import Proof
from promptkit.primitives.proofs.selection import Pick, Selecting, rank, select
from promptkit.primitives.proofs.shortlist import shortlist
from promptkit.response import Alternative, Choice, Response, TokenLogprob
from promptkit.testing import Scripted

pytestmark = pytest.mark.anyio

CONTEXT = ["Sheep fear wolves.", "Mice fear cats.", "Gert is a mouse.", "Bea is a sheep."]
QUESTION = "What does Gert fear?"
KNOWN = Proof.label(CONTEXT)
NONE: frozenset[str] = frozenset()

Likely = Callable[[str, str], float]
"""How likely a word is after a text, as a probability."""


def backend(likely: Likely) -> Scripted:
    """A backend that obeys a choice and reports the model's own log-probabilities, word by word.

    It takes the choice whose words are the likeliest, and every word is one token.
    """

    def answer(request: Request) -> Response:
        constraint = request.options.constraint
        prompt = request.messages[-1].text
        options = constraint.value if constraint else (" Gert fears cats.",)
        texts = [[f" {word}" for word in option.split()] for option in options]
        scored = [[math.log(likely(prompt, word.strip())) for word in words] for words in texts]
        best = max(range(len(texts)), key=lambda i: sum(scored[i]))
        tokens = tuple(
            TokenLogprob(word, logprob, (Alternative(word, logprob),))
            for word, logprob in zip(texts[best], scored[best], strict=True)
        )
        told = None if request.options.logprobs is None else tokens
        return Response((Choice("".join(texts[best]), "stop", told),))

    return Scripted(answer)


def by_words(prompt: str, word: str) -> float:
    """Words of the prompt are likely; «Sheep» always is a little; a mouse makes mice likely."""
    related = {"Mice": "mouse", "mouse.": "Mice"}
    if word.rstrip(".") in prompt or related.get(word, "?") in prompt:
        return 0.5
    return 0.2 if word == "Sheep" else 0.001


def completing(model: Scripted) -> Session:
    return pk.connect(transport=model, model="m", cache=None).using(api="completions")


# -- beginnings and likelihoods ---------------------------------------------------------------


SENTENCES = st.lists(st.sampled_from("ab"), min_size=1, max_size=5).map(" ".join)


@given(st.lists(SENTENCES, min_size=1, unique=True))
def test_beginnings_tell_texts_apart(texts: list[str]) -> None:
    found = beginnings(texts)
    for text, begun in zip(texts, found, strict=True):
        words = begun.split()
        assert text.split()[: len(words)] == words
        others = [other.split()[: len(words)] for other in texts if other != text]
        assert words not in others or words == text.split()


async def test_each_text_is_forced_and_its_tokens_summed_up() -> None:
    model = backend(lambda _, word: 0.5 if word == "cats" else 0.25)
    found = await text_likelihoods(completing(model), "Q", ["cats purr", "dogs"], lead=" ")
    assert found is not None
    assert found == pytest.approx([math.log(0.125), math.log(0.25)])
    assert [r.options.constraint.value for r in model.requests if r.options.constraint] == [
        (" cats purr",),
        (" dogs",),
    ]


@pytest.mark.parametrize(
    "reply",
    [
        Response((Choice("cats", "stop", None),)),  # no log-probabilities
        Response((Choice("dogs", "stop", (TokenLogprob("dogs", -1.0),)),)),  # did not obey
        Response((Choice("cats", "stop", (TokenLogprob("cats", 0.0),)),)),  # after the grammar
        Response(()),
    ],
)
async def test_where_no_likelihood_can_be_had_one_call_finds_out(reply: Response) -> None:
    model = Scripted(reply)
    assert await text_likelihoods(completing(model), "Q", ["cats"]) is None
    assert len(model.requests) == 1


async def test_a_backend_that_refuses_log_probabilities_has_no_likelihoods() -> None:
    def refuse(request: Request) -> str:
        if request.options.logprobs is not None:
            raise RefusedRequestError("logprobs are not allowed")
        return " Gert is a mouse."

    session = completing(Scripted(refuse))
    assert await text_likelihoods(session, "Q", ["cats"]) is None
    how = Selecting(question=QUESTION, prompts=COMPLETED, premises=1)
    picked = await select(session, KNOWN, how, spent=NONE)
    assert picked is not None
    assert [s.label for s in picked] == ["S3"]


# -- picking by likelihood --------------------------------------------------------------------


async def test_the_likelihood_without_the_question_is_taken_off() -> None:
    def likely(prompt: str, word: str) -> float:
        if word == "Sheep":
            return 0.4  # a common word, with or without the question
        return 0.3 if word in ("Mice", "Gert") and ("Gert" in prompt) else 0.01

    prompts = replace(COMPLETED, first_prior=Prompt("Fact:"), next_prior=Prompt("Rule:"))
    how = Selecting(question=QUESTION, prompts=prompts, premises=2, pick="likelihood")
    (picked,) = await rank(completing(backend(likely)), KNOWN, how, spent=NONE, count=1)
    assert picked is not None
    assert {s.label for s in picked} == {"S2", "S3"}


async def test_several_selections_come_likeliest_first_and_differ() -> None:
    how = Selecting(question=QUESTION, prompts=COMPLETED, premises=2, pick="likelihood")
    model = backend(by_words)
    ranked = await rank(completing(model), KNOWN, how, spent=NONE, count=3)
    assert len({tuple(s.label for s in picked or ()) for picked in ranked}) == 3
    assert len(model.requests) <= 2 * 4 + 3 * 2 * 3  # two a statement, for each selection kept


async def test_picks_by_label_are_ranked_by_the_labels_likelihood() -> None:
    def answer(request: Request) -> Response:
        first = "S2" if "so far" not in request.text else "enough"
        tops = (Alternative(first, -0.5), Alternative("S1", -1.5), Alternative("S3", -2.0))
        return Response((Choice(first, "stop", (TokenLogprob(first, -0.5, tops),)),))

    model = Scripted(answer)
    session = pk.connect(transport=model, model="m", cache=None)
    how = Selecting(question=QUESTION, prompts=LABELLED, premises=2, pick="likelihood")
    ranked = await rank(session, KNOWN, how, spent=NONE, count=2)
    assert [s.label for s in ranked[0] or ()] == ["S2"]
    assert len(ranked) == 2
    assert len(model.requests) == 1 + 2


async def test_where_nobody_is_named_whom_the_question_is_about_no_statement_helps() -> None:
    picks: tuple[Pick, ...] = ("choice", "likelihood")
    for pick in picks:
        model = backend(lambda prompt, word: 0.5 if word in prompt else 1e-4)
        result = await selection_inference(
            completing(model),
            CONTEXT,
            "What does Ugo eat?",
            choices=("cats", "wolves"),
            prompts=COMPLETED,
            pick=pick,
        )
        assert result.reason == "step 1: no statement helps"


async def test_only_a_first_pick_must_be_likely_enough() -> None:
    assert COMPLETED.least > 1e-4

    def likely(prompt: str, word: str) -> float:
        """The fact is likely; every rule is far from it, and «Mice …» the least far."""
        firsts = {"Gert": 1e-6, "Sheep": 1e-6, "Bea": 1e-6, "Mice": 1e-4}
        if prompt.endswith("Fact:"):
            firsts["Gert"] = 0.5
        return firsts.get(word, 0.9)

    how = Selecting(question=QUESTION, prompts=COMPLETED, premises=2)
    picked = await select(completing(backend(likely)), KNOWN, how, spent=NONE)
    assert [s.label for s in picked or ()] == ["S3", "S2"]
    plain = replace(COMPLETED, first_prior=None, next_prior=None)
    how = Selecting(question=QUESTION, prompts=plain, premises=2, pick="likelihood")
    (picked,) = await rank(completing(backend(likely)), KNOWN, how, spent=NONE, count=1)
    assert [s.label for s in picked or ()] == ["S3", "S2"]


# -- a shortlist ------------------------------------------------------------------------------


@given(st.lists(st.text(max_size=12), max_size=40), st.text(max_size=20), st.integers(1, 20))
def test_a_shortlist_holds_no_more_than_it_may_in_the_order_of_the_texts(
    texts: list[str], about: str, most: int
) -> None:
    places = list(shortlist(texts, about, most))
    assert len(places) == min(most, len(texts))
    assert places == sorted(set(places))


def test_a_shortlist_follows_a_chain_of_words() -> None:
    noise = [f"River {n} is long." for n in range(500)]
    chain = ["Hugo is a baker.", "Bakers row on Sundays.", "Whoever is rowing owns an anchor."]
    texts = [*noise[:200], chain[0], *noise[200:300], chain[1], *noise[300:], chain[2]]
    chosen = [texts[place] for place in shortlist(texts, "What does Hugo own?", 12)]
    assert set(chain) <= set(chosen)


# -- halting by likelihood --------------------------------------------------------------------


async def test_an_inference_halts_by_the_likelihood_of_the_question_or_of_the_choices() -> None:
    for word, halts in (("fear?", True), ("cats", True), ("nothing", False)):

        def likely(prompt: str, said: str, word: str = word) -> float:
            if prompt.endswith("Question:"):
                return 0.9 if word == "fear?" and "fears cats" in prompt else 0.01
            if prompt.endswith("Answer:"):
                return 0.5 if said == word else 0.001
            first = "Gert" if prompt.endswith("Fact:") else "Mice"
            return 0.9 if said == first or said not in ("Gert", "Mice", "Sheep", "Bea") else 0.01

        result = await selection_inference(
            completing(backend(likely)),
            CONTEXT,
            QUESTION,
            choices=("cats", "wolves"),
            prompts=COMPLETED,
            max_steps=1,
        )
        assert result.is_unknown is not halts
        assert result.basis == ("logprobs" if halts else "")
        assert [step.premises for step in result.evidence.steps] == [("S3", "S2")]


async def test_without_log_probabilities_the_halter_of_completions_asks_yes_or_no() -> None:
    def answer(request: Request) -> str:
        text = request.messages[-1].text
        replies = {
            "Fact:": CONTEXT[2],
            "Rule:": CONTEXT[1],
            "Therefore,": "Gert fears cats.",
            "Answer:": "cats",
            "Question:": QUESTION,
        }
        if text.endswith("by the statement?"):
            return " yes" if "Gert fears cats" in text else " no"
        return next(f" {reply}" for ending, reply in replies.items() if text.endswith(ending))

    model = Scripted(answer)
    result = await selection_inference(
        completing(model), CONTEXT, QUESTION, choices=("cats", "wolves"), prompts=COMPLETED
    )
    assert (result.value, result.basis) == ("cats", "votes")
    assert len(model.requests) == 2 + 2 * 2 + 1 + 1  # picks; halters, each in vain first
