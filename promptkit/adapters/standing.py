"""What a meter says to the spending book of its profile, and what it is told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Want:
    """What one meter of a process has to say to the book; amounts are US dollars.

    Attributes:
        meter: Which meter.
        name: The holder's; empty when nothing is to be held.
        day: The day on which `spent` was spent; None for a meter without days.
        spent: Since the last exchange.
        reserved: For calls under way.
        worst: Room that is needed; 0 gives back all that is not reserved.
        limit: The meter's.
    """

    meter: str
    name: str
    day: str | None
    spent: float
    reserved: float
    worst: float
    limit: float


@dataclass(frozen=True, slots=True)
class Standing:
    """How a meter stands after a look at the file, in US dollars.

    Attributes:
        day: The day that is counted; empty for a meter without days.
        spent: Spent for good, by all processes.
        promised: What batches at the endpoint may cost at most.
        elsewhere: In the blocks of other processes.
        granted: The block this process has now, reservations included.
    """

    day: str
    spent: float
    promised: float
    elsewhere: float
    granted: float
