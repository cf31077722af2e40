from __future__ import annotations

import asyncio
import contextvars
import pickle
import threading
import time

import guidance
import pytest
from guidance import assistant, gen, one_or_more, select, system, user

import promptkit as pk
from promptkit import Constraint, primitives
from promptkit.adapters import guidance as guidance_adapter
from promptkit.errors import OptionError
from promptkit.primitives import guidance_model, guidance_program
from promptkit.response import Choice, Response

pytestmark = pytest.mark.anyio


@guidance.guidance
def story(lm, animal):
    lm += f"A {animal} is afraid of a " + select(["wolf", "cat"], name="fear") + ". It is"
    for _ in range(2):
        lm += gen("it_is", stop=".", max_tokens=5, list_append=True) + ". It is"
    return lm


@guidance.guidance
def interview(lm, name):
    with system():
        lm += "You are brief."
    with user():
        lm += f"Who is {name}?"
    with assistant():
        lm += "A " + select(["poet", "king"], name="who")
    with user():
        lm += "Since when?"
    with assistant():
        lm += gen("when", max_tokens=4)
    return lm


def obedient(request):
    """Answer with the first text that the constraint allows."""
    constraint = request.options.constraint
    if constraint is None:
        return f" said {request.sample}"
    for text in ("wolf", "poet", "12", '{"a": 1}', "ab.", "x"):
        if constraint.allows(text):
            return text
    return "?"


def session_of(answer=obedient, **how):
    model = pk.testing.Scripted(answer)
    return pk.connect(transport=model, model="scripted", **how), model


async def test_a_program_is_asked_piece_by_piece_and_gives_its_captures():
    session, model = session_of()
    result = await guidance_program(session, story, "mouse")
    assert result.value == {"fear": "wolf", "it_is": [" said 0", " said 0"]}
    assert result.evidence.text.startswith("A mouse is afraid of a wolf. It is said 0. It is said")
    first, second, third = model.requests
    assert [r.api for r in model.requests] == ["completions"] * 3
    assert first.messages[0].text == "A mouse is afraid of a "
    assert first.options.constraint.captures("cat") == {"fear": "cat"}
    assert (second.options.stop, second.options.max_tokens) == ((".",), 5)
    assert second.options.constraint is None
    assert third.messages[0].text == "A mouse is afraid of a wolf. It is said 0. It is"
    assert [r.options.temperature for r in model.requests] == [0, 0, 0]
    assert session.usage.requests == 3
    assert "wolf" in result.explain().text
    assert pickle.loads(pickle.dumps(result)) == result


async def test_roles_are_a_conversation():
    session, model = session_of()
    result = await guidance_program(session, interview, "Ann", max_tokens=9)
    assert result.value == {"who": "poet", "when": " said 0"}
    begun, last = model.requests
    assert [(m.role, m.text) for m in begun.messages] == [
        ("system", "You are brief."),
        ("user", "Who is Ann?"),
        ("assistant", "A "),
    ]
    assert [(m.role, m.text) for m in last.messages[2:]] == [
        ("assistant", "A poet"),
        ("user", "Since when?"),
    ]
    assert (begun.api, begun.options.max_tokens, last.options.max_tokens) == ("chat", 9, 4)


async def test_the_calls_are_cached_counted_and_traced():
    session, model = session_of(cache=True)
    first = await guidance_program(session, story, "mouse")
    again = await guidance_program(session, story, "mouse")
    assert again == first
    assert len(model.requests) == 3
    assert (session.usage.requests, session.usage.cached) == (6, 3)
    assert [step.requests for step in again.steps] == [3]
    assert [step.cached for step in again.steps] == [3]
    assert [child.name for child in session.trace.children] == ["guidance_program"] * 2


async def test_many_programs_run_at_once_and_none_waits_for_a_thread():
    together = 0
    most = 0

    async def slow(request):
        nonlocal together, most
        together += 1
        most = max(most, together)
        await asyncio.sleep(0.05)
        await asyncio.to_thread(lambda: None)  # what starts the embedded model needs one, too
        together -= 1
        return obedient(request)

    session, _ = session_of(slow)
    animals = [f"animal {number}" for number in range(80)]
    results = await session.map(lambda s, animal: guidance_program(s, story, animal), animals)
    assert all(result.value["fear"] == "wolf" for result in results)
    assert all(animal in r.evidence.text for animal, r in zip(animals, results, strict=True))
    assert most > 32  # the default pool of threads has at most as many


