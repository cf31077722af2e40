"""The exact bodies that constraints become, and how the answers to them are read."""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from adapters.test_constraints import PATTERNS, PHRASE, TEXTS
from guidance import gen, select
from hypothesis import given
from pydantic import BaseModel

from promptkit import Constraint, Message, connect
from promptkit.adapters.dialect import Dialect
from promptkit.adapters.gbnf import plain_regex, regex_grammar
from promptkit.adapters.http import HttpAdapter
from promptkit.adapters.wire import decode, encode, stream_reader
from promptkit.request import NO_OPTIONS, Request

pytestmark = pytest.mark.anyio

OPENAI = Dialect("json_schema", is_openai=True)
OTHER_SCHEMA = Dialect("json_schema")
LLAMA = Dialect("grammar")
VLLM = Dialect("vllm")
OLD_VLLM = Dialect("vllm_guided")
HI = (Message("user", "Hi"),)
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
CHOICE = Constraint.choice(["yes", "no"])
PATTERN = Constraint.regex(r"^(?P<year>\d{4})-x/y$")
LARK = Constraint.guidance(PHRASE)
GBNF = Constraint.grammar('root ::= "a" [0-9]+')
EVERY = (CHOICE, PATTERN, LARK, GBNF, Constraint.json_schema(SCHEMA))


def request(constraint: Any, api: Any = "chat", messages: Any = HI) -> Request:
    options = NO_OPTIONS.replace(constraint=constraint)
    return Request(messages=messages, model="m", api=api, options=options)


def fields(constraint: Any, dialect: Dialect, api: str = "chat") -> dict[str, Any]:
    """Return what a constraint adds to the body."""
    body = encode(request(constraint, api), dialect)[1]
    plain = encode(request(None, api), dialect)[1]
    assert plain.items() <= body.items()
    return {name: value for name, value in body.items() if name not in plain}


# -- OpenAI ---------------------------------------------------------------------------------


def test_a_pattern_goes_to_openai_as_the_input_of_a_custom_tool():
    grammar = {"syntax": "regex", "definition": r"([0-9]{4})\-x\/y"}
    sent = fields(PATTERN, OPENAI)
    assert sent["tools"][0]["custom"].pop("description")
    assert sent == {
        "tools": [
            {
                "type": "custom",
                "custom": {"name": "answer", "format": {"type": "grammar", "grammar": grammar}},
            }
        ],
        "tool_choice": {"type": "custom", "custom": {"name": "answer"}},
        "parallel_tool_calls": False,
    }
    sent = fields(PATTERN, OPENAI, "responses")
    assert sent["tools"][0].pop("description")
    assert sent == {
        "tools": [{"type": "custom", "name": "answer", "format": {"type": "grammar", **grammar}}],
        "tool_choice": {"type": "custom", "name": "answer"},
        "parallel_tool_calls": False,
    }


def test_a_grammar_goes_to_openai_as_plain_lark():
    form = fields(LARK, OPENAI, "responses")["tools"][0]["format"]
    assert form["syntax"] == "lark"
    lines = form["definition"].splitlines()
    assert lines[:3] == ['start: "The year " year ", " yes', "year: YEAR", r"YEAR: /\d{4}/"]
    assert "capture" not in form["definition"]
    assert "llguidance" not in form["definition"]
    form = fields(GBNF, OPENAI, "responses")["tools"][0]["format"]
    assert form["syntax"] == "lark"
    assert "[0-9]" in form["definition"]


@pytest.mark.parametrize(
    "constraint",
    [
        Constraint.regex("(?=a)b"),
        Constraint.guidance(gen("a", stop=".")),
        Constraint.grammar("root := wrong"),
        Constraint.grammar('%llguidance {}\nstart: x\nx: %json {"type": "object"}'),
    ],
)
@pytest.mark.parametrize("api", ["chat", "responses", "completions"])
def test_what_openai_has_no_words_for_is_not_sent(constraint, api):
    assert fields(constraint, OPENAI, api) == {}


def test_only_openai_itself_gets_custom_tools():
    assert fields(PATTERN, OTHER_SCHEMA) == {}
    assert fields(LARK, OTHER_SCHEMA) == {}
    assert "response_format" in fields(CHOICE, OTHER_SCHEMA)


class Answer(BaseModel):
    reason: str
    right: bool


def test_a_pydantic_type_is_strict_and_in_the_order_it_is_written():
    form = fields(Answer, OPENAI)["response_format"]["json_schema"]
    assert form["strict"] is True
    assert list(form["schema"]["properties"]) == ["reason", "right"]
    assert form["schema"]["additionalProperties"] is False


def test_json_that_is_no_object_is_wrapped_for_openai_and_unwrapped():
    asked = request(list[Answer])
    form = encode(asked, OPENAI)[1]["response_format"]["json_schema"]
    assert form["strict"] is True
    assert form["schema"]["required"] == ["answer"]
    assert form["schema"]["properties"]["answer"]["items"] == {"$ref": "#/$defs/Answer"}
    assert "Answer" in form["schema"]["$defs"]
    answer = decode(asked, chat('{"answer": [{"reason": "é", "right": true}]}'), OPENAI)
    assert answer.text == '[{"reason": "é", "right": true}]'
    assert Constraint.of(list[Answer]).allows(answer.text)
    assert "answer" not in json.dumps(
        fields(list[Answer], OTHER_SCHEMA)["response_format"]["json_schema"]["schema"]
    )


