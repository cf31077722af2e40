"""Unknowns and linear equations: what programs of thought write as `Symbol`, `Eq` and `solve_it`.

Programs of Thoughts (arXiv:2211.12588, section 3) lets a program leave an equation to a solver.
Here it is a linear one, or several, solved exactly in fractions; anything else is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

from .budget import Budget, RefusedError

_MAX_UNKNOWNS: Final = 20
_MAX_BITS: Final = 4_000


class Linear:
    """A sum of unknowns with factors, and a constant; it never changes."""

    def __init__(self, terms: Mapping[str, Fraction], constant: Fraction) -> None:
        """Keep the terms whose factor is not 0."""
        self.terms = {name: factor for name, factor in terms.items() if factor}
        self.constant = constant
        for number in (*self.terms.values(), constant):
            if max(number.numerator.bit_length(), number.denominator.bit_length()) > _MAX_BITS:
                raise RefusedError("an equation with very long numbers")
        if len(self.terms) > _MAX_UNKNOWNS:
            raise RefusedError(f"more than {_MAX_UNKNOWNS} unknowns")

    def __eq__(self, other: object) -> bool:
        """Whether both are the same sum."""
        if not isinstance(other, Linear):
            return False
        return (self.terms, self.constant) == (other.terms, other.constant)

    def __repr__(self) -> str:
        """Show the terms."""
        parts = [f"{factor}*{name}" for name, factor in self.terms.items()]
        return " + ".join([*parts, str(self.constant)])

    def __hash__(self) -> int:
        """Hash by the terms: solutions are looked up by their unknown."""
        return hash((frozenset(self.terms.items()), self.constant))

    def __add__(self, other: Any) -> Any:
        """Add a number or another sum."""
        more = as_linear(other)
        names = dict.fromkeys((*self.terms, *more.terms))
        terms = {n: self.terms.get(n, _ZERO) + more.terms.get(n, _ZERO) for n in names}
        return plain(Linear(terms, self.constant + more.constant))

    __radd__ = __add__

    def __neg__(self) -> Any:
        """Turn all signs."""
        return self.scaled(Fraction(-1))

    def __sub__(self, other: Any) -> Any:
        """Subtract a number or another sum."""
        return self + -other

    def __rsub__(self, other: Any) -> Any:
        """Subtract it from a number."""
        return -self + other

    def __mul__(self, other: Any) -> Any:
        """Multiply by a number; a product of unknowns is not linear."""
        return self.scaled(_number(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        """Divide by a number."""
        return self.scaled(1 / _number(other))

    def scaled(self, factor: Fraction) -> Any:
        """Return it times a number."""
        terms = {name: each * factor for name, each in self.terms.items()}
        return plain(Linear(terms, self.constant * factor))

    def subs(self, unknown: Any, value: Any) -> Any:
        """Return it with an unknown replaced by a number or a sum."""
        if not isinstance(unknown, Linear):
            return plain(self)
        name = _name(unknown)
        rest = Linear({n: f for n, f in self.terms.items() if n != name}, self.constant)
        return plain(rest + as_linear(value).scaled(self.terms.get(name, _ZERO)))


_ZERO: Final = Fraction(0)


def as_linear(value: Any) -> Linear:
    """Return a number or a sum as a sum."""
    return value if isinstance(value, Linear) else Linear({}, _number(value))


def plain(value: Any) -> Any:
    """Return a sum without unknowns as the number it is."""
    if not isinstance(value, Linear) or value.terms:
        return value
    number = value.constant
    return number.numerator if number.denominator == 1 else float(number)


def _number(value: Any) -> Fraction:
    if type(value) not in (int, float):
        raise RefusedError("an equation that is not linear")
    return Fraction(value).limit_denominator(10**12) if type(value) is float else Fraction(value)


def _name(unknown: Any) -> str:
    if not isinstance(unknown, Linear) or len(unknown.terms) != 1 or unknown.constant:
        raise RefusedError("an equation is solved for a Symbol")
    return next(iter(unknown.terms))


def symbol(_budget: Budget, name: Any, **_more: Any) -> Linear:
    """Return an unknown."""
    return Linear({str(name): Fraction(1)}, _ZERO)


def symbols(budget: Budget, names: str, **_more: Any) -> Any:
    """Return several unknowns."""
    found = tuple(symbol(budget, name) for name in names.replace(",", " ").split())
    return found[0] if len(found) == 1 else found


def equation(_budget: Budget, left: Any, right: Any = 0) -> Any:
    """Return left less right, which is 0 where they are equal."""
    return as_linear(left) - as_linear(right)


def solve_it(budget: Budget, equations: Any, unknowns: Any = None) -> dict[Linear, Any]:
    """Return the value of each unknown."""
    given = equations if type(equations) in (list, tuple) else [equations]
    rows = [as_linear(each) for each in given]
    if unknowns is None:
        names = list(dict.fromkeys(name for row in rows for name in row.terms))
    else:
        wanted = unknowns if type(unknowns) in (list, tuple) else [unknowns]
        names = [_name(each) for each in wanted]
    if len(rows) > _MAX_UNKNOWNS:
        raise RefusedError(f"more than {_MAX_UNKNOWNS} equations")
    solved: dict[str, Linear] = {}
    for row in rows:
        budget.spend(100)
        rest: Any = row
        for name, value in solved.items():
            rest = as_linear(rest).subs(symbol(budget, name), value)
        left = as_linear(rest)
        name = next((n for n in names if n in left.terms), "")
        if not name:
            if left.terms or left.constant:
                raise RefusedError("the equations have no solution")
            continue
        others = Linear({n: f for n, f in left.terms.items() if n != name}, left.constant)
        value = as_linear(others.scaled(-1 / left.terms[name]))
        solved = {n: as_linear(v.subs(symbol(budget, name), value)) for n, v in solved.items()}
        solved[name] = value
    return {symbol(budget, name): plain(value) for name, value in solved.items()}


def solve(budget: Budget, equations: Any, unknowns: Any = None) -> Any:
    """Return the values as `sympy.solve` does: a list for one equation, a table for several."""
    solved = solve_it(budget, equations, unknowns)
    many = type(equations) in (list, tuple) or type(unknowns) in (list, tuple)
    return solved if many else list(solved.values())
