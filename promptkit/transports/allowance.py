"""What may be spent: limits in US dollars, as they are given to `connect` or in a profile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from promptkit.errors import OptionError


@dataclass(frozen=True, slots=True)
class SoftLimit:
    """What is told when a soft limit is passed.

    Attributes:
        name: Whose limit it is: "session", "cell", "profile staging".
        spent_usd: What has been spent.
        soft_usd: The limit that was passed.
    """

    name: str
    spent_usd: float
    soft_usd: float


OnSoft = Callable[[SoftLimit], object]
"""Called once for each soft limit that is passed; it must not block."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Spending limits in US dollars; None means none. An amount may be a text such as "$2.50".

    >>> Budget(hard="$2.50", soft=("$1", 2))
    Budget(hard=2.5, soft=(1.0, 2), day=None)

    Attributes:
        hard: Never exceeded.
        soft: Passing it warns once, or calls `on_soft`; several are allowed.
        day: Never exceeded within one day (UTC), by all processes that use the profile.
        on_soft: Called when a soft limit is passed, in place of the warning.
    """

    hard: float | None = None
    soft: float | tuple[float, ...] | None = None
    day: float | None = None
    on_soft: OnSoft | None = field(default=None, compare=False, repr=False)

    if TYPE_CHECKING:  # what is given may be text, what is kept is a number

        def __init__(
            self,
            hard: float | str | None = None,
            soft: float | str | Sequence[float | str] | None = None,
            day: float | str | None = None,
            on_soft: OnSoft | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        """Check the limits."""
        object.__setattr__(self, "hard", _amount("hard", self.hard))
        object.__setattr__(self, "day", _amount("day", self.day))
        if isinstance(self.soft, (list, tuple)):
            softs = [_amount("soft", each) for each in self.soft]
            object.__setattr__(self, "soft", tuple(sorted(softs)))
        else:
            object.__setattr__(self, "soft", _amount("soft", self.soft))
        if self.on_soft is None:
            return
        if not callable(self.on_soft):
            raise OptionError(f"budget on_soft={self.on_soft!r}", hint="a function of a SoftLimit")
        if not self.softs:
            hint = "name at least one soft limit: it is never called for a hard one"
            raise OptionError("budget on_soft without soft", hint=hint)

    @property
    def softs(self) -> tuple[float, ...]:
        """All soft limits, the lowest first."""
        if isinstance(self.soft, tuple):
            return self.soft
        return () if self.soft is None else (self.soft,)

    @classmethod
    def coerce(cls, value: Budget | Mapping[str, Any] | float | str | None) -> Budget:
        """Read a budget: an amount is the hard limit.

        >>> Budget.coerce("$0.05")
        Budget(hard=0.05, soft=None, day=None)
        """
        if value is None or isinstance(value, Budget):
            return value or Budget()
        if isinstance(value, Mapping):
            if not set(value) <= {"hard", "soft", "day"}:
                raise OptionError(f"budget={value!r}", hint="it may have hard, soft and day")
            return cls(**value)
        if isinstance(value, bool):
            raise OptionError(f"budget={value!r}", hint='an amount such as 2.50 or "$2.50"')
        with suppress(ValueError, TypeError):
            amount = float(value.strip().removeprefix("$") if isinstance(value, str) else value)
            if amount == amount:  # noqa: PLR0124 -- not NaN
                return cls(hard=amount)
        raise OptionError(
            f"budget={value!r}", hint='an amount such as 2.50 or "$2.50", or a Budget'
        )


def _amount(name: str, value: Any) -> Any:
    """Check an amount, and read it where it is a text."""
    number = value
    if isinstance(value, str):
        with suppress(ValueError):
            number = float(value.strip().removeprefix("$"))
    is_amount = isinstance(number, (int, float)) and not isinstance(number, bool)
    if value is not None and not (is_amount and 0 <= number < float("inf")):
        raise OptionError(f"budget {name}={value!r}", hint="US dollars, 0 or more")
    return number