async def test_roles_of_programs_that_run_at_once_do_not_mix():
    async def slow(request):
        await asyncio.sleep(0.002)
        return obedient(request)

    session, _ = session_of(slow)
    names = [f"N{number}" for number in range(20)]
    both = [guidance_program(session, interview, n) for n in names]
    both += [guidance_program(session, story, n) for n in names]
    results = await asyncio.gather(*both)
    assert [f"Who is {n}?" in r.evidence.text for n, r in zip(names, results, strict=False)] == [
        True
    ] * 20
    assert not any("im_start" in r.evidence.text for r in results[20:])


def test_it_runs_from_a_script():
    session, _ = session_of()
    assert pk.run(guidance_program(session, story, "mouse")).value["fear"] == "wolf"


async def test_context_variables_reach_the_program_and_its_questions():
    cell = contextvars.ContextVar("cell", default="none")
    seen = []

    def answer(request):
        seen.append(cell.get())
        return obedient(request)

    def program(lm):
        seen.append(cell.get())
        return lm + select(["wolf", "cat"])

    session, _ = session_of(answer)
    cell.set("cell 7")
    await guidance_program(session, program)
    assert seen == ["cell 7", "cell 7"]


@pytest.mark.parametrize(
    ("program", "value"),
    [
        (select(["wolf", "cat"], name="x"), {"x": "wolf"}),
        ("no question at all", {}),
        (story("mouse"), {"fear": "wolf", "it_is": [" said 0", " said 0"]}),
        (lambda lm: lm + select(["wolf"], name="x"), {"x": "wolf"}),
        (guidance.json("j", schema={"type": "object"}), {"j": '{"a": 1}'}),
        (gen("n", regex="[0-9]+"), {"n": "12"}),
        (gen("n", regex="[a-z]+", stop="."), {"n": "ab"}),
        (gen("n", regex="[a-z]+", stop=".", save_stop_text="end"), {"n": "ab", "end": "."}),
        (one_or_more(select(["a", "b"], name="k", list_append=True)) + ".", {"k": ["a", "b"]}),
    ],
)
async def test_whatever_guidance_can_add_to_a_model_is_a_program(program, value):
    session, _ = session_of()
    assert (await guidance_program(session, program)).value == value


async def test_a_stop_is_taken_out_of_the_text_as_guidance_does():
    session, model = session_of()
    program = gen("n", regex="[a-z]+", stop=".") + ", then " + gen("m", max_tokens=3)
    result = await guidance_program(session, program)
    assert result.evidence.text == "ab, then  said 0"
    assert model.requests[1].messages[0].text == "ab, then "


class Animal:
    def __init__(self, name):
        self.name = name

    @guidance.guidance
    def fear(self, lm, end):
        return lm + self.name + select(["wolf", "cat"], name="fear") + end


async def test_a_method_is_a_program_too():
    session, _ = session_of(lambda _: "cat")
    result = await guidance_program(session, Animal("owl ").fear, "!")
    assert (result.value, result.evidence.text) == ({"fear": "cat"}, "owl cat!")


async def test_a_sum_is_one_question_and_what_stands_before_it_is_free():
    session, model = session_of(lambda _: "12 wolf")
    result = await guidance_program(
        session, "I saw " + gen("n", regex="[0-9]+") + " " + select(["wolf", "cat"], name="what")
    )
    assert result.value == {"n": "12", "what": "wolf"}
    assert [r.messages[0].text for r in model.requests] == ["I saw "]


@pytest.mark.parametrize(
    ("node", "asked"),
    [
        (select(["no", "yes"], name="x"), 1),
        (select(["no", "nope"], name="x"), 2),
        (gen("x", regex="[0-9]{4}"), 1),
        (gen("x", regex="[0-9]{1,4}"), 2),
        (gen("x", regex=r"\p{L}"), 2),
        (guidance.json("x"), 1),
    ],
)
def test_the_text_after_an_open_end_is_asked_for_too(node, asked):
    parts = list(guidance_adapter.pieces("a" + node + ", so b"))
    assert [str(parts[0].value), len(getattr(parts[1], "nodes", "1"))] == ["a", asked]
    assert len(parts) == 4 - asked


