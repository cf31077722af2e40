"""Looking after cache files: what they hold, what they saved, and deleting from them.

`summarize(path)` tells, `clear(path, …)` deletes, `vacuum(path)` gives the space back. Each works
while sessions use the file. What is deleted is overwritten, so that it is gone from the file.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from promptkit.adapters.cache_file import open_cache, open_sealer, question_digest
from promptkit.adapters.database import MOVE_AWAY
from promptkit.errors import OptionError, StoreError
from promptkit.question import Question, messages_of
from promptkit.request import Request
from promptkit.safety.spotlighting import MODES
from promptkit.secret import Secret
from promptkit.transports.screen import screen


@dataclass(frozen=True, slots=True)
class CacheSummary:
    """What a cache file holds.

    Attributes:
        path: The file.
        entries: Answers in it.
        bytes: The file's size, its write-ahead log included.
        models: How many answers each model gave, the most first.
        tags: How many answers carry each tag.
        oldest_at: When the oldest answer was kept, in Unix seconds; None for an empty cache.
        hits: How many answers it has served.
        saved_usd: What these would have cost, as far as their prices are known.
        unpriced: How many of them have no known price.
        is_encrypted: Whether answers are encrypted.
    """

    path: Path
    entries: int
    bytes: int
    models: dict[str, int]
    tags: dict[str, int]
    oldest_at: int | None
    hits: int
    saved_usd: float
    unpriced: int
    is_encrypted: bool


def caches_in(folder: Path) -> list[Path]:
    """Return the caches of all profiles in promptkit's data folder."""
    return sorted(folder.glob("profiles/*/cache.sqlite"))


def summarize(path: str | os.PathLike[str]) -> CacheSummary:
    """Tell what a cache file holds; no secret is needed for it.

    Raises:
        StoreError: When there is no such file, or it is damaged or no cache.
    """
    with _opened(Path(path)) as database:
        entries, oldest = database.execute(
            "SELECT count(*), min(created_at) FROM answers"
        ).fetchone()
        meta = dict(database.execute("SELECT name, value FROM meta"))
        return CacheSummary(
            path=Path(path),
            entries=entries,
            bytes=_bytes_of(Path(path)),
            models=_counts(database, "asked_model"),
            tags=_counts(database, "tag"),
            oldest_at=oldest,
            hits=meta.get("hits", 0),
            saved_usd=meta.get("saved_usd", 0.0),
            unpriced=meta.get("unpriced", 0),
            is_encrypted="salt" in meta,
        )


def clear(
    path: str | os.PathLike[str],
    *,
    model: str | None = None,
    question: Question | None = None,
    tag: str | None = None,
    older_than_s: float | None = None,
    everything: bool = False,
    secret: Secret | None = None,
) -> int:
    """Delete the answers to which all of the given conditions apply; return how many they were.

    Args:
        path: The cache file.
        model: Asked of this model, or given by one that calls itself so.
        question: All answers to this text, Prompt or list of messages, whatever the options. It
            is found by what was asked of the model in the chat API; answers kept by promptkit
            0.1 have no such mark.
        tag: Kept under `Cache(tag=…)`.
        older_than_s: Kept longer ago than so many seconds.
        everything: Delete all; no condition may be given with it.
        secret: Needed for `question` in an encrypted cache.

    Raises:
        OptionError: When neither a condition nor `everything` is given, or both.
        StoreError: When the file is damaged or in use for too long, or the secret is wrong.
    """
    given = [value for value in (model, question, tag, older_than_s) if value is not None]
    if bool(given) == everything:
        hint = "give model, question, tag or older_than_s, or else everything=True"
        raise OptionError("it is not clear what is to be deleted", hint=hint)
    conditions: list[tuple[str, tuple[object, ...]]] = [("1", ())]
    if model is not None:
        conditions.append(("(asked_model = ? OR model = ?)", (model, model)))
    if tag is not None:
        conditions.append(("tag = ?", (tag,)))
    if older_than_s is not None:
        conditions.append(("created_at < ?", (time.time() - older_than_s,)))
    with _opened(Path(path)) as database:
        if question is not None:
            digests = _digests(database, Path(path), question, secret)
            conditions.append((f"question IN ({', '.join('?' * len(digests))})", digests))
        where = " AND ".join(condition for condition, _ in conditions)
        values = [value for _, some in conditions for value in some]
        database.execute("PRAGMA secure_delete = ON")
        sql = f"DELETE FROM answers WHERE {where}"  # noqa: S608 -- conditions of our own
        deleted = database.execute(sql, values).rowcount
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return deleted


def vacuum(path: str | os.PathLike[str]) -> int:
    """Write the file anew without its free space; return how many bytes that gave back.

    Raises:
        StoreError: When the file is damaged, or in use for too long.
    """
    before = _bytes_of(Path(path))
    with _opened(Path(path)) as database:
        database.execute("VACUUM")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return max(0, before - _bytes_of(Path(path)))


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.is_file():
        hint = "promptkit cache shows those of the profiles"
        raise StoreError(f"there is no cache {path}", hint=hint)
    try:
        with closing(open_cache(path)) as database:
            yield database
    except sqlite3.OperationalError as error:
        hint = "try again when other sessions are done with it"
        raise StoreError(f"the cache {path} cannot be used ({error})", hint=hint) from None
    except sqlite3.DatabaseError as error:
        raise StoreError(f"the cache {path} is damaged ({error})", hint=MOVE_AWAY) from None


def _digests(
    database: sqlite3.Connection, path: Path, question: Question, secret: Secret | None
) -> tuple[bytes, ...]:
    """Return the marks of all answers to a question, in whatever way its data was spotlighted."""
    asked = question if isinstance(question, Request) else None
    asked = asked or Request(messages=messages_of(question), model="")  # type: ignore[arg-type]  # no Request here
    ways = {question_digest(screen(asked, mode).messages) for mode in (None, *MODES)}
    sealer = open_sealer(database, path, secret)
    return tuple(ways if sealer is None else map(sealer.digest, ways))


def _counts(database: sqlite3.Connection, column: str) -> dict[str, int]:
    sql = f"SELECT {column}, count(*) FROM answers WHERE {column} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1"  # noqa: E501, S608 -- a column of ours
    return dict(database.execute(sql))


def _bytes_of(path: Path) -> int:
    log = path.with_name(f"{path.name}-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)
