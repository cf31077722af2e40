"""Matching an answer against a grammar with llguidance's own parser, byte by byte.

What is understood is llguidance's Lark (the form guidance writes its grammars in) and GBNF, which
is translated into it. A limit of `max_tokens` in a grammar counts the model's tokens, which a text
no longer shows, so it is left out here; a piece that such a limit cut short does not match.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from promptkit.adapters.gbnf_reader import lark_of
from promptkit.errors import OptionError

_END: Final = 256
"""The token after the 256 bytes: the end of the text."""

_COLLECTED: Final = "__LIST_APPEND:"
"""How guidance marks a capture that is one of a list."""

_MARK = re.compile(r"\A\s*%llguidance\b")
_RULE_HEAD = re.compile(
    r'^(\s*[a-z_0-9-]+)\[((?:"(?:\\.|[^"\\])*"|[^\]"\n])*)\](?=:)', re.MULTILINE
)
_ATTRIBUTE = re.compile(r'(?:"(?:\\.|[^"\\])*"|[^,"])+')


def is_lark(grammar: str) -> bool:
    """Whether a grammar is llguidance's Lark, told by its first line, as llama.cpp tells it.

    >>> is_lark("%llguidance {}"), is_lark('root ::= "a"')
    (True, False)
    """
    return _MARK.match(grammar) is not None


def captures(grammar: str, text: str) -> dict[str, Any] | None:
    r"""Return the captures of a text; None when the grammar does not allow it.

    >>> captures('%llguidance {}\nstart: "I am " age\nage[capture]: /[0-9]+/', "I am 34")
    {'age': '34'}
    >>> captures('root ::= "yes" | "no"', "perhaps") is None
    True

    Raises:
        OptionError: When the grammar cannot be read.
    """
    try:
        feed = [*text.encode(), _END]
    except UnicodeEncodeError:  # half of a surrogate pair is in no grammar
        return None
    found: dict[str, Any] = {}
    parser = _template(grammar).deep_copy()
    parser.start_without_prompt()
    for place, token in enumerate(feed):
        mask, news = parser.compute_mask()
        told = json.loads(news)
        _collect(found, told["progress"])
        if told["stop"]:
            return found if place == len(feed) - 1 and parser.is_accepting() else None
        if mask is None or not mask[token]:
            return None
        parser.commit_token(token)
    if not parser.has_pending_stop():
        return None
    _, news = parser.compute_mask()
    _collect(found, json.loads(news)["progress"])
    return found


def _collect(found: dict[str, Any], progress: list[dict[str, Any]]) -> None:
    for item in progress:
        if item["object"] != "capture":
            continue
        name = item["name"]
        text = bytes.fromhex(item["hex"]).decode(errors="replace")
        if name.startswith(_COLLECTED) or item.get("list_append"):
            found.setdefault(name.removeprefix(_COLLECTED), []).append(text)
        else:
            found[name] = text


@lru_cache(maxsize=64)
def _template(grammar: str) -> Any:
    """Return a parser at its beginning, to be copied for each text."""
    import llguidance

    compiled = llguidance.LLMatcher.grammar_from_lark(checkable(grammar))
    wrong = llguidance.LLMatcher.validate_grammar(compiled, _tokenizer())
    if wrong and not wrong.startswith("WARNING"):
        raise OptionError(f"the grammar cannot be read ({wrong[:300]})")
    return llguidance.LLInterpreter(
        _tokenizer(), compiled, enable_backtrack=False, enable_ff_tokens=False, log_level=0
    )


@lru_cache(maxsize=1)
def _tokenizer() -> Any:
    import llguidance

    class Bytes:
        """A vocabulary of the 256 bytes and an end mark, as llguidance wants one described."""

        def __init__(self) -> None:
            self.eos_token_id = _END
            self.bos_token_id = None
            self.tokens = [*(bytes([byte]) for byte in range(_END)), b"<end>"]
            self.special_token_ids = [_END]

        def __call__(self, text: str | bytes) -> list[int]:
            return list(text.encode() if isinstance(text, str) else text)

    return llguidance.LLTokenizer(llguidance.TokenizerWrapper(Bytes()))


def checkable(grammar: str) -> str:
    """Return a grammar as Lark, without limits that count tokens."""
    if is_lark(grammar):
        return with_attributes(grammar, lambda name: name != "max_tokens")[0]
    return lark_of(grammar)


def with_attributes(grammar: str, keeps: Callable[[str], bool]) -> tuple[str, set[str]]:
    r"""Return a Lark grammar with some attributes of its rules only, and the names of those left.

    >>> with_attributes('a[capture="x", max_tokens=3]: /b+/', lambda name: name == "capture")
    ('a[capture="x"]: /b+/', {'capture'})
    """
    left: set[str] = set()

    def rewritten(head: re.Match[str]) -> str:
        kept = []
        for attribute in _ATTRIBUTE.findall(head[2]):
            name = attribute.partition("=")[0].strip()
            if keeps(name):
                kept.append(attribute.strip())
                left.add(name)
        return f"{head[1]}[{', '.join(kept)}]" if kept else head[1]

    return _RULE_HEAD.sub(rewritten, grammar), left
