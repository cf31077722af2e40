from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import promptkit as pk
from promptkit.errors import BlockedError, OptionError
from promptkit.request import Request
from promptkit.response import Choice, Response
from promptkit.result import Verdict
from promptkit.safety.abuse import abuse_scores
from promptkit.safety.finding import Finding
from promptkit.safety.moderating.input_beside import beside, stream_beside
from promptkit.safety.moderating.streamed import Moderated, moderated
from promptkit.safety.moderation import moderate
from promptkit.safety.sentences import LONGEST_WAIT
from promptkit.testing import Scripted
from promptkit.transport import OnText

pytestmark = pytest.mark.anyio

TEXT = "Hello there. How are you?\nThis is BAD indeed! And more.\n\nBye."


def harmless(text: str) -> bool:
    return "BAD" not in text


class Source:
    """Gives out pieces, and knows whether it was closed."""

    def __init__(self, pieces: Iterable[str]) -> None:
        self.pieces = list(pieces)
        self.given = 0
        self.is_closed = False

    async def __aiter__(self) -> AsyncIterator[str]:
        for piece in self.pieces:
            self.given += 1
            yield piece

    async def aclose(self) -> None:
        self.is_closed = True


async def read(stream: Moderated) -> str:
    return "".join([text async for text in stream])


async def collect(stream: Any, into: list[str]) -> None:
    async for text in stream:
        into += [text]


def outcome(pieces: Iterable[str], check: Any = harmless, **how: Any) -> tuple[str, str, Any]:
    async def run() -> tuple[str, str, Any]:
        stream = moderated(Source(pieces), check, on_trip="stop", **how)
        text = await read(stream)
        return text, stream.verdict.outcome, stream.findings

    return asyncio.run(run())


def split(text: str, cuts: Iterable[int]) -> list[str]:
    places = [0, *sorted(cuts), len(text)]
    return [text[a:b] for a, b in pairwise(places)]


def test_every_split_in_two_and_three_gives_the_same_verdict_and_text() -> None:
    whole = outcome([TEXT])
    assert whole[:2] == ("Hello there. How are you?\n", "fail")
    size = len(TEXT)
    for first in range(size + 1):
        assert outcome(split(TEXT, [first])) == whole
    for first in range(0, size, 3):
        for second in range(first, size, 4):
            assert outcome(split(TEXT, [first, second])) == whole
    assert outcome(list(TEXT)) == whole


def test_every_one_of_all_splits_of_a_short_text_gives_the_same() -> None:
    text = "Yes. BAD! No"
    whole = outcome([text])
    for pattern in range(2 ** (len(text) - 1)):
        cuts = [i + 1 for i in range(len(text) - 1) if pattern >> i & 1]
        assert outcome(split(text, cuts)) == whole


@given(
    st.lists(
        st.sampled_from(
            [
                "Hi",
                " ",
                ". ",
                "!",
                "?",
                "\n",
                "BAD",
                "Dr.",
                "e.g.",
                "。",
                "」",
                '"',
                "…",
                ")",
                "x" * 700,
            ]
        ),
        max_size=12,
    ),
    st.randoms(use_true_random=False),
)
def test_any_chunking_gives_the_same_verdict_and_text(
    parts: list[str], draw: random.Random
) -> None:
    text = "".join(parts)
    cuts = [draw.randrange(len(text) + 1) for _ in range(draw.randrange(8))]
    assert outcome(split(text, cuts)) == outcome([text])
    shown, verdict, _ = outcome(list(text))
    assert (shown, verdict) == outcome([text])[:2]
    assert "BAD" not in shown
    assert text.startswith(shown)
    if verdict == "pass":
        assert shown == text


@given(st.text(max_size=60), st.integers(1, 5))
def test_a_text_that_passes_is_let_out_character_by_character_as_it_was(
    text: str, size: int
) -> None:
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    assert outcome(pieces, lambda _: True)[:2] == (text, "pass")


def test_no_character_of_a_refused_sentence_is_let_out() -> None:
    for place in range(5):
        sentences = [f"Sentence {i} is fine." for i in range(5)]
        sentences[place] = "This one is BAD in it."
        text = " ".join(sentences)
        shown, verdict, found = outcome(list(text))
        assert verdict == "fail"
        assert shown == text[: text.index("This") - (place > 0)].rstrip(" ")
        assert found[0].span[1] >= text.index("This one") + len("This one is BAD in it.")


def test_a_sentence_is_judged_with_those_before_it() -> None:
    seen: list[str] = []

    def check(text: str) -> bool:
        seen.append(text)
        return True

    outcome(["One. Two. Three."], check, context=1)
    assert seen == ["One.", "One. Two.", " Two. Three."]
    seen.clear()
    outcome(["One. Two. Three."], check, context=0)
    assert seen == ["One.", " Two.", " Three."]
    assert outcome(["I will BA", ". D x"], lambda t: "BA. D" not in t)[1] == "fail"


