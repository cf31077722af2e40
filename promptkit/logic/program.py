"""The notation in which a model writes a logic program, as Logic-LM has it.

Pan et al. 2023 (arXiv:2305.12295): sections Predicates, Facts, Rules and Query, a literal such as
`Cold(Bob, True)`, a rule such as `Cold($x, True) && Red($x, True) >>> Kind($x, False)`, and after
`:::` a remark. Facts and rules may stand in either section. The last argument tells whether it
holds. A fact about `$x`, without a condition, is passed over: models write it where they mean to
declare a predicate.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from promptkit.errors import ProgramError
from promptkit.logic.chaining import Closure, close
from promptkit.logic.clause import Clause, Literal

MAX_LINES: Final = 2_000
"""Lines after which a program is refused."""

_SECTION: Final = re.compile(r"\W*(predicates|facts|rules|query)\W*", re.IGNORECASE)
_LITERAL: Final = re.compile(r"(!?)\s*(\w+)\s*\(([^()]*)\)")


@dataclass(frozen=True, slots=True)
class Program:
    """Facts, rules, and the literal that is asked about."""

    clauses: tuple[Clause, ...]
    query: Literal

    def run(self) -> Closure:
        """Return all that follows.

        Raises:
            ProgramError: When it does not end within its bounds.
        """
        return close(self.clauses)


def read_program(text: str) -> Program:
    """Read a program.

    >>> program = read_program('''
    ... Facts:
    ... Mouse(Gert, True)
    ... Rules:
    ... Mouse($x, True) >>> Brave($x, False)
    ... Query:
    ... Brave(Gert, True)
    ... ''')
    >>> program.run().verdict(program.query)
    False

    Raises:
        ProgramError: For a line that is no literal and no rule, or when nothing is asked.
    """
    clauses: list[Clause] = []
    query: Literal | None = None
    section = ""
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        raise ProgramError(f"a program of {len(lines)} lines", hint=f"at most {MAX_LINES}")
    for line in lines:
        code = line.split(":::")[0].strip()
        heading = _SECTION.fullmatch(code)
        if heading:
            section = heading[1].lower()
        elif section == "query" and code:
            query = query or _literal(code)
        elif section in ("facts", "rules") and code:
            clauses += [each for each in _clauses(code) if each.body or not each.head.variables]
    if query is None:
        raise ProgramError("the program asks nothing", hint="it ends with «Query:» and a literal")
    if query.variables:
        raise ProgramError(
            f"the query {query} has a variable", hint="ask about a thing by its name"
        )
    return Program(tuple(clauses), query)


def _clauses(line: str) -> list[Clause]:
    if ">>>" not in line:
        return [Clause(_literal(line), source=line)]
    body, *heads = line.split(">>>")
    if len(heads) != 1:
        raise ProgramError(f"the line {_shown(line)}", hint="a rule has one >>>")
    conditions = tuple(_literal(part) for part in body.split("&&"))
    return [Clause(_literal(head), conditions, line) for head in heads[0].split("&&")]


def _literal(text: str) -> Literal:
    match = _LITERAL.fullmatch(text.strip())
    *arguments, truth = [part.strip() for part in match[3].split(",")] if match else [""]
    if match is None or not arguments or not all(arguments) or truth not in ("True", "False"):
        hint = "a literal is such as Cold(Bob, True) or Sees($x, Cat, False)"
        raise ProgramError(f"the line {_shown(text)}", hint=hint)
    return Literal(match[2], tuple(arguments), (truth == "True") != bool(match[1]))


def _shown(text: str) -> str:
    limit = 80
    return repr(text if len(text) <= limit else f"{text[:limit]}…")
