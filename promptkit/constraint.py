"""What an answer must look like: a choice, a JSON schema, a regular expression or a grammar.

A backend that can is made to obey it while it writes. For every backend the answer is checked
afterwards by whoever asked: `allows` says whether a text obeys, `captures` reads it. Nothing of
this runs for a question without a constraint, and the packages that check are loaded by the first
check. White space around an answer does not count.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from promptkit.errors import OptionError

DISOBEYS: Final = "it does not obey the constraint"

Kind = Literal["choice", "json_schema", "regex", "grammar"]


@dataclass(frozen=True, slots=True)
class Constraint:
    """One constraint; make it with `choice`, `json_schema`, `regex`, `grammar` or `of`."""

    kind: Kind
    value: str | tuple[str, ...]

    @classmethod
    def choice(cls, options: Iterable[str]) -> Constraint:
        """Allow exactly one of `options`.

        >>> Constraint.choice(["yes", "no"]).allows("yes")
        True
        """
        hint = "give a list of one or more different, non-empty texts"
        if isinstance(options, (str, Mapping)) or not isinstance(options, Iterable):
            raise OptionError(f"a choice of type {type(options).__name__}", hint=hint)
        texts = tuple(options)
        strange = {type(text).__name__ for text in texts if not isinstance(text, str)}
        if strange:
            raise OptionError(f"a choice among {', '.join(sorted(strange))}", hint=hint)
        if not texts or len(set(texts)) < len(texts) or not all(texts):
            raise OptionError(f"a choice among {len(texts)}, not all different texts", hint=hint)
        return cls("choice", texts)

    @classmethod
    def json_schema(cls, schema: Mapping[str, Any]) -> Constraint:
        """Allow JSON that fits `schema`, in the standard's newest version or the one it names.

        The order of the properties is kept and is part of what is asked: a model writes them in
        that order. `format` is a remark, as the standard has it, and is not checked.
        """
        if not isinstance(schema, Mapping):
            raise OptionError(f"a schema of type {type(schema).__name__}", hint="it is a mapping")
        try:
            return cls("json_schema", json.dumps(schema, allow_nan=False))
        except (TypeError, ValueError, RecursionError):
            hint = "write it with mappings, lists, texts, finite numbers and truth values"
            raise OptionError("the schema is no JSON", hint=hint) from None

    @classmethod
    def regex(cls, pattern: str) -> Constraint:
        """Allow text that matches `pattern` as a whole; its named groups are the captures."""
        _text("a pattern", pattern)
        try:
            re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            msg = f"the pattern {pattern!r} does not compile ({error})"
            raise OptionError(msg) from None
        return cls("regex", pattern)

    @classmethod
    def grammar(cls, text: str) -> Constraint:
        """Allow what a grammar allows: GBNF, or Lark after a first line `%llguidance {}`."""
        _text("a grammar", text)
        return cls("grammar", text)

    @classmethod
    def guidance(cls, node: Any) -> Constraint:
        """Allow what a guidance grammar allows: `select`, `gen`, `regex`, `json` and their sums.

        A function decorated `@guidance(stateless=True)` stands for its grammar. A function that
        is not stateless is a program: `primitives.guidance_program` runs it.
        """
        if getattr(node, "stateless", False) is True and callable(node):
            node = node()
        write = getattr(node, "ll_grammar", None)
        if not callable(write):
            msg = f"a guidance grammar of type {type(node).__name__}"
            raise OptionError(msg, hint="programs run in primitives.guidance_program")
        try:
            return cls("grammar", write())
        except (TypeError, ValueError) as error:  # such as a reference that was never set
            raise OptionError(f"guidance cannot write this grammar ({error})") from None

    @classmethod
    def of(cls, form: Any) -> Constraint:
        """Return the constraint that something stands for.

        Args:
            form: A Constraint; a list of texts (a choice); a compiled pattern; a JSON schema as a
                mapping; a guidance grammar; a type that pydantic can read, such as a model, or a
                TypeAdapter.

        Raises:
            OptionError: When it stands for none. A text does not: it could be a pattern, a
                grammar or the only choice.

        >>> Constraint.of(["yes", "no"]) == Constraint.choice(["yes", "no"])
        True
        >>> Constraint.of(bool).value
        '{"type": "boolean"}'
        """
        if isinstance(form, Constraint):
            return form
        if isinstance(form, (list, tuple)) and all(isinstance(text, str) for text in form):
            return cls.choice(form)
        if isinstance(form, re.Pattern) and isinstance(form.pattern, str):
            return cls.regex(_with_flags(form))
        if isinstance(form, Mapping):
            return cls.json_schema(form)
        if hasattr(form, "ll_grammar") or hasattr(form, "stateless"):
            return cls.guidance(form)
        if not isinstance(form, str) and form is not None:
            from promptkit.adapters.obey import schema_of_type

            schema = schema_of_type(form)
            if schema is not None:
                return cls.json_schema(schema)
        msg = f"a constraint of type {type(form).__name__}"
        hint = "make one with Constraint.choice([…]), .regex, .json_schema, .grammar or .guidance"
        raise OptionError(msg, hint=hint)

    def allows(self, text: str) -> bool:
        """Whether `text` obeys; what cannot be checked within bounds does not (see `refusal`).

        >>> Constraint.regex("[0-9]+").allows("12"), Constraint.regex("[0-9]+").allows("12 or so")
        (True, False)

        Raises:
            OptionError: When the schema or grammar itself cannot be read.
        """
        return self.captures(text) is not None

    def captures(self, text: str) -> dict[str, Any] | None:
        """Return what the constraint names in `text`; None when the text does not obey.

        Named groups of a pattern (those that took part), captures of a grammar (a list where the
        grammar collects), fields of a JSON object. A choice names nothing.

        >>> Constraint.regex("(?P<year>[0-9]{4})-(?P<month>[0-9]{2})").captures("2026-11")
        {'year': '2026', 'month': '11'}

        Raises:
            OptionError: When the schema or grammar itself cannot be read.
        """
        return self._read(text)[0]

    def refusal(self, text: str) -> str:
        """Say why `text` does not count as one that obeys; empty where it does.

        A pattern may need more work than a check is allowed: see `promptkit.adapters.regex_match`.

        >>> Constraint.choice(["yes", "no"]).refusal("perhaps")
        'it does not obey the constraint'

        Raises:
            OptionError: When the schema or grammar itself cannot be read.
        """
        return self._read(text)[1]

    def _read(self, text: str) -> tuple[dict[str, Any] | None, str]:
        if self.kind == "choice":
            named = text in self.value or text.strip() in {option.strip() for option in self.value}
            return ({}, "") if named else (None, DISOBEYS)
        from promptkit.adapters.obey import read

        return read(self.kind, str(self.value), text)


def _text(what: str, given: object) -> None:
    if not isinstance(given, str):
        raise OptionError(f"{what} of type {type(given).__name__}", hint="it is a text")


_FLAGS: Final = {
    re.ASCII: "a",
    re.IGNORECASE: "i",
    re.MULTILINE: "m",
    re.DOTALL: "s",
    re.VERBOSE: "x",
}


def _with_flags(pattern: re.Pattern[str]) -> str:
    """Return a compiled pattern's text with its flags in it."""
    flags = "".join(letter for flag, letter in _FLAGS.items() if pattern.flags & flag)
    return f"(?{flags}){pattern.pattern}" if flags else pattern.pattern
