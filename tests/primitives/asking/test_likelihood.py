from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import promptkit as pk
from promptkit import Request, Response
from promptkit.errors import ContextLengthError, OptionError, RefusedRequestError
from promptkit.primitives import answers, gather
from promptkit.primitives.asking.distribution import Distribution, count, named
from promptkit.primitives.asking.likelihood import weigh
from promptkit.primitives.asking.logprobs import read_logprobs
from promptkit.response import Alternative, Choice, TokenLogprob
from promptkit.testing import Scripted

pytestmark = pytest.mark.anyio

YES_NO = ("yes", "no")
Place = tuple[str, dict[str, float]]


def reply(*places: Place, text: str | None = None) -> Response:
    """An answer of these tokens; each place is the chosen token and what could stand there."""
    tokens = tuple(
        TokenLogprob(
            chosen,
            math.log(alternatives[chosen]),
            tuple(Alternative(token, math.log(p)) for token, p in alternatives.items()),
        )
        for chosen, alternatives in places
    )
    said = "".join(chosen for chosen, _ in places) if text is None else text
    return Response(choices=(Choice(said, "stop", tokens),))


def scripted(answer: Any, **settings: Any) -> tuple[pk.Session, Scripted]:
    model = Scripted(answer)
    return pk.connect(transport=model, model="m", **settings), model


def shares(distribution: Distribution | None) -> list[float]:
    assert distribution is not None
    return [round(share, 6) for share in distribution.shares]


# -- reading log-probabilities ----------------------------------------------------------------


def test_one_token_an_option_gives_its_share_of_what_named_any() -> None:
    found = read_logprobs(reply(("yes", {"yes": 0.6, "no": 0.2, "maybe": 0.1})), YES_NO)
    assert shares(found) == [0.75, 0.25]
    assert found is not None
    assert (round(found.mass, 6), found.basis, found.samples) == (0.8, "logprobs", 1)


def test_case_space_and_quotes_before_an_option_do_not_count() -> None:
    places = ("Yes", {"Yes": 0.3, " yes": 0.2, '"yes': 0.1, "NO": 0.2})
    assert shares(read_logprobs(reply(places), YES_NO)) == [0.75, 0.25]


def test_the_object_around_a_constrained_choice_is_passed_over() -> None:
    wrapper: list[Place] = [(token, {token: 0.9, "x": 0.1}) for token in ('{"', "answer", '":"')]
    found = read_logprobs(
        reply(*wrapper, ("no", {"yes": 0.2, "no": 0.8}), ('"}', {'"}': 1})), YES_NO
    )
    assert shares(found) == [0.2, 0.8]


def test_a_token_may_hold_the_end_of_the_wrapper_and_the_beginning_of_the_option() -> None:
    places: list[Place] = [('{"answer":', {'{"answer":': 1}), (' "no', {' "no': 0.7, ' "yes': 0.3})]
    assert shares(read_logprobs(reply(*places, ('"}', {'"}': 1})), YES_NO)) == [0.3, 0.7]


def test_options_split_into_tokens_are_followed_where_they_part() -> None:
    found = read_logprobs(
        reply(
            ("car", {"car": 0.8, "dog": 0.2}),
            ("na", {"na": 0.25, "pet": 0.75}),
            ("tion", {"tion": 1.0}),
        ),
        ("carnation", "carpet", "dog"),
    )
    assert shares(found) == [0.2, 0.6, 0.2]


def test_an_option_that_begins_another_is_told_by_what_comes_next() -> None:
    stops = reply(
        ("S", {"S": 1.0}), ("1", {"1": 0.9, "3": 0.1}), ('"}', {'"}': 0.5, "2": 0.4, "9": 0.1})
    )
    found = read_logprobs(stops, ("S1", "S12", "S3"))
    assert shares(found) == [round(0.45 / 0.91, 6), round(0.36 / 0.91, 6), round(0.1 / 0.91, 6)]
    ended = reply(("S1", {"S1": 0.9, "S3": 0.1}))
    assert shares(read_logprobs(ended, ("S1", "S12", "S3"))) == [0.9, 0, 0.1]


