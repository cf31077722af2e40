r"""Where the answer begins: «Answer:», «the answer is», «####», «\boxed{».

All patterns here and in the extractors take time linear in the text, whatever stands in it: what
a model writes is not to be trusted. So no pattern can match one stretch in two ways, and each
stretch is searched once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_WORD: Final = (
    "answer|ans|antwort|réponse|respuesta|resposta|risposta|antwoord|svar|ответ|відповідь|"
    "答案|答え|回答|정답|الإجابة|الجواب|उत्तर"
)

_MARK: Final = re.compile(
    rf"""
      \\boxed\s*+\{{                                      # LaTeX
    | ^[ \t]*+\#\#\#\#(?=[ \t$€£+−-]*+\d[\d.,]*+[ \t]*+$  # GSM8K: a number alone, …
                       |[^\n]*+\s*+\Z)                    # … or the last line; else a heading
    | (?<![^\W\d_])(?:{_WORD})(?:[*_]++[ \t]*+$           # a heading: «**Answer**»
        | [*_]*+\s*+(?:[:=：]
            | (?:is|was|equals|(?:would|should|must|will)\s++be|ist|est|es|é|è)\b(?!\s++not\b)))
    | ^[ \t]*+\#++[ \t]*+(?:final[ \t]++)?+(?:{_WORD})[ \t]*+$
    """,
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)

_OPENING: Final = re.compile(r"[:：*_\s]*+")


def pieces(text: str) -> Iterator[str]:
    """Yield what follows each mark, up to the next one, the last first; blank ones are left out."""
    marks = list(_MARK.finditer(text))
    end = len(text)
    for mark in reversed(marks):
        opening = _OPENING.match(text, mark.end(), end)
        begin = opening.end() if opening else mark.end()
        piece = text[begin:end]
        if mark.group().startswith("\\"):
            piece = _inside_braces(piece)
        if piece.strip():
            yield piece
        end = mark.start()


def has_mark(text: str) -> bool:
    """Whether the text says where its answer is."""
    return _MARK.search(text) is not None


def _inside_braces(text: str) -> str:
    """What stands before the brace that closes one opened already."""
    depth = 1
    for brace in re.finditer(r"[{}]", text):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return text[: brace.start()]
    return text
