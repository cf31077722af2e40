"""Forward chaining over facts and rules: what follows from a text, exactly.

`clause` has the values, `chaining` the engine, `english` reads the controlled English of
ProofWriter and ProntoQA, `program` the notation in which a model writes a logic program.
"""

from promptkit.logic.chaining import Closure, close
from promptkit.logic.clause import Clause, Literal
from promptkit.logic.english import clauses_of, read_clause, read_query, write
from promptkit.logic.program import Program, read_program

__all__ = [
    "Clause",
    "Closure",
    "Literal",
    "Program",
    "clauses_of",
    "close",
    "read_clause",
    "read_program",
    "read_query",
    "write",
]
