"""DataFrames at the edge: rows out of one, answers into one. Nothing else imports pandas."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pandas as pd

from promptkit.adapters.ledger import open_ledger
from promptkit.errors import OptionError, StoreError, TableError
from promptkit.response import Response
from promptkit.result import Result, Verdict

_BLOCK: Final = 1_000
"""Rows turned into Python values at a time."""


class Rows:
    """The rows of a DataFrame as dicts, made as they are asked for; `len` is known at once.

    Values are Python's own: numpy numbers become int and float, and whatever pandas calls
    missing (NaN, NaT, NA) becomes None.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        """Look at `frame` without copying it.

        Raises:
            TableError: When two columns have the same name, so that a dict would lose one.
        """
        names = list(frame.columns)
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            msg = f"the DataFrame has {names.count(twice)} columns named {twice!r}"
            raise TableError(msg, hint="rename all but one")
        self._frame = frame

    def __len__(self) -> int:
        """Count the rows."""
        return len(self._frame)

    def __iter__(self) -> Iterator[dict[Any, Any]]:
        """Yield the rows in order."""
        names = list(self._frame.columns)
        for start in range(0, len(self), _BLOCK):
            block = self._frame.iloc[start : start + _BLOCK]
            if not names:
                yield from ({} for _ in range(len(block)))
                continue
            columns = [_values(block[name]) for name in names]
            for values in zip(*columns, strict=True):
                yield dict(zip(names, values, strict=True))


def _values(column: pd.Series[Any]) -> list[Any]:
    """Return a column's values as Python's own, None for the missing ones."""
    values = column.astype(object).tolist()
    return [
        None if missing else value.item() if hasattr(value, "item") else value
        for value, missing in zip(values, column.isna().tolist(), strict=True)
    ]


def rows(frame: pd.DataFrame) -> Rows:
    """Return the rows of a DataFrame as dicts, in order, made as they are asked for.

    >>> import pandas as pd
    >>> list(rows(pd.DataFrame({"animal": ["wren", None], "legs": [2, 4]})))
    [{'animal': 'wren', 'legs': 2}, {'animal': None, 'legs': 4}]
    """
    if not isinstance(frame, pd.DataFrame):
        msg = f"a {type(frame).__name__} in place of a DataFrame"
        raise OptionError(msg, hint="pass a pandas.DataFrame; for other iterables there is map")
    return Rows(frame)


def with_answers(frame: pd.DataFrame, results: Sequence[Any], into: str) -> pd.DataFrame:
    """Return a copy of `frame` with one result a row in new columns.

    The column `into` holds the text of a Response, the value of a Result, the outcome of a
    Verdict, and any other result as it is; `{into}_error` the error in a row that has none of
    these, as «class: message», else missing. Where results are Responses there are also
    `{into}_input_tokens`, `{into}_output_tokens`, `{into}_cost_usd` (list price, missing where
    unknown) and `{into}_cached`; for Results `{into}_confidence`; for Results and Verdicts
    `{into}_reason`, and the tokens and the cost of all their calls. The index and all other
    columns are as they were.

    Args:
        frame: Left as it is.
        results: As many as `frame` has rows, in their order; exceptions among them.
        into: The name of the column.

    Raises:
        TableError: When there are more or fewer results than rows.

    >>> import pandas as pd
    >>> with_answers(pd.DataFrame({"x": [1, 2]}), ["one", ValueError("two?")], "name")
       x name        name_error
    0  1  one               NaN
    1  2  NaN  ValueError: two?
    """
    if len(results) != len(frame):
        msg = f"{len(results)} results for {len(frame)} rows"
        raise TableError(msg, hint="pass one result for each row, in order")
    columns: dict[str, pd.Series[Any]] = {}

    def add(name: str, values: list[Any], dtype: str = "object") -> None:
        columns[name] = pd.Series(values, index=frame.index, dtype=dtype)

    add(into, [_value(result) for result in results])
    columns[into] = columns[into].infer_objects()
    add(f"{into}_error", [_error(result) for result in results], "str")
    if any(isinstance(result, Result) for result in results):
        sure = [r.confidence if isinstance(r, Result) else None for r in results]
        add(f"{into}_confidence", sure, "float64")
    if any(isinstance(result, (Result, Verdict)) for result in results):
        reasons = [r.reason if isinstance(r, (Result, Verdict)) else None for r in results]
        add(f"{into}_reason", reasons, "str")
    took = [_took(result) for result in results]
    if any(took):
        add(f"{into}_input_tokens", [t and t[0] for t in took], "Int64")
        add(f"{into}_output_tokens", [t and t[1] for t in took], "Int64")
        add(f"{into}_cost_usd", [t and t[2] for t in took], "float64")
    answers = [result if isinstance(result, Response) else None for result in results]
    if any(answers):
        add(f"{into}_cached", [a and a.log.source != "endpoint" for a in answers], "boolean")
    return frame.assign(**columns)


def _took(result: Any) -> tuple[int, int, float | None] | None:
    """Tokens in, tokens out and cost: of the answer, or of what a primitive's first step counts."""
    if isinstance(result, Response):
        return result.usage.input_tokens, result.usage.output_tokens, result.cost_usd
    if isinstance(result, (Result, Verdict)) and result.steps:
        whole = result.steps[0]
        return whole.input_tokens, whole.output_tokens, whole.cost_usd
    return None


def _value(result: Any) -> Any:
    if isinstance(result, BaseException):
        return None
    if isinstance(result, Response):
        return result.text
    if isinstance(result, Result):
        return result.value
    return result.outcome if isinstance(result, Verdict) else result


def _error(result: Any) -> str | None:
    if not isinstance(result, BaseException):
        return None
    return f"{type(result).__name__}: {result}".removesuffix(": ")


def read_ledger(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a ledger as a DataFrame, one row a call in the order they were written.

    Its columns are those of `promptkit.adapters.ledger.COLUMNS`; `time` is a UTC timestamp,
    `cached` a bool, and a `cost_usd` that is unknown is missing.

    Raises:
        StoreError: When there is no such file, or it is damaged or not a ledger.
    """
    where = Path(path)
    if not where.is_file():
        raise StoreError(f"there is no ledger {where}", hint="it is made with the first call")
    with closing(open_ledger(where)) as database:
        frame = pd.read_sql_query("SELECT * FROM calls ORDER BY id", database, index_col="id")
    frame["time"] = pd.to_datetime(frame["time"], unit="s", utc=True)
    frame["cached"] = frame["cached"].astype(bool)
    frame["cost_usd"] = frame["cost_usd"].astype("float64")
    return frame