async def test_temperature_and_sampling_parameters_are_options():
    def program(lm):
        lm = lm.with_sampling_params({"top_p": 0.5})
        return lm + select(["wolf", "cat"], name="a") + gen("b", temperature=0.8)

    session, model = session_of()
    await guidance_program(session, program, temperature=0.3)
    assert [(r.options.temperature, r.options.top_p) for r in model.requests] == [
        (0.3, 0.5),
        (0.8, 0.5),
    ]
    with pytest.raises(OptionError, match="top_k"):
        await guidance_program(session, lambda lm: lm.with_sampling_params({"top_k": 3}) + gen("a"))


@pytest.mark.parametrize("temperatures", [(0.2, 0.9), (0.9, 0.2)])
async def test_what_is_asked_together_is_asked_at_its_highest_temperature(temperatures):
    first, second = temperatures
    node = gen("a", regex="[0-9]", temperature=first) + gen("b", regex="[0-9]", temperature=second)
    session, model = session_of()
    await guidance_program(session, node, temperature=0.1)
    assert [request.options.temperature for request in model.requests] == [0.9]


async def test_the_same_draw_twice_is_two_samples_where_chance_decides():
    def program(lm):
        first, second = lm + "a" + gen("x"), lm + "a" + gen("x")
        return lm + first["x"] + second["x"]

    session, model = session_of(cache=True)
    warm = await guidance_program(session, program, temperature=0.5)
    assert warm.evidence.text == " said 0 said 1"
    assert (await guidance_program(session, program, temperature=0.5)).evidence == warm.evidence
    assert len(model.requests) == 2
    assert (await guidance_program(session, program)).evidence.text == " said 0 said 0"
    drawn = await guidance_program(session.draw(3), program, temperature=0.5)
    assert drawn.evidence.text == " said 3 said 4099"


async def test_models_that_branch_off_do_not_see_each_other():
    def program(lm):
        lm += gen("x", list_append=True)
        one, two = lm + "!" + gen("x", list_append=True), lm + "?"
        return lm + f"{len(one['x'])} and {len(two['x'])} of {len(lm['x'])}"

    session, _ = session_of()
    result = await guidance_program(session, program)
    assert result.evidence.text == " said 02 and 1 of 1"
    assert result.value == {"x": [" said 0"]}


@pytest.mark.parametrize("text", ["", "hyena", "wolf or cat", "\ud800"])
async def test_an_answer_that_does_not_obey_is_no_value_and_no_crash(text):
    session, model = session_of(lambda _: text)
    result = await guidance_program(session, story, "mouse")
    assert result.is_unknown
    assert "does not obey" in result.reason
    assert result.evidence == text
    assert len(model.requests) == 1


async def test_a_piece_that_nobody_limits_does_not_run_to_the_end_of_the_context():
    def digits(request: pk.Request) -> pk.Response:
        limit = request.options.max_tokens
        assert limit is not None
        return pk.Response((pk.Choice("0" * limit, "length"),))

    session = pk.connect(transport=pk.testing.Scripted(digits), model="m")
    program = "It is " + gen("amount", regex="[0-9]+")
    result = await guidance_program(session, program)
    assert result.value is None
    assert result.reason == "a piece of the program was cut at 512 tokens"
    limited = await guidance_program(session, program, max_tokens=3)
    assert limited.value == {"amount": "000"}


async def test_an_answer_that_was_cut_says_so():
    def cut(_):
        return Response(choices=(Choice("12", "length"),))

    session, _ = session_of(cut)
    pattern = gen("n", regex=r"[0-9]+\.[0-9]{9}", max_tokens=2)
    assert (await guidance_program(session, pattern)).value == {"n": "12"}  # as guidance has it
    result = await guidance_program(session, gen("n", regex=r"[0-9]+\.") + "!", max_tokens=2)
    assert "cut short" in result.reason


@pytest.mark.parametrize(
    ("program", "match"),
    [
        (5, "program of type int"),
        (lambda lm: None, "returned NoneType"),
        (lambda lm: str(lm + "x"), "returned str"),
    ],
)
async def test_what_is_no_program_is_refused(program, match):
    session, _ = session_of()
    with pytest.raises(OptionError, match=match):
        await guidance_program(session, program)


