"""The ledger of one profile, as a table to look into."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from promptkit.errors import StoreError
from promptkit.folders import data_folder
from promptkit.operations.spending import ledgers_in
from promptkit.profile import DEFAULT_NAME

if TYPE_CHECKING:
    import pandas as pd


def ledger(profile: str = DEFAULT_NAME) -> pd.DataFrame:
    """Return all calls that were made with a profile, as a DataFrame with one row a call.

    The rows stand in the order they were written, `time` as a UTC timestamp; the columns are
    those of `promptkit.adapters.ledger.COLUMNS`. A call is written within a second, or when its
    session is closed.

    Args:
        profile: The profile's name; calls without one are kept under "default".

    Raises:
        StoreError: When no call was made with the profile yet, or its ledger is damaged.
    """
    folder = data_folder()
    known = {path.parent.name: path for path in ledgers_in(folder)}
    if profile not in known:
        msg = f"there is no ledger of the profile {profile!r} in {folder} yet"
        raise StoreError(msg, hint=_hint(profile, sorted(known)))
    from promptkit.adapters.frame import read_ledger  # noqa: PLC0415 -- pandas takes a second

    return read_ledger(known[profile])


def _hint(profile: str, known: list[str]) -> str:
    if close := difflib.get_close_matches(profile, known, n=1):
        return f"did you mean {close[0]!r}?"
    if known:
        return f"it is made with the first call; there are those of {', '.join(known)}"
    return "it is made with the first call"