def test_a_text_without_ends_is_cut_by_position_and_its_parts_wait_for_each_other() -> None:
    text = "x" * (LONGEST_WAIT - 1) + "BAD" + "y" * 3 * LONGEST_WAIT
    for context in (0, 1):
        shown, verdict, _ = outcome(split(text, range(0, len(text), 7)), context=context)
        assert (shown, verdict) == ("", "fail")
    shown, verdict, _ = outcome(["y" * 5 * LONGEST_WAIT])
    assert (len(shown), verdict) == (5 * LONGEST_WAIT, "pass")


async def test_no_more_than_a_bounded_text_is_held_back() -> None:
    source = Source("y" * 100 for _ in range(400))
    stream = moderated(source, lambda _: True)
    released, most = 0, 0
    async for text in stream:
        released += len(text)
        most = max(most, source.given * 100 - released)
    assert released == 40_000
    assert most <= 3 * LONGEST_WAIT


async def test_a_refusal_is_raised_with_findings_and_without_the_text() -> None:
    source = Source(list(TEXT))
    stream = moderated(source, harmless)
    shown: list[str] = []
    with pytest.raises(BlockedError) as error:
        await collect(stream, shown)
    assert "".join(shown) == "Hello there. How are you?\n"
    assert error.value.stage == "output"
    assert error.value.findings
    assert "BAD" not in str(error.value) + repr(error.value.findings) + repr(stream)
    assert source.is_closed
    assert source.given < len(TEXT)
    assert stream.verdict.outcome == "fail"
    assert stream.released == len(TEXT[: TEXT.index("This")])


async def test_who_leaves_early_closes_the_stream_and_the_verdict_stays_unsure() -> None:
    source = Source(list(TEXT))
    stream = moderated(source, harmless)
    pieces = aiter(stream)
    await anext(pieces)
    await pieces.aclose()
    assert source.is_closed
    assert stream.verdict.outcome == "unsure"


@pytest.mark.parametrize(
    ("said", "passes"),
    [
        (True, True),
        (False, False),
        (Verdict("pass"), True),
        (Verdict("fail"), False),
        (Verdict("unsure"), False),
        ((), True),
        ([], True),
        ([Finding(kind="x", span=(0, 1))], False),
        ([Finding(kind="x", span=(0, 1), action="allow")], True),
        ({"hate": 0.1}, True),
        ({"hate": 0.99}, False),
        ({"hate": float("nan")}, False),
    ],
)
def test_what_a_check_may_say(said: Any, *, passes: bool) -> None:
    assert (outcome(["Hi."], lambda _: said)[1] == "pass") is passes


@pytest.mark.parametrize("said", [None, 0, 1, 0.5, "pass", {"speed": 0.1}, [1]])
def test_a_check_that_says_nothing_readable_lets_nothing_pass(said: Any) -> None:
    source = Source(["Hi. You."])

    async def run() -> str:
        return await read(moderated(source, lambda _: said))

    with pytest.raises(OptionError):
        asyncio.run(run())
    assert source.is_closed


