"""Walks a program's syntax tree. It knows a small part of Python and refuses the rest.

There is no way from here to Python's objects: an attribute is a listed field or method of an exact
type, a call is of a listed function or of one that the program defines, and no name is looked up
anywhere but in the program's own scopes and in `library`.
"""

from __future__ import annotations

import ast
from typing import Any, Final

from .budget import RefusedError
from .expressions import (
    BreakError,
    ContinueError,
    Expressions,
    Function,
    ReturnError,
    Scope,
    member_of,
    module_of,
)
from .library import extended

ANSWERS: Final = ("ans", "answer", "result")
"""The names that hold a program's answer, the first that is set."""


class Evaluator(Expressions):
    """Runs one program."""

    @property
    def printed(self) -> str:
        """All that was printed."""
        return "".join(self.lines)

    def run(self, program: str) -> Any:
        """Run a program and return its answer."""
        self.execute(ast.parse(program).body, self.globals)
        for name in ANSWERS:
            if name in self.globals.values and self.globals.values[name] is not None:
                return self.globals.values[name]
        solution = self.globals.values.get("solution")
        if isinstance(solution, Function):
            return self.call(solution, [], {})
        lines = self.printed.strip().splitlines()
        return lines[-1].strip() if lines else self.last

    def test(self, program: str, tests: str) -> None:
        """Run a program, then tests of it; each is read by itself, and has names of its own."""
        parsed = ast.parse(program), ast.parse(tests)
        self.execute(parsed[0].body, self.globals)
        self.part, self.line = "tests, ", 0
        self.execute(parsed[1].body, Scope(self.library(self.globals)))

    def execute(self, body: list[ast.stmt], scope: Scope) -> None:
        """Run statements one after the other."""
        for node in body:
            self.budget.spend()
            self.line = node.lineno
            run = getattr(self, f"_run_{type(node).__name__.lower()}", None)
            if run is None:
                raise RefusedError(f"there is no {type(node).__name__} in this language")
            run(node, scope)

    def _run_expr(self, node: ast.Expr, scope: Scope) -> None:
        value = self.value(node.value, scope)
        if scope is self.globals:
            self.last = value

    def _run_pass(self, _node: ast.Pass, _scope: Scope) -> None:
        pass

    def _run_break(self, _node: ast.Break, _scope: Scope) -> None:
        raise BreakError

    def _run_continue(self, _node: ast.Continue, _scope: Scope) -> None:
        raise ContinueError

    def _run_return(self, node: ast.Return, scope: Scope) -> None:
        raise ReturnError(self.value(node.value, scope) if node.value else None)

    def _run_assert(self, node: ast.Assert, scope: Scope) -> None:
        if not self.value(node.test, scope):
            raise RefusedError("an assertion does not hold")

    def _run_assign(self, node: ast.Assign, scope: Scope) -> None:
        value = self.value(node.value, scope)
        for target in node.targets:
            self.assign(target, value, scope)

    def _run_annassign(self, node: ast.AnnAssign, scope: Scope) -> None:
        if node.value is not None:
            self.assign(node.target, self.value(node.value, scope), scope)

    def _run_augassign(self, node: ast.AugAssign, scope: Scope) -> None:
        before, more = self.value(node.target, scope), self.value(node.value, scope)
        if type(before) is list and isinstance(node.op, ast.Add):
            extended(self.budget, before, more)  # the list itself, as Python does
        else:
            self.assign(node.target, self.reckon(node.op, before, more), scope)

    def _run_if(self, node: ast.If, scope: Scope) -> None:
        self.execute(node.body if self.value(node.test, scope) else node.orelse, scope)

    def _run_for(self, node: ast.For, scope: Scope) -> None:
        for value in self.budget.walk(self.value(node.iter, scope)):
            self.assign(node.target, value, scope)
            try:
                self.execute(node.body, scope)
            except BreakError:
                return
            except ContinueError:
                continue
        self.execute(node.orelse, scope)

    def _run_while(self, node: ast.While, scope: Scope) -> None:
        while self.value(node.test, scope):
            try:
                self.execute(node.body, scope)
            except BreakError:
                return
            except ContinueError:
                continue
        self.execute(node.orelse, scope)

    def _run_functiondef(self, node: ast.FunctionDef, scope: Scope) -> None:
        if node.decorator_list:
            raise RefusedError("a decorator")
        scope.values[node.name] = self.defined(node, scope)

    def _run_import(self, node: ast.Import, scope: Scope) -> None:
        for alias in node.names:
            scope.values[alias.asname or alias.name] = module_of(alias.name)

    def _run_importfrom(self, node: ast.ImportFrom, scope: Scope) -> None:
        module = module_of(node.module if node.level == 0 else ".")
        for alias in node.names:
            names = list(module.members) if alias.name == "*" else [alias.name]
            for name in names:
                scope.values[alias.asname or name] = member_of(module, name)
