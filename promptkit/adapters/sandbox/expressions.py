"""Expressions of a program: their values, worked out node by node.

One method for each kind of node (`_value_…`) and for each function that calls others (`_call_…`):
what has no method cannot be written. They stay in one file, so that it can be read as the whole.
"""

from __future__ import annotations

import ast
import builtins
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final

from .budget import Budget, RefusedError
from .library import (
    FIELDS,
    FUNCTIONS,
    MAKERS,
    METHODS,
    MODULES,
    TYPES,
    Module,
    joined,
    modulo,
    power,
    shifted,
    times,
)

_MAX_CALLS: Final = 150

_MISSING: Final = object()

_BINARY: Final[dict[type[ast.operator], Callable[..., Any]]] = {
    ast.Add: joined,
    ast.Mult: times,
    ast.Pow: power,
    ast.Mod: modulo,
    ast.LShift: shifted,
    ast.Sub: lambda budget, left, right: budget.made(left - right),
    ast.Div: lambda _budget, left, right: left / right,
    ast.FloorDiv: lambda _budget, left, right: left // right,
    ast.RShift: lambda _budget, left, right: left >> right,
    ast.BitAnd: lambda budget, left, right: budget.made(left & right),
    ast.BitOr: lambda budget, left, right: budget.made(left | right),
    ast.BitXor: lambda budget, left, right: budget.made(left ^ right),
}
_UNARY: Final[dict[type[ast.unaryop], Callable[[Any], Any]]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Not: operator.not_,
    ast.Invert: operator.invert,
}
_COMPARED: Final[dict[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}


class BreakError(Exception):
    """Leaves a loop."""


class ContinueError(Exception):
    """Goes on with a loop."""


class ReturnError(Exception):
    """Leaves a function."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class Scope:
    """Names and their values; what is not here is looked for further out."""

    def __init__(self, outer: Scope | None = None) -> None:
        """Begin empty."""
        self.values: dict[str, Any] = {}
        self.outer = outer

    def find(self, name: str) -> Any:
        """Return a name's value."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.values:
                return scope.values[name]
            scope = scope.outer
        return _MISSING


class Function:
    """A function or lambda of the program."""

    def __init__(
        self, node: ast.FunctionDef | ast.Lambda, scope: Scope, defaults: Any, part: str
    ) -> None:
        """Keep its code and where it stands."""
        self.part = part
        self.parameters = [each.arg for each in node.args.args]
        self.defaults: list[Any] = defaults
        self.body = node.body
        self.scope = scope


class Expressions(ABC):
    """Works out expressions; `evaluator` adds the statements."""

    def __init__(self, steps: int, output_chars: int) -> None:
        """Begin with a budget and room for what is printed."""
        self.budget = Budget(steps)
        self.room = output_chars
        self.lines: list[str] = []
        self.line = 0
        self.part = ""
        self.calls = 0
        self.globals = Scope()
        self.globals.values["__name__"] = "__main__"  # programs often end by asking for it
        self.last: Any = None

    def library(self, outer: Scope) -> Scope:
        """Return a scope in which Python's built-ins and the modules are what they are."""
        own = {name: getattr(self, f"_call_{name}", None) for name in dir(builtins)}
        known = FUNCTIONS | MODULES | {name: call for name, call in own.items() if call}
        scope = Scope(outer)
        for name, value in known.items():
            if name in MODULES or hasattr(builtins, name):
                scope.values[name] = value
        return scope

    @abstractmethod
    def execute(self, body: list[ast.stmt], scope: Scope) -> None:
        """Run statements, such as those of a function."""

    def assign(self, target: ast.expr, value: Any, scope: Scope) -> None:
        """Bind a name, an element, or several at once."""
        if isinstance(target, ast.Name):
            scope.values[target.id] = value
        elif isinstance(target, (ast.Tuple, ast.List)):
            values = self.budget.listed(value)
            if len(values) != len(target.elts):
                raise RefusedError(f"{len(values)} values for {len(target.elts)} names")
            for part, each in zip(target.elts, values, strict=True):
                self.assign(part, each, scope)
        elif isinstance(target, ast.Subscript) and not isinstance(target.slice, ast.Slice):
            holder = self.value(target.value, scope)
            if type(holder) not in (list, dict):
                raise RefusedError(f"an element of a {type(holder).__name__} cannot be set")
            holder[self.value(target.slice, scope)] = value
            self.budget.sized(len(holder), share=1024)
        else:
            raise RefusedError(f"nothing can be assigned to a {type(target).__name__}")

    def value(self, node: ast.expr, scope: Scope) -> Any:
        """Return the value of an expression."""
        self.budget.spend()
        find = getattr(self, f"_value_{type(node).__name__.lower()}", None)
        if find is None:
            raise RefusedError(f"there is no {type(node).__name__} in this language")
        return find(node, scope)

    def _value_constant(self, node: ast.Constant, _scope: Scope) -> Any:
        if type(node.value) not in (int, float, str, bool, type(None)):
            raise RefusedError(f"a {type(node.value).__name__}")
        return self.budget.made(node.value)

    def _value_name(self, node: ast.Name, scope: Scope) -> Any:
        found = scope.find(node.id)
        if found is not _MISSING:
            return found
        # Programs are often written as if these were imported.
        known = (
            FUNCTIONS.get(node.id) or MODULES.get(node.id) or MODULES["math"].members.get(node.id)
        )
        known = known or getattr(self, f"_call_{node.id}", None)
        if known is None:
            raise RefusedError(f"the name {node.id} is not defined")
        return known

    def _value_binop(self, node: ast.BinOp, scope: Scope) -> Any:
        return self.reckon(node.op, self.value(node.left, scope), self.value(node.right, scope))

    def reckon(self, op: ast.operator, left: Any, right: Any) -> Any:
        """Apply an operator to two values."""
        function = _BINARY.get(type(op))
        if function is None:
            raise RefusedError(f"there is no {type(op).__name__} in this language")
        return function(self.budget, left, right)

    def _value_unaryop(self, node: ast.UnaryOp, scope: Scope) -> Any:
        return _UNARY[type(node.op)](self.value(node.operand, scope))

    def _value_boolop(self, node: ast.BoolOp, scope: Scope) -> Any:
        ends_at = isinstance(node.op, ast.Or)
        value: Any = None
        for each in node.values:
            value = self.value(each, scope)
            if bool(value) is ends_at:
                break
        return value

    def _value_compare(self, node: ast.Compare, scope: Scope) -> Any:
        left = self.value(node.left, scope)
        for op, each in zip(node.ops, node.comparators, strict=True):
            right = self.value(each, scope)
            if isinstance(op, (ast.In, ast.NotIn)):
                holds = self.holds(left, right) is isinstance(op, ast.In)
            else:
                holds = bool(_COMPARED[type(op)](left, right))
            if not holds:
                return False
            left = right
        return True

    def holds(self, value: Any, values: Any) -> bool:
        """Whether something is in something."""
        if type(values) in (dict, set) or (type(values) is range and type(value) is int):
            return value in values
        if type(values) is str:
            self.budget.sized(len(values), share=64)
            return value in values
        return any(value == each for each in self.budget.walk(values))

    def _value_ifexp(self, node: ast.IfExp, scope: Scope) -> Any:
        return self.value(node.body if self.value(node.test, scope) else node.orelse, scope)

    def _value_list(self, node: ast.List, scope: Scope) -> Any:
        return [self.value(each, scope) for each in node.elts]

    def _value_tuple(self, node: ast.Tuple, scope: Scope) -> Any:
        return tuple(self.value(each, scope) for each in node.elts)

    def _value_set(self, node: ast.Set, scope: Scope) -> Any:
        return {self.value(each, scope) for each in node.elts}

    def _value_dict(self, node: ast.Dict, scope: Scope) -> Any:
        if any(key is None for key in node.keys):
            raise RefusedError("** in a table")
        pairs = zip(node.keys, node.values, strict=True)
        return {self.value(k, scope): self.value(v, scope) for k, v in pairs if k is not None}

    def _value_joinedstr(self, node: ast.JoinedStr, scope: Scope) -> Any:
        return self.budget.made("".join([self.value(each, scope) for each in node.values]))

    def _value_formattedvalue(self, node: ast.FormattedValue, scope: Scope) -> Any:
        value = self.value(node.value, scope)
        spec = self.value(node.format_spec, scope) if node.format_spec else ""
        if node.conversion not in (-1, ord("s")):
            raise RefusedError("a conversion in an f-string")
        return self.budget.formatted(value, spec)

    def _value_subscript(self, node: ast.Subscript, scope: Scope) -> Any:
        holder = self.value(node.value, scope)
        if type(holder) not in (list, tuple, str, dict, range):
            raise RefusedError(f"a {type(holder).__name__} has no elements to pick")
        if isinstance(node.slice, ast.Slice):
            parts = (node.slice.lower, node.slice.upper, node.slice.step)
            ends = [self.value(part, scope) if part else None for part in parts]
            return self.budget.made(holder[slice(*ends)])
        return holder[self.value(node.slice, scope)]

    def _value_lambda(self, node: ast.Lambda, scope: Scope) -> Any:
        return self.defined(node, scope)

    def _value_attribute(self, node: ast.Attribute, scope: Scope) -> Any:
        holder = self.value(node.value, scope)
        if isinstance(holder, Module):
            return member_of(holder, node.attr)
        if node.attr in FIELDS.get(type(holder), ()):
            return getattr(holder, node.attr)
        raise RefusedError(f"a {type(holder).__name__} has no field {node.attr}")

    def _value_listcomp(self, node: ast.ListComp, scope: Scope) -> Any:
        return self.budget.made(self.comprehended(node, node.elt, scope))

    def _value_setcomp(self, node: ast.SetComp, scope: Scope) -> Any:
        return set(self.comprehended(node, node.elt, scope))

    def _value_generatorexp(self, node: ast.GeneratorExp, scope: Scope) -> Any:
        return iter(self.comprehended(node, node.elt, scope))

    def _value_dictcomp(self, node: ast.DictComp, scope: Scope) -> Any:
        pair = ast.Tuple([node.key, node.value], ast.Load())
        return dict(self.comprehended(node, pair, scope))

    def comprehended(
        self,
        node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp,
        element: ast.expr,
        scope: Scope,
    ) -> list[Any]:
        """Return the elements of a comprehension."""
        found: list[Any] = []
        inner = Scope(scope)

        def descend(loops: list[ast.comprehension]) -> None:
            if not loops:
                found.append(self.value(element, inner))
                return
            for value in self.budget.walk(self.value(loops[0].iter, inner)):
                self.assign(loops[0].target, value, inner)
                if all(self.value(test, inner) for test in loops[0].ifs):
                    descend(loops[1:])

        descend(node.generators)
        return found

    def _value_call(self, node: ast.Call, scope: Scope) -> Any:
        function = self.called(node.func, scope)
        args: list[Any] = []
        for each in node.args:
            if isinstance(each, ast.Starred):
                args += self.budget.listed(self.value(each.value, scope))
            else:
                args.append(self.value(each, scope))
        if any(each.arg is None for each in node.keywords):
            raise RefusedError("** in a call")
        named = {str(each.arg): self.value(each.value, scope) for each in node.keywords}
        return self.call(function, args, named)

    def called(self, node: ast.expr, scope: Scope) -> Any:
        """Return what is called: a function, or a method bound to what has it."""
        if not isinstance(node, ast.Attribute):
            return self.value(node, scope)
        holder = self.value(node.value, scope)
        if isinstance(holder, Module):
            return member_of(holder, node.attr)
        if type(holder) is list and node.attr == "sort":
            return lambda _budget, **how: holder.__setitem__(
                slice(None), self._call_sorted(self.budget, holder, **how)
            )
        method = METHODS.get(type(holder), {}).get(node.attr)
        if method is None:
            raise RefusedError(f"a {type(holder).__name__} has no method {node.attr}")
        return lambda budget, *args, **named: method(budget, holder, *args, **named)

    def call(self, function: Any, args: list[Any], named: dict[str, Any]) -> Any:
        """Call a function of the program or of the library."""
        self.budget.spend()
        if isinstance(function, Function):
            return self.applied(function, args, named)
        if isinstance(function, Module):
            function = MAKERS.get(function.name)
        if not callable(function):
            raise RefusedError("a call of what is no function")
        return function(self.budget, *args, **named)

    def defined(self, node: ast.FunctionDef | ast.Lambda, scope: Scope) -> Function:
        """Return a function with the defaults of its parameters."""
        given = node.args
        if given.vararg or given.kwarg or given.kwonlyargs or given.posonlyargs:
            raise RefusedError("* or / among parameters")
        defaults = [self.value(each, scope) for each in given.defaults]
        return Function(node, scope, defaults, self.part)

    def applied(self, function: Function, args: list[Any], named: dict[str, Any]) -> Any:
        """Run a function of the program."""
        names = function.parameters
        optional = dict(
            zip(names[len(names) - len(function.defaults) :], function.defaults, strict=True)
        )
        values = optional | dict(zip(names, args, strict=False)) | named
        if len(args) > len(names) or set(values) != set(names):
            raise RefusedError(f"a call with other arguments than {', '.join(names) or 'none'}")
        if self.calls >= _MAX_CALLS:
            raise RefusedError(f"calls within calls, {_MAX_CALLS} deep")
        scope = Scope(function.scope)
        scope.values.update(values)
        came_from = self.part, self.line
        self.part = function.part
        self.calls += 1
        value = None
        try:
            if isinstance(function.body, ast.expr):
                value = self.value(function.body, scope)
            else:
                self.execute(function.body, scope)
        except ReturnError as returned:
            value = returned.value
        except (BreakError, ContinueError):
            raise RefusedError("a break or continue outside of a loop") from None
        finally:
            self.calls -= 1
        self.part, self.line = came_from  # an error stays where it was
        return value

    def _call_print(self, budget: Budget, *values: Any, sep: str = " ", end: str = "\n") -> None:
        said = str(sep).join([budget.text(value) for value in values]) + str(end)
        self.room -= len(said)
        if self.room < 0:
            raise RefusedError("the program prints too much")
        self.lines.append(said)

    def _call_sorted(
        self, budget: Budget, values: Any, *, key: Any = None, reverse: bool = False
    ) -> list[Any]:
        listed = budget.listed(values)
        budget.spend(len(listed) * len(listed).bit_length())
        keys = [self.call(key, [each], {}) if key else each for each in listed]
        places = sorted(range(len(listed)), key=keys.__getitem__, reverse=bool(reverse))
        return [listed[place] for place in places]

    def _call_max(self, budget: Budget, *values: Any, **how: Any) -> Any:
        return self.extreme(budget, operator.gt, values, **how)

    def _call_min(self, budget: Budget, *values: Any, **how: Any) -> Any:
        return self.extreme(budget, operator.lt, values, **how)

    def extreme(
        self,
        budget: Budget,
        is_better: Callable[[Any, Any], bool],
        values: tuple[Any, ...],
        *,
        key: Any = None,
        default: Any = _MISSING,
    ) -> Any:
        """Return the first of the largest or smallest."""
        best = best_key = _MISSING
        for each in budget.walk(values[0] if len(values) == 1 else values):
            rank = self.call(key, [each], {}) if key else each
            if best_key is _MISSING or is_better(rank, best_key):
                best, best_key = each, rank
        best = default if best is _MISSING else best
        if best is _MISSING:
            raise RefusedError("the largest or smallest of nothing")
        return best

    def _call_map(self, budget: Budget, function: Any, *lists: Any) -> Any:
        rows = zip(*map(budget.listed, lists), strict=False)
        return iter([self.call(function, list(row), {}) for row in rows])

    def _call_filter(self, budget: Budget, function: Any, values: Any) -> Any:
        listed = budget.listed(values)
        return iter([v for v in listed if (self.call(function, [v], {}) if function else v)])

    def _call_isinstance(self, _budget: Budget, value: Any, kind: Any) -> bool:
        known = {FUNCTIONS[name]: each for name, each in TYPES.items()}
        kinds = kind if isinstance(kind, tuple) else (kind,)
        if any(each not in known for each in kinds):
            raise RefusedError("isinstance() of an unknown type")
        return isinstance(value, tuple(known[each] for each in kinds))


def module_of(name: str | None) -> Module:
    """Return a module by its name."""
    if name not in MODULES:
        raise RefusedError(f"{name} cannot be imported; {', '.join(MODULES)} can")
    return MODULES[name]


def member_of(module: Module, name: str) -> Any:
    """Return what a module has under a name."""
    if name not in module.members:
        if module.name in MAKERS and name in ("today", "now"):
            raise RefusedError("what day it is now is not known here")
        raise RefusedError(f"{module.name} has no {name} here")
    return module.members[name]