async def test_arguments_are_for_functions_only():
    session, _ = session_of()
    with pytest.raises(OptionError, match="arguments"):
        await guidance_program(session, "text", "argument")


def as_user(lm):
    with user():
        return lm + gen("x")


def outside(lm):
    lm += "text"
    with user():
        return lm + "more"


def as_tool(lm):
    with guidance.role("tool"):
        return lm + "x"


@pytest.mark.parametrize(
    ("program", "match"),
    [(as_user, "cannot write as user"), (outside, "begins after text"), (as_tool, "role 'tool'")],
)
async def test_a_role_in_the_wrong_place_is_told(program, match):
    session, model = session_of()
    with pytest.raises(OptionError, match=match):
        await guidance_program(session, program)
    assert model.requests == []


async def test_openai_is_not_asked_to_go_on_with_a_begun_message():
    session, model = session_of()
    session = session.using()
    defaults = session.defaults
    object.__setattr__(defaults, "endpoint", "https://api.openai.com/v1 project=p")
    with pytest.raises(OptionError, match="message that was begun"):
        await guidance_program(session, interview, "Ann")
    assert model.requests == []


async def test_an_error_of_the_program_is_its_own():
    def program(lm):
        lm += select(["wolf", "cat"])
        raise ZeroDivisionError

    session, _ = session_of()
    with pytest.raises(ZeroDivisionError):
        await guidance_program(session, program)


async def test_an_error_of_a_call_reaches_the_program_and_whoever_awaits():
    caught = []

    def program(lm):
        try:
            return lm + gen("x")
        except pk.PromptkitError as error:
            caught.append(error)
            raise

    def fail(_):
        raise OptionError("no")

    session, _ = session_of(fail)
    with pytest.raises(OptionError, match="no"):
        await guidance_program(session, program)
    assert len(caught) == 1


async def test_a_cancelled_program_asks_no_more():
    started, ended, went_on = asyncio.Event(), asyncio.Event(), threading.Event()

    async def hang(_):
        started.set()
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    def program(lm):
        for _ in range(2):
            try:
                lm += gen("x")
            except Exception:
                went_on.set()
        return lm

    session, model = session_of(hang)
    task = asyncio.create_task(guidance_program(session, program))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
    deadline = time.monotonic() + 20
    while any(t.name == "promptkit-program" for t in threading.enumerate()):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    assert not went_on.is_set()
    assert len(model.requests) == 1


async def test_a_program_can_be_the_sample_of_a_vote():
    @guidance.guidance
    def pick(lm):
        return lm + "Which? " + select(["1", "2"], name="n")

    async def solved(session, question):
        result = await guidance_program(session, pick)
        return pk.Result(int(result.value["n"]))

    session, _ = session_of(lambda r: "12"[r.sample % 3 == 1])
    result = await primitives.vote(session, "Which?", n=3, of=solved, stop_when_sure=None)
    assert result.value == 1


def test_a_model_to_work_with_by_hand_asks_through_the_session():
    session, model = session_of()
    lm = guidance_model(session, max_tokens=7)
    with user():
        lm += "What is a mouse afraid of?"
    with assistant():
        lm += select(["wolf", "cat"], name="fear")
    assert lm["fear"] == "wolf"
    assert lm.captures == {"fear": "wolf"}
    assert model.requests[0].options.max_tokens == 7
    assert session.usage.requests == 1


async def test_a_model_by_hand_works_inside_of_a_running_loop():
    session, _ = session_of()
    lm = guidance_model(session) + select(["wolf", "cat"], name="fear")
    assert lm["fear"] == "wolf"


def test_nothing_of_guidance_is_loaded_before_a_program_runs():
    import subprocess
    import sys

    code = "import sys, promptkit.primitives; sys.exit('guidance' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_constraint_and_a_program_send_the_same_grammar():
    node = "in " + gen("year", regex="[0-9]{4}")
    session, model = session_of(lambda _: "in 1984")
    result = pk.run(guidance_program(session, one_or_more("x ") + node))
    assert result.is_unknown
    pk.run(session.ask("When?", constraint=node))
    assert model.requests[1].options.constraint == Constraint.guidance(node)
