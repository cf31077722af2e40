"""Rows: a template whose slots the rows of a table fill, put to a primitive."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from promptkit.errors import OptionError
from promptkit.prompt import Prompt
from promptkit.session import Session


@dataclass(frozen=True, slots=True)
class WithPrompt:
    """A primitive and the template of its question, called as `(session, row)`."""

    prompt: Prompt
    func: Callable[..., Awaitable[Any]]

    def __call__(self, session: Session, /, item: object) -> Awaitable[Any]:
        """Fill the template from a row and hand it to the primitive."""
        return self.func(session, self.prompt.for_item(item))

    @property
    def __name__(self) -> str:
        """The primitive's name."""
        return str(getattr(self.func, "__name__", type(self.func).__name__))


def with_prompt(prompt: Prompt | str, fn: Callable[..., Awaitable[Any]], /) -> WithPrompt:
    """Return `fn` as a function of rows: each fills the slots of `prompt`, which is the question.

    What fills a slot is data, and set apart from the question as everywhere.

    >>> import promptkit as pk
    >>> from promptkit.primitives import partial, vote, with_prompt
    >>> model = pk.testing.Scripted(lambda r: "yes" if "Nairobi" in r.text else "no")
    >>> session = pk.connect(transport=model, model="scripted")
    >>> asked = with_prompt("Is {city} in Kenya?", partial(vote, n=3))
    >>> rows = [{"city": "Nairobi", "people": 4_400_000}, {"city": "Lima", "people": 10_000_000}]
    >>> [result.value for result in pk.run(session.map(asked, rows))]
    ['yes', 'no']

    Args:
        prompt: A template; columns that it does not use are passed over.
        fn: A primitive that takes a question, or `partial` of one.

    Raises:
        OptionError: When `fn` is no function.
        PromptError: When the template does not parse.
    """
    if not callable(fn):
        msg = f"a primitive of type {type(fn).__name__}"
        raise OptionError(msg, hint="give the template first, then an async function")
    return WithPrompt(Prompt.coerce(prompt), fn)