def test_where_the_answer_does_not_go_a_shared_beginning_is_shared_out() -> None:
    found = read_logprobs(reply(("dog", {"dog": 0.4, "ca": 0.6})), ("cat", "cap", "dog"))
    assert shares(found) == [0.3, 0.3, 0.4]


@pytest.mark.parametrize(
    "response",
    [
        Response(choices=(Choice("yes"),)),
        Response(),
        reply(("perhaps", {"perhaps": 0.9, "maybe": 0.1})),
        reply(("", {"": 1.0})),
        Response(choices=(Choice("yes", logprobs=(TokenLogprob("yes", -0.5),)),)),
    ],
    ids=["no logprobs", "no choice", "none named", "empty token", "no alternatives"],
)
def test_what_tells_no_probabilities_is_none(response: Response) -> None:
    assert read_logprobs(response, YES_NO) is None


def test_a_token_that_is_certain_needs_no_alternatives() -> None:
    response = Response(choices=(Choice("no", logprobs=(TokenLogprob("no", 0.0),)),))
    assert shares(read_logprobs(response, YES_NO)) == [0, 1]


@pytest.mark.parametrize("odd", [float("nan"), 5.0, 1e308, float("-inf"), -9999.0])
def test_a_server_that_reports_no_probability_breaks_nothing(odd: float) -> None:
    tokens = (TokenLogprob("yes", odd, (Alternative("no", math.log(0.5)),)),)
    found = read_logprobs(Response(choices=(Choice("yes", logprobs=tokens),)), YES_NO)
    assert found is not None
    assert sum(found.shares) == pytest.approx(1)
    assert found.mass <= 1


def test_options_in_a_script_without_spaces_are_read() -> None:
    places = ("真", {"真": 0.7, "假": 0.3})
    assert shares(read_logprobs(reply(places, ("的", {"的": 1.0})), ("真", "假"))) == [0.7, 0.3]


words = st.lists(st.sampled_from(["S1", "S12", "S2", "yes", "no", "not", "a b", "真"]), min_size=1,
                 max_size=5, unique=True)  # fmt: skip
pieces = st.sampled_from(["S", "1", "2", "yes", "n", "o", "t", " ", '"}', "{", "", "a", " b", "真"])


@given(
    words,
    st.lists(st.tuples(pieces, st.dictionaries(pieces, st.floats(-20, 0), max_size=4)), max_size=5),
)
def test_shares_are_a_distribution_whatever_a_server_reports(
    options: list[str], places: list[tuple[str, dict[str, float]]]
) -> None:
    tokens = tuple(
        TokenLogprob(chosen, -1.0, tuple(Alternative(t, p) for t, p in others.items()))
        for chosen, others in places
    )
    response = Response(choices=(Choice("".join(c for c, _ in places), logprobs=tokens),))
    found = read_logprobs(response, tuple(options))
    if found is not None:
        assert sum(found.shares) == pytest.approx(1)
        assert all(share >= 0 for share in found.shares)
        assert 0 < found.mass <= 1
        assert found.best in options


# -- asking -----------------------------------------------------------------------------------


async def test_log_probabilities_cost_one_call() -> None:
    session, model = scripted(reply(("yes", {"yes": 0.9, "no": 0.1})))
    found = await weigh(session, "Is ice cold?", YES_NO)
    assert (shares(found), found.best, len(model.requests)) == ([0.9, 0.1], "yes", 1)
    assert model.requests[0].options.logprobs == 20


async def test_the_completions_api_is_asked_for_the_five_that_it_gives_and_with_the_lead() -> None:
    session, model = scripted(reply((" no", {" yes": 0.2, " no": 0.8})))
    found = await weigh(session.using(api="completions"), "Is ice hot?", YES_NO, lead=" ")
    (request,) = model.requests
    assert (request.options.logprobs, shares(found)) == (5, [0.2, 0.8])
    assert request.options.constraint is not None
    assert request.options.constraint.value == (" yes", " no")