@pytest.mark.parametrize("how", [{"context": -1}, {"context": True}, {"on_trip": "ask"}])
def test_options_that_are_none_are_refused(how: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        moderated(Source([]), harmless, **how)


def test_the_embedded_scores_are_a_check() -> None:
    text = "Good morning to you. You are a stupid f*cking idiot. Bye."
    assert outcome(list(text), abuse_scores)[:2] == ("Good morning to you.", "fail")


# --- a session's stream --------------------------------------------------------------------------


class Slow:
    """Streams words for ever, and knows whether it was cancelled."""

    def __init__(self, words: Iterable[str], *, wait_s: float = 0.0) -> None:
        self.words = list(words)
        self.wait_s = wait_s
        self.calls = 0
        self.cancelled = 0
        self.said = 0

    async def __call__(self, request: Request, on_text: OnText | None = None, /) -> Response:
        self.calls += 1
        try:
            await asyncio.sleep(self.wait_s)
            for word in self.words:
                self.said += 1
                if on_text:
                    on_text(word)
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return Response(choices=(Choice("".join(self.words), "stop"),))


async def test_the_call_is_cancelled_when_its_stream_is_refused() -> None:
    model = Slow(["Fine. ", "This is BAD. ", *["and on. "] * 1_000])
    session = pk.connect(transport=model, model="m", cache=False)
    stream = moderated(session.stream("x"), harmless)
    with pytest.raises(BlockedError):
        await read(stream)
    assert model.cancelled == 1
    assert model.said < 100
    assert stream.response is None


async def test_the_response_is_there_when_all_of_it_passed() -> None:
    session = pk.connect(transport=Scripted("All is well. Bye."), model="m", cache=False)
    stream = moderated(session.stream("x"), harmless)
    assert await read(stream) == "All is well. Bye."
    assert stream.response.text == "All is well. Bye."


async def test_a_hosted_check_judges_each_sentence() -> None:
    def answer(request: Request) -> Response:
        if request.api == "moderations":
            flagged = any("BAD" in message.text for message in request.messages)
            return Response(moderations=({"flagged": flagged, "categories": {"hate": flagged}},))
        return Response(choices=(Choice(TEXT, "stop"),))

    session = pk.connect(transport=Scripted(answer), model="m", cache=False)
    check = partial(moderate, session, backend="hosted")
    stream = moderated(session.stream("x"), check, on_trip="stop")
    assert await read(stream) == "Hello there. How are you?\n"
    assert stream.findings[0].kind == "hate"


# --- an input judged beside its answer -----------------------------------------------------------


async def test_a_refused_question_costs_nothing_where_the_check_is_at_hand() -> None:
    model = Slow(["Fine."])
    session = pk.connect(transport=model, model="m", cache=False)
    with pytest.raises(BlockedError) as error:
        await beside(session, "BAD", harmless)
    assert error.value.stage == "input"
    assert model.calls == 0
    assert (await beside(session, "good", harmless)).text == "Fine."


async def test_the_answer_is_cancelled_when_the_check_beside_it_trips() -> None:
    model = Slow(["Fine."], wait_s=30)
    session = pk.connect(transport=model, model="m", cache=False)

    async def check(text: str) -> bool:
        await asyncio.sleep(0.01)
        return harmless(text)

    with pytest.raises(BlockedError):
        await beside(session, "BAD", check)
    assert (model.calls, model.cancelled) == (1, 1)


async def test_an_answer_that_is_there_first_waits_for_the_check() -> None:
    model = Slow(["Fine."])
    session = pk.connect(transport=model, model="m", cache=False)
    gate = asyncio.Event()

    async def check(text: str) -> bool:
        await gate.wait()
        return harmless(text)

    waiting = asyncio.create_task(beside(session, "good", check))
    await asyncio.sleep(0.02)
    assert model.said == 1
    assert not waiting.done()
    gate.set()
    assert (await waiting).text == "Fine."


async def test_whichever_fails_first_ends_the_other() -> None:
    model = Slow(["Fine."], wait_s=30)
    session = pk.connect(transport=model, model="m", cache=False)

    async def broken(_: str) -> bool:
        raise RuntimeError("the check broke")

    with pytest.raises(RuntimeError, match="broke"):
        await beside(session, "good", broken)
    assert model.cancelled == 1

    def fail(_: Request) -> Response:
        raise pk.errors.AuthenticationError("no key", status=401)

    ended = asyncio.Event()

    async def endless(_: str) -> bool:
        try:
            await asyncio.sleep(30)
        finally:
            ended.set()
        return True

    session = pk.connect(transport=Scripted(fail), model="m", cache=False)
    with pytest.raises(pk.errors.AuthenticationError):
        await beside(session, "good", endless)
    assert ended.is_set()


async def test_who_stops_waiting_ends_both() -> None:
    model = Slow(["Fine."], wait_s=30)
    session = pk.connect(transport=model, model="m", cache=False)

    async def endless(_: str) -> bool:
        await asyncio.sleep(30)
        return True

    waiting = asyncio.create_task(beside(session, "good", endless))
    await asyncio.sleep(0.02)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert model.cancelled == 1


async def test_no_piece_of_a_stream_comes_before_the_question_has_passed() -> None:
    model = Slow(["One. ", "Two. "])
    session = pk.connect(transport=model, model="m", cache=False)
    gate = asyncio.Event()

    async def check(text: str) -> bool:
        await gate.wait()
        return harmless(text)

    got: list[str] = []
    stream = stream_beside(session, "good", check)

    async def consume() -> None:
        got.extend([piece async for piece in stream])

    reading = asyncio.create_task(consume())
    await asyncio.sleep(0.02)
    assert model.said == 2
    assert got == []
    gate.set()
    await reading
    assert "".join(got) == "One. Two. "
    assert stream.response is not None


async def test_a_stream_whose_question_is_refused_gives_nothing_and_is_cancelled() -> None:
    model = Slow(["One. "] * 1_000_000)
    session = pk.connect(transport=model, model="m", cache=False)

    async def check(text: str) -> bool:
        await asyncio.sleep(0.01)
        return harmless(text)

    got: list[str] = []
    with pytest.raises(BlockedError):
        await collect(stream_beside(session, "BAD", check), got)
    assert got == []
    assert model.cancelled == 1


async def test_both_ends_can_be_moderated_at_once() -> None:
    session = pk.connect(transport=Scripted(TEXT), model="m", cache=False)

    async def check(text: str) -> bool:
        return harmless(text)

    stream = moderated(stream_beside(session, "good", check), harmless, on_trip="stop")
    assert await read(stream) == "Hello there. How are you?\n"
