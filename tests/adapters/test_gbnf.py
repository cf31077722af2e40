from __future__ import annotations

import pytest

from promptkit.adapters.gbnf import choice_grammar, regex_grammar


@pytest.mark.parametrize(
    ("pattern", "grammar"),
    [
        ("yes", '"yes"'),
        ("yes|no", '("yes" | "no")'),
        ("^(?:a|bc)$", '("a" | "bc")'),
        (r"\d{3}-\d{4}", '[0-9]{3} "-" [0-9]{4}'),
        ("a{2,5}b?", '"a"{2,5} "b"?'),
        ("(ab)*c+?", '("ab")* "c"+'),
        ("(?:ab){2,}", '("ab"){2,}'),
        ("(?:a?)+", '("a"?)+'),
        ("[a-f0-9]", "[a-f0-9]"),
        ('[^"\\\\]]', '[^"\\\\] "]"'),
        (r"[\]^-]", r"[\]\x5E\x2D]"),
        (r"[\[a]", r"[\[a]"),
        (r"\S\D", r"[^ \t\n\r] [^0-9]"),
        (".", r"[^\n]"),
        ('say "hi"\\n', '"say \\"hi\\"\\n"'),
        ("[^x]", "[^x]"),
        ("", '""'),
        ("naïve 🐑", '"naïve 🐑"'),
    ],
)
def test_a_pattern_is_written_as_a_grammar(pattern, grammar):
    assert regex_grammar(pattern) == f"root ::= {grammar}"


@pytest.mark.parametrize("pattern", ["(?=a)b", "(?<!a)b", r"(a)\1", "(?i)a", r"\bword", r"[\w\W]"])
def test_what_a_grammar_cannot_say_is_none(pattern):
    assert regex_grammar(pattern) is None


def test_choices_are_literals_whatever_is_in_them():
    assert choice_grammar(['a "b"', "c\\d", "e\nf"]) == r'root ::= "a \"b\"" | "c\\d" | "e\nf"'
