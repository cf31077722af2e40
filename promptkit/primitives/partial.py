"""Partial: set some of a primitive's arguments now; the session still comes first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from promptkit.errors import OptionError
from promptkit.session import Session


@dataclass(frozen=True, slots=True)
class Partial:
    """A primitive with some of its arguments, called as `(session, *further arguments)`.

    Attributes:
        func: The primitive.
        args: What comes after the session.
        keywords: Arguments by name; those of a call win over them.
    """

    func: Callable[..., Awaitable[Any]]
    args: tuple[Any, ...] = ()
    keywords: dict[str, Any] = field(default_factory=dict)

    def __call__(self, session: Session, /, *args: Any, **keywords: Any) -> Awaitable[Any]:
        """Call the primitive."""
        return self.func(session, *self.args, *args, **{**self.keywords, **keywords})

    @property
    def __name__(self) -> str:
        """The primitive's name."""
        return str(getattr(self.func, "__name__", type(self.func).__name__))


def partial(fn: Callable[..., Awaitable[Any]], /, *args: Any, **keywords: Any) -> Partial:
    """Return `fn` with arguments set that come after its session.

    `functools.partial` would set the session itself first. What is returned can be pickled if its
    arguments can, and can be the `fn` of `session.map` or the `of` of another primitive.

    >>> import promptkit as pk
    >>> from promptkit.primitives import answers, chain_of_thought, partial
    >>> solve = partial(chain_of_thought, extract=answers.number)
    >>> model = pk.testing.Scripted(lambda r: "12" if "pens" in r.text else "7")
    >>> session = pk.connect(transport=model, model="scripted")
    >>> [result.value for result in pk.run(session.map(solve, ["4 * 3 pens?", "3 + 4?"]))]
    [12, 7]

    Args:
        fn: A primitive, or any async function whose first argument is a session.
        args: What stands after the session, such as the context of `selection_inference`.
        keywords: Arguments by name.
    """
    if not callable(fn):
        msg = f"partial of {type(fn).__name__}"
        raise OptionError(msg, hint="give an async function whose first argument is a session")
    if isinstance(fn, Partial):
        return Partial(fn.func, (*fn.args, *args), {**fn.keywords, **keywords})
    return Partial(fn, args, keywords)