def chat(content: Any, **message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": content} | message
    return {"choices": [{"index": 0, "message": said, "finish_reason": "tool_calls"}]}


CALL = {"id": "c", "type": "custom", "custom": {"name": "answer", "input": "1984-x/y"}}


def test_the_answer_is_read_out_of_the_tool_call():
    answer = decode(request(PATTERN), chat(None, tool_calls=[CALL]), OPENAI)
    assert (answer.text, answer.finish_reason) == ("1984-x/y", "stop")
    assert PATTERN.captures(answer.text) == {"year": "1984"}
    item = {"type": "custom_tool_call", "call_id": "c", "name": "answer", "input": "1984-x/y"}
    data = {"status": "completed", "output": [{"type": "reasoning", "summary": []}, item]}
    answer = decode(request(PATTERN, "responses"), data, OPENAI)
    assert (answer.text, answer.finish_reason) == ("1984-x/y", "stop")


@pytest.mark.parametrize(
    "calls",
    [
        None,
        [],
        "x",
        [None],
        [{"custom": {"name": "other", "input": "x"}}],
        [{"custom": {"name": "answer"}}],
    ],
)
def test_a_call_that_is_none_of_ours_is_no_answer(calls):
    assert decode(request(PATTERN), chat("said", tool_calls=calls), OPENAI).text == "said"
    assert decode(request(PATTERN), chat(None, tool_calls=calls), OPENAI).text == ""


def test_streams_of_tool_calls_are_put_together():
    asked = request(PATTERN)
    reader = stream_reader(asked)
    pieces = [
        {
            "tool_calls": [
                {"index": 0, "id": "c", "type": "custom", "custom": {"name": "answer", "input": ""}}
            ]
        },
        {"tool_calls": [{"index": 0, "custom": {"input": "1984"}}]},
        {"tool_calls": [{"index": 0, "custom": {"input": "-x/y"}}]},
    ]
    told = [reader.feed({"choices": [{"index": 0, "delta": piece}]}) for piece in pieces]
    reader.feed({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    assert told == ["", "1984", "-x/y"]
    answer = decode(asked, reader.body(), OPENAI)
    assert (answer.text, answer.finish_reason) == ("1984-x/y", "stop")
    reader = stream_reader(request(PATTERN, "responses"))
    event = {"type": "response.custom_tool_call_input.delta", "sequence_number": 1, "delta": "19"}
    assert reader.feed(event) == "19"


# -- vLLM -----------------------------------------------------------------------------------


@pytest.mark.parametrize("api", ["chat", "completions"])
def test_vllm_has_a_field_of_its_own_for_each_kind(api):
    def sent(constraint: Any) -> Any:
        (pair,) = fields(constraint, VLLM, api).items()
        old = fields(constraint, OLD_VLLM, api)
        assert pair[0] == "structured_outputs"
        assert old == {f"guided_{name}": value for name, value in pair[1].items()}
        return pair[1]

    assert sent(CHOICE) == {"choice": ["yes", "no"]}
    assert sent(PATTERN) == {"regex": r"([0-9]{4})\-x\/y"}
    assert sent(SCHEMA) == {"json": SCHEMA}
    assert sent(LARK) == {"grammar": LARK.value}
    assert sent(GBNF) == {"grammar": GBNF.value}


def test_vllm_takes_schemas_over_the_responses_api_as_openai_does():
    assert fields(CHOICE, VLLM, "responses")["text"]["format"]["type"] == "json_schema"
    assert (
        decode(
            request(CHOICE, "responses"),
            {
                "status": "completed",
                "output": [
                    {
                        "type": "message",
                        "content": [{"type": "output_text", "text": '{"answer":"no"}'}],
                    }
                ],
            },
            VLLM,
        ).text
        == "no"
    )
    assert fields(PATTERN, VLLM, "responses") == {}
    assert fields(CHOICE, OLD_VLLM, "responses") == {}
    assert fields(Constraint.regex("(?=a)b"), VLLM) == {}


def test_a_begun_message_is_gone_on_with():
    begun = (*HI, Message("assistant", "The sky is"))
    sent = encode(request(None, messages=begun), VLLM)[1]
    assert sent["continue_final_message"] is True
    assert sent["add_generation_prompt"] is False
    assert "continue_final_message" not in encode(request(None, messages=begun), LLAMA)[1]
    assert "continue_final_message" not in encode(request(None, messages=HI), VLLM)[1]
    repeated = chat("The sky is blue") | {"object": "chat.completion"}
    assert decode(request(None, messages=begun), repeated, LLAMA).text == " blue"
    assert decode(request(None, messages=begun), repeated, VLLM).text == "The sky is blue"
    assert decode(request(None, messages=HI), repeated, LLAMA).text == "The sky is blue"


# -- llama.cpp and others -------------------------------------------------------------------


@pytest.mark.parametrize("api", ["chat", "completions", "responses"])
def test_llama_gets_grammars_as_they_are_and_all_else_as_gbnf(api):
    assert fields(LARK, LLAMA, api) == {"grammar": LARK.value}
    assert str(LARK.value).startswith("%llguidance {}\n")
    assert fields(PATTERN, LLAMA, api) == {"grammar": 'root ::= ([0-9]{4}) "-x/y"'}
    assert fields(Answer, LLAMA, api) == {"json_schema": Answer.model_json_schema()}
    assert fields(Constraint.regex("(?=a)b"), LLAMA, api) == {}


@pytest.mark.parametrize("constraint", EVERY)
@pytest.mark.parametrize("api", ["chat", "completions", "responses"])
def test_nothing_goes_to_who_understands_none(constraint, api):
    assert fields(constraint, Dialect(), api) == {}


@pytest.mark.parametrize(
    "pattern", ["a$b", "a^b", "(a$)*", "(?m)^a", "(?:^|b)a$|$c", r"\N{BULLET}\Bx"]
)
def test_an_anchor_in_the_middle_is_no_grammar(pattern):
    assert regex_grammar(pattern) is None
    assert plain_regex(pattern) is None


@given(PATTERNS, TEXTS)
def test_what_a_written_grammar_allows_the_pattern_allows(pattern, text):
    grammar = regex_grammar(pattern)
    if grammar and Constraint.grammar(grammar).allows(text) and text.isascii() and "\n" not in text:
        assert Constraint.regex(pattern).allows(text)


@given(PATTERNS, TEXTS)
def test_a_pattern_says_the_same_in_both_notations(pattern, text):
    plain = plain_regex(pattern)
    assert (plain is None) == (regex_grammar(pattern) is None)
    if plain:
        lark = Constraint.grammar(f"%llguidance {{}}\nstart: /{plain}/")
        assert lark.allows(text) == Constraint.grammar(regex_grammar(pattern)).allows(text)


def test_every_sign_is_escaped_in_both_notations():
    signs = "".join(map(chr, range(32, 127))) + "é🐑"
    for pattern in (re.escape(signs), f"[{re.escape(signs)}]{{{len(signs)}}}"):
        for grammar in (
            regex_grammar(pattern),
            f"%llguidance {{}}\nstart: /{plain_regex(pattern)}/",
        ):
            assert Constraint.grammar(grammar).allows(signs), grammar


# -- over HTTP ------------------------------------------------------------------------------


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.bodies.append((self.path, body))  # type: ignore[attr-defined]
        answer = json.dumps(self.server.answer).encode()  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as running:
        running.daemon_threads = True
        running.bodies = []
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("dialect", "api", "answer"),
    [
        (
            OPENAI,
            "chat",
            chat(
                None,
                tool_calls=[CALL | {"custom": {"name": "answer", "input": "The year 1984, nope"}}],
            ),
        ),
        (
            OPENAI,
            "responses",
            {
                "status": "completed",
                "output": [
                    {"type": "custom_tool_call", "name": "answer", "input": "The year 1984, nope"}
                ],
            },
        ),
        (VLLM, "chat", chat("The year 1984, nope")),
        (
            OLD_VLLM,
            "completions",
            {"choices": [{"text": "The year 1984, nope", "finish_reason": "stop"}]},
        ),
        (LLAMA, "chat", chat("The year 1984, nope")),
    ],
)
async def test_a_grammar_makes_the_round_over_http(server, monkeypatch, dialect, api, answer):
    monkeypatch.setattr("promptkit.adapters.http.dialect_of", lambda *_: dialect)
    server.answer = answer
    adapter = HttpAdapter(base_url=f"http://127.0.0.1:{server.server_port}/v1")
    async with connect(transport=adapter, model="m", cache=None) as session:
        response = await session.ask("Which year?", api=api, constraint=PHRASE)
    assert LARK.captures(response.text) == {"year": "1984", "yes": "nope"}
    ((_, sent),) = server.bodies
    expected = encode(request(LARK, api, (Message("user", "Which year?"),)), dialect)[1]
    assert sent == expected
    assert "year" in json.dumps(sent.get("tools", sent.get("grammar", sent)))


async def test_a_begun_message_is_told_from_a_whole_one_on_the_hot_path_too(server):
    server.answer = chat("blue")
    url = f"http://127.0.0.1:{server.server_port}/v1"
    async with connect(
        transport=HttpAdapter(base_url=url, constraints="vllm"), model="m", cache=None
    ) as session:
        await session.ask(HI)
        await session.ask((*HI, Message("assistant", "It is")))
        await session.ask(HI)
    assert ["continue_final_message" in body for _, body in server.bodies] == [False, True, False]


def test_select_among_texts_is_a_grammar_with_its_capture():
    node = select(["a", "ab"], name="x")
    assert Constraint.of(node).captures("ab") == {"x": "ab"}