async def test_votes_decide_where_no_log_probabilities_come_and_the_first_answer_counts() -> None:
    session, model = scripted(lambda r: "no" if r.sample < 2 else "Yes.")
    found = await weigh(session, "Is ice hot?", YES_NO, votes=5)
    assert (shares(found), found.basis, found.samples) == ([0.6, 0.4], "votes", 5)
    assert [request.sample for request in model.requests] == [0, 1, 2, 3, 4]


async def test_log_probabilities_missing_in_the_middle_of_a_run_make_that_one_a_vote() -> None:
    def answer(request: Request) -> Response | str:
        if "hot" in request.text:
            return "no"
        return reply(("yes", {"yes": 0.9, "no": 0.1}))

    session, _ = scripted(answer)
    bases = [(await weigh(session, q, YES_NO)).basis for q in ("cold?", "hot?", "cold!")]
    assert bases == ["logprobs", "votes", "logprobs"]


async def test_a_model_that_refuses_log_probabilities_is_not_asked_for_them_again() -> None:
    asked_for: list[object] = []

    def answer(request: Request) -> str:
        asked_for.append(request.options.logprobs)
        if request.options.logprobs:
            msg = "logprobs are not supported"
            raise RefusedRequestError(msg)
        return "yes"

    session, _ = scripted(answer)
    for number in range(2):
        found = await weigh(session, f"Is ice {number} cold?", YES_NO, votes=2)
        assert (found.basis, found.samples) == ("votes", 2)
    assert asked_for == [20, None, None, None, None]
    other, _ = scripted(reply(("yes", {"yes": 0.9, "no": 0.1})))
    assert (await weigh(other, "Is ice cold?", YES_NO)).basis == "logprobs"
    with pytest.raises(RefusedRequestError):
        await weigh(session.using(model="another"), "Cold?", YES_NO, by="logprobs")


async def test_a_prompt_that_is_refused_anyhow_says_nothing_about_log_probabilities() -> None:
    refuses: list[type[RefusedRequestError]] = [ContextLengthError, RefusedRequestError]

    def answer(_: Request) -> Response:
        if refuses:
            raise refuses[0]("too long")
        return reply(("yes", {"yes": 0.9, "no": 0.1}))

    session, model = scripted(answer)
    with pytest.raises(ContextLengthError):
        await weigh(session, "Is ice cold?", YES_NO)
    assert len(model.requests) == 1  # the votes would not fit either
    refuses.pop(0)
    with pytest.raises(RefusedRequestError):
        await weigh(session, "Is ice cold?", YES_NO)
    refuses.clear()
    assert (await weigh(session, "Is ice cold?", YES_NO)).basis == "logprobs"


async def test_votes_can_be_asked_for() -> None:
    session, model = scripted("yes")
    found = await weigh(session, "Is ice cold?", YES_NO, by="votes", votes=3)
    assert (shares(found), found.basis, len(model.requests)) == ([1, 0], "votes", 3)
    assert all(request.options.logprobs is None for request in model.requests)


async def test_log_probabilities_can_be_insisted_on() -> None:
    session, model = scripted("yes")
    found = await weigh(session, "Is ice cold?", YES_NO, by="logprobs")
    assert (found.best, found.mass, len(model.requests)) == (None, 0, 1)


@pytest.mark.parametrize("text", ["", "I cannot say", "yes or no", "ja"])
async def test_when_no_vote_names_one_option_none_is_best(text: str) -> None:
    session, _ = scripted(text)
    found = await weigh(session, "Is ice cold?", YES_NO, votes=3)
    assert (found.best, found.mass, found.shares, found.samples) == (None, 0, (0, 0), 3)


@pytest.mark.parametrize(
    ("options", "more"),
    [((), {}), (("yes", "Yes "), {}), (YES_NO, {"votes": 0}), (YES_NO, {"by": "magic"})],
)
async def test_bad_arguments_are_refused_before_anything_is_asked(
    options: Sequence[str], more: dict[str, Any]
) -> None:
    session, model = scripted("yes")
    with pytest.raises(OptionError):
        await weigh(session, "Is ice cold?", options, **more)
    assert not model.requests


