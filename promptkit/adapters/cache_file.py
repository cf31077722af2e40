"""The file of a cache: its tables, how earlier versions become this one, and its encryption.

    answers   one row per answer, under the digest of its request; no prompt is written
    meta      the salt of an encrypted file, and what the file has saved so far

Rows lie in the order they were written, and so beside their neighbours in time: a commit of 256
answers writes about as many pages as the answers fill, and dropping the oldest frees whole pages.
With the digest as the table's own order (`WITHOUT ROWID`) writing was 2.4 times as dear.
"""

from __future__ import annotations

import json
import math
import os
import sqlite3
import time
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from promptkit.adapters.cache_rows import COLUMNS, Row, seal_row, to_row
from promptkit.adapters.database import open_database
from promptkit.adapters.encryption import SALT_BYTES, Sealer
from promptkit.codec import response_from_json
from promptkit.errors import StoreError
from promptkit.prompt import Message
from promptkit.request import Request
from promptkit.response import Response
from promptkit.secret import Secret
from promptkit.transports.store import Cache

APPLICATION_ID: Final = 0x706B6368
"""Marks a cache file («pkch»), as sqlite3's documentation proposes for file formats."""

SCHEMA_VERSION: Final = 2

SCHEMA: Final = (
    """
    CREATE TABLE answers (
        id INTEGER PRIMARY KEY,
        key BLOB NOT NULL UNIQUE,
        text TEXT, finish_reason TEXT, model TEXT,
        input_tokens INTEGER, output_tokens INTEGER, cached_tokens INTEGER,
        reasoning_tokens INTEGER, estimated INTEGER, cost_usd REAL,
        body BLOB,
        asked_model TEXT NOT NULL,
        question BLOB,
        tag TEXT,
        created_at INTEGER NOT NULL,
        used_at INTEGER NOT NULL,
        expires_at INTEGER
    )
    """,
    "CREATE INDEX answers_by_use ON answers (used_at)",
    "CREATE INDEX answers_by_end ON answers (expires_at) WHERE expires_at IS NOT NULL",
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID",
    "INSERT INTO meta VALUES ('hits', 0), ('saved_usd', 0.0)",
)

INSERT: Final = (
    f"INSERT OR REPLACE INTO answers (key, {COLUMNS}, asked_model, question, tag, "  # noqa: S608 -- names of our own
    f"created_at, used_at, expires_at) VALUES ({', '.join('?' * (len(Row._fields) + 7))})"
)

ADD: Final = (
    "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value"
)
"""Adds to what a file has counted: the number of «unpriced» hits came later than the others."""

_BATCH: Final = 1_000
_CHECK: Final = b"promptkit cache"


def open_cache(path: Path) -> sqlite3.Connection:
    """Open a cache file, or make it; a file of version 1 is brought to version 2.

    Raises:
        StoreError: When the file is damaged, belongs to another program, is of a later version,
            or cannot be made.
    """
    return open_database(path, APPLICATION_ID, SCHEMA_VERSION, SCHEMA, {1: _from_version_1})


def question_digest(messages: tuple[Message, ...]) -> bytes:
    """Digest what is asked, whatever the model and the options: to find all answers to it."""
    if len(messages) == 1:
        (message,) = messages
        asked = f"{message.role}\0{message.text}"
    else:
        asked = repr([(message.role, message.text) for message in messages])
    return blake2b(asked.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def row_of(
    request: Request, response: Response, sealer: Sealer | None, settings: Cache
) -> tuple[Any, ...]:
    """Return the values that `INSERT` takes, as of now."""
    now = int(time.time())
    ends_at = None if settings.ttl_s is None else now + math.ceil(settings.ttl_s)
    key, row, question = request.key, to_row(response), question_digest(request.messages)
    if sealer is not None:
        key, question = sealer.digest(key), sealer.digest(question)
        row = seal_row(row, sealer, key)
    return (key, *row, request.model, question, settings.tag, now, now, ends_at)


def open_sealer(database: sqlite3.Connection, path: Path, secret: Secret | None) -> Sealer | None:
    """Return what encrypts this file; None for a file in the clear.

    Raises:
        StoreError: When the secret is missing or wrong, or the file holds answers in the clear.
    """
    found = dict(database.execute("SELECT name, value FROM meta WHERE name IN ('salt', 'check')"))
    if secret is None:
        if found:
            hint = "pass cache=Cache(path, secret=…), set the profile's cache.secret, or delete it"
            raise StoreError(f"the cache {path} is encrypted", hint=hint)
        return None
    if not found:
        return _encrypt_from_now_on(database, path, secret)
    sealer = Sealer(secret, found["salt"])
    try:
        sealer.unseal(found["check"], _CHECK)
    except ValueError:
        msg = f"the cache {path} was encrypted with another secret"
        hint = "pass that secret, or another path"
        raise StoreError(msg, hint=hint) from None
    return sealer


def _encrypt_from_now_on(database: sqlite3.Connection, path: Path, secret: Secret) -> Sealer:
    salt = os.urandom(SALT_BYTES)
    sealer = Sealer(secret, salt)
    database.execute("BEGIN IMMEDIATE")
    try:
        if database.execute("SELECT 1 FROM meta WHERE name = 'salt'").fetchone():
            database.execute("ROLLBACK")  # another process has just done so
            return open_sealer(database, path, secret) or sealer
        _refuse_answers_in_the_clear(database, path)
        kept = [("salt", salt), ("check", sealer.seal(_CHECK, _CHECK))]
        database.executemany("INSERT INTO meta VALUES (?, ?)", kept)
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise
    return sealer


def _refuse_answers_in_the_clear(database: sqlite3.Connection, path: Path) -> None:
    if database.execute("SELECT 1 FROM answers LIMIT 1").fetchone():
        msg = f"the cache {path} holds answers in the clear"
        hint = "pass another path, or clear it first: promptkit cache clear --all"
        raise StoreError(msg, hint=hint)


def _from_version_1(database: sqlite3.Connection) -> None:
    """Version 1 held each answer as one JSON text. What cannot be read of it is left out."""
    database.execute("ALTER TABLE answers RENAME TO answers_1")
    for statement in SCHEMA:
        database.execute(statement)
    found = database.execute("SELECT key, response, created_at FROM answers_1 ORDER BY created_at")
    while batch := found.fetchmany(_BATCH):
        rows = []
        for key, text, created_at in batch:
            with suppress(ValueError, KeyError, TypeError, AttributeError):
                response = response_from_json(json.loads(text))
                at = int(created_at)
                rows.append((key, *to_row(response), response.model, None, None, at, at, None))
        database.executemany(INSERT, rows)
    database.execute("DROP TABLE answers_1")
