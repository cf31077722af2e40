"""`guard`: a policy around a primitive, or around any async function that takes a session first."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from promptkit.errors import OptionError
from promptkit.safety.policy import DEFAULT_POLICY, Policy
from promptkit.safety.policy.desk import Desk, check_people
from promptkit.safety.policy.layer import PolicyLayer
from promptkit.safety.policy.reviews import Audit, Reviews

if TYPE_CHECKING:
    from promptkit.session import Session

P = ParamSpec("P")
T = TypeVar("T")


def guard(
    fn: Callable[Concatenate[Session, P], Awaitable[T]],
    policy: Policy = DEFAULT_POLICY,
    *,
    audit: Audit | None = None,
    reviews: Reviews | None = None,
) -> Callable[Concatenate[Session, P], Awaitable[T]]:
    """Return `fn` under a policy: every question it asks and every answer it gets is checked.

    Where the policy says what may be stored, the session's cache is passed by, because it does not
    know that. A recording of the session holds what was asked and answered all the same.

    What the policy does is done at each call of the model, so a primitive of ten calls is checked
    ten times, and the last answer's check is that of the result. A blocked text raises a
    BlockedError, a held one a HeldError. Neither is retried, and no primitive goes on after it:
    who wants another answer instead catches it.

    >>> import promptkit as pk
    >>> from promptkit.primitives import answers, vote
    >>> model = pk.testing.Scripted("Answer: 12")
    >>> session = pk.connect(transport=model, model="scripted")
    >>> careful = guard(vote, Policy.of({"input": {"personal": "redact"}}))
    >>> print(pk.run(careful(session, "I am ann@example.com: 3 * 4?", extract=answers.number)))
    12 (100%)
    >>> "[EMAIL_1]" in model.requests[0].text
    True

    Args:
        fn: A primitive, or any async function of a session.
        policy: A Policy; see `promptkit.safety.policy`. For one in a file, `read_policy` of
            `promptkit.adapters.policy_file`.
        audit: Where it is written down what was found.
        reviews: Holds what the policy's action «ask» stops.

    Raises:
        OptionError: For an argument that is of another kind.
        PolicyError: When the policy holds texts for a person and there is no queue.
    """
    if not callable(fn):
        raise OptionError(f"guard({fn!r})", hint="an async function that takes a session first")
    if not isinstance(policy, Policy):
        hint = "a Policy, such as Policy.of({'input': {'injection': 'block'}})"
        raise OptionError(f"a policy of type {type(policy).__name__}", hint=hint)
    check_people(policy, reviews)

    @functools.wraps(fn)
    async def guarded(session: Session, /, *args: P.args, **kwargs: P.kwargs) -> T:
        desk = Desk(audit=audit, reviews=reviews, judge=session.step("policy"))
        layer = PolicyLayer(session.transport, policy, desk, keeps_below=False)
        return await fn(replace(session, transport=layer), *args, **kwargs)

    return guarded