# -- counting ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "options", "value"),
    [
        ("S12", ("S1", "S12"), "S12"),
        ("S1.", ("S1", "S12"), "S1"),
        ("It is s12!", ("S1", "S12"), "S12"),
        ("S1 and S12", ("S1", "S12"), None),
        ("S123", ("S1", "S12"), None),
        ('{"answer": "no"}', YES_NO, "no"),
        ("answer: C++", ("C++", "Rust"), "C++"),
        ("答案是真。", ("真", "假"), "真"),
        ("", YES_NO, None),
        ("not at all", YES_NO, None),
    ],
)
def test_a_reply_names_one_option_or_none(
    text: str, options: tuple[str, ...], value: str | None
) -> None:
    assert named(text, options) == value


def test_shares_are_of_the_votes_that_named_an_option() -> None:
    found = count(("yes", "no"), ["yes", "yes", "no", "perhaps"])
    assert (shares(found), found.mass) == ([round(2 / 3, 6), round(1 / 3, 6)], 0.75)
    assert count(YES_NO, []).mass == 0


@given(st.lists(st.text(alphabet="yesno .", max_size=6), max_size=8))
def test_counting_does_not_depend_on_the_order_of_the_votes(texts: list[str]) -> None:
    assert count(YES_NO, texts) == count(YES_NO, texts[::-1])


@pytest.mark.parametrize("options", ["yno", b"no", [1, 2], ["yes", None]])
async def test_options_are_texts(options: Any) -> None:
    session, model = scripted("y")
    with pytest.raises(OptionError, match="type"):
        await weigh(session, "Well?", options)
    assert model.requests == []


# -- judgements that run at once ----------------------------------------------------------------


async def test_of_judgements_at_once_one_alone_meets_the_refusal() -> None:
    refused: list[Request] = []

    def answer(request: Request) -> str:
        if request.options.logprobs:
            refused.append(request)
            raise RefusedRequestError("logprobs are not supported")
        return "yes"

    session, model = scripted(answer)
    asks = [weigh(session, f"Is ice {number} cold?", YES_NO, votes=3) for number in range(10)]
    found = await gather(asks)
    assert {each.basis for each in found} == {"votes"}
    assert (len(refused), len(model.requests)) == (1, 31)


async def test_where_the_first_judgement_fails_another_finds_out() -> None:
    def answer(request: Request) -> Response:
        if "0" in request.text:
            raise ContextLengthError("too long")
        return reply(("yes", {"yes": 0.9, "no": 0.1}))

    session, _ = scripted(answer)
    asks = [weigh(session, f"Is ice {number} cold?", YES_NO) for number in range(3)]
    failed, *found = await asyncio.gather(*asks, return_exceptions=True)
    assert isinstance(failed, ContextLengthError)
    assert [each.basis for each in found if isinstance(each, Distribution)] == ["logprobs"] * 2


async def test_an_extractor_reads_votes_and_what_it_cannot_read_counts_for_none() -> None:
    session, _ = scripted(lambda r: ["So no. Answer: yes", "Hm.", "Answer: no", "None"][r.sample])
    found = await weigh(session, "Is ice cold?", YES_NO, votes=4, extract=answers.yes_no)
    assert (found.shares, found.mass, found.basis) == ((0.5, 0.5), 0.5, "votes")


async def test_a_single_vote_is_asked_for_steadily_and_several_are_not() -> None:
    session, model = scripted("yes")
    for votes in (1, 2):
        await weigh(session, "Is ice cold?", YES_NO, by="votes", votes=votes)
    await weigh(session.using(temperature=0.3), "Cold?", YES_NO, by="votes", votes=1)
    assert [request.options.temperature for request in model.requests] == [0, 1, 1, 0.3]


def test_a_distribution_explains_itself() -> None:
    found = Distribution(YES_NO, (0.75, 0.25), "votes", 4, 1.0)
    text = pk.Result("yes", 0.75, found).explain().text
    assert "Distribution" not in text
    assert "75%" in text
