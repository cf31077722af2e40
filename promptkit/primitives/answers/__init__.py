"""Extractors: how an answer is read from a model's text.

The extractor moves an accuracy as much as the technique does, so it is a named, versioned value
that stands in every Result. Each returns None when the text holds no answer of its kind: that is
an outcome of its own and never a guess. Some say by a rule of their own when two answers are the
same; `group` puts answers together by it.

An answer is looked for after a mark («Answer:», «the answer is», «####», LaTeX's box), the last
first; where there is no mark, it is the last of its kind. All of them take time linear in the text.
"""

from promptkit.primitives.answers.choices import choice, yes_no
from promptkit.primitives.answers.dates import date, date_day_first
from promptkit.primitives.answers.extractor import (
    Extractor,
    Form,
    Groups,
    Same,
    either,
    equal,
    group,
    normalised,
)
from promptkit.primitives.answers.json_fields import json_field
from promptkit.primitives.answers.numbers import (
    decimal_comma,
    number,
    number_within,
    proportion,
    same_number,
)
from promptkit.primitives.answers.texts import (
    code_block,
    final,
    last_line,
    normal_text,
    regex,
    same_text,
    text_form,
)

__all__ = [
    "Extractor",
    "Form",
    "Groups",
    "Same",
    "choice",
    "code_block",
    "date",
    "date_day_first",
    "decimal_comma",
    "either",
    "equal",
    "final",
    "group",
    "json_field",
    "last_line",
    "normal_text",
    "normalised",
    "number",
    "number_within",
    "proportion",
    "regex",
    "same_number",
    "same_text",
    "text_form",
    "yes_no",
]
