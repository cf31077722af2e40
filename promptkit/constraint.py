"""What an answer must look like: a choice, a JSON schema, a regular expression or a grammar.

A backend that can is made to obey it while it writes; for every backend the answer can be
checked afterwards with `allows`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from promptkit.errors import OptionError


@dataclass(frozen=True, slots=True)
class Constraint:
    """One constraint; make it with `choice`, `json_schema`, `regex` or `grammar`."""

    kind: Literal["choice", "json_schema", "regex", "grammar"]
    value: str | tuple[str, ...]

    @classmethod
    def choice(cls, options: Iterable[str]) -> Constraint:
        """Allow exactly one of `options`.

        >>> Constraint.choice(["yes", "no"]).allows("yes")
        True
        """
        texts = tuple(options)
        if not texts or len(set(texts)) < len(texts) or not all(texts):
            msg = f"a choice among {list(texts)!r}"
            raise OptionError(msg, hint="give one or more different, non-empty texts")
        return cls("choice", texts)

    @classmethod
    def json_schema(cls, schema: Mapping[str, Any]) -> Constraint:
        """Allow JSON that fits `schema`."""
        return cls("json_schema", json.dumps(schema, sort_keys=True))

    @classmethod
    def regex(cls, pattern: str) -> Constraint:
        """Allow text that matches `pattern` as a whole."""
        try:
            re.compile(pattern)
        except re.error as error:
            msg = f"the pattern {pattern!r} does not compile ({error})"
            raise OptionError(msg) from None
        return cls("regex", pattern)

    @classmethod
    def grammar(cls, text: str) -> Constraint:
        """Allow what a grammar allows: GBNF, or Lark after a first line `%llguidance {}`."""
        return cls("grammar", text)

    def allows(self, text: str) -> bool:
        """Whether `text` obeys, as far as it can be told here: a grammar is not run again."""
        match self.kind:
            case "choice":
                return text.strip() in self.value
            case "regex":
                return re.fullmatch(str(self.value), text.strip()) is not None
            case "json_schema":
                return _is_json(text)
            case "grammar":
                return bool(text)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
