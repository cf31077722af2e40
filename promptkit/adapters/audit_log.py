"""An audit log: JSON lines, each with the hash of the one before, so that no change goes unseen.

    {"n": 3, "time": "2026-11-26T10:00:00.000Z", "event": {…}, "before": "…", "hash": "…"}

`hash` is SHA-256 over the line without it, keyed with a secret where one is given (HMAC). Without a
secret, who can write the file can also write a whole new chain: then keep the last hash, which
`verify` returns, somewhere else. Old lines are deleted from the front; the first line then says how
many went and carries their last hash on, so that the lines that stay are as they were.

The events never hold the texts that were found: see `promptkit.safety.policy.layer`.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Final

from promptkit.errors import OptionError, StoreError
from promptkit.safety.credentials import redact_secrets

START: Final = "0" * 64
"""What the first line gives as the hash before it."""

LONGEST_LINE: Final = 65_536
"""Bytes of one line; an event that needs more is refused."""

_TAIL: Final = LONGEST_LINE * 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a look through a log found.

    Attributes:
        lines: How many lines were read.
        last: The hash of the last line that is right: to be kept elsewhere.
        error: What is wrong, with the line's number; empty where nothing is.
    """

    lines: int
    last: str
    error: str = ""

    def __bool__(self) -> bool:
        """Whether the chain holds."""
        return not self.error


class AuditLog:
    """Appends events to a file. Any number of threads and processes may write at once."""

    def __init__(self, path: str | os.PathLike[str], *, secret: str | bytes | None = None) -> None:
        """Take the file at `path`; it is made by the first event.

        Args:
            path: The file.
            secret: Without it nobody can write a chain that verifies.
        """
        self.path = Path(path)
        self._key = _key(secret)
        self._lock = threading.Lock()

    def write(self, event: Mapping[str, Any]) -> None:
        """Add an event of JSON values.

        Raises:
            OptionError: When it is no JSON, longer than a line may be, or has a field «forgotten»,
                which marks the line that stands for deleted ones.
            StoreError: When it cannot be written: what must be audited must not go on unseen.
        """
        if "forgotten" in event:
            raise OptionError("an event with a field 'forgotten'", hint="call it something else")
        with self._opened() as file:
            before, number = _last(file, self.path)
            _append(file, _line(number + 1, _now(), _masked(event), before, self._key))

    def forget(self, *, days: float) -> int:
        """Delete what is older than so many days; return how many events went.

        The rest is written to a new file that takes the old one's place.

        Raises:
            StoreError: When the chain is broken: what may be evidence is not deleted.
        """
        oldest = datetime.now(UTC).timestamp() - days * 86_400
        with self._opened() as file:
            file.seek(0)
            lines = file.read().splitlines(keepends=True)
            done = _verified(lines, self._key)
            if not done:
                raise StoreError(f"{self.path}: {done.error}", hint="nothing was deleted")
            # From the front only, so that what stays is one chain; an old head goes with it.
            young = next((n for n, line in enumerate(lines) if _time(line) >= oldest), len(lines))
            heads = int(bool(lines) and _is_head(lines[0]))
            if young <= heads:
                return 0
            gone, kept = young, lines[young:]
            last = json.loads(lines[gone - 1])
            forgotten = sum(_forgotten(line) for line in lines[:gone])
            event = {"forgotten": forgotten, "older_than_days": days}
            # It is as old as the last line that it stands for, so that the next run can tell.
            head = _line(last["n"], last["time"], event, _carried(last), self._key)
            _replace(self.path, [head, *kept])
            return gone - heads

    def verify(self, known: str = START) -> Verification:
        """Read the whole file and check every line against the one before it.

        Args:
            known: A hash that was the last one once: it must still be there. Only this tells that
                lines were cut off at the end.

        Raises:
            StoreError: When the file cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                return _verified(file, self._key, known)
        except OSError as error:
            hint = "a session with a policy and a ledger writes one; name another with --file"
            raise StoreError(f"{self.path} cannot be read ({error.strerror})", hint=hint) from None

    @contextlib.contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        """Open the file for this thread and process alone."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._lock, _locked(self.path) as file:
                yield file
        except OSError as error:
            msg = f"{self.path} cannot be written ({error.strerror})"
            raise StoreError(msg, hint="free the disk or name another audit log") from None


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[IO[bytes]]:
    """Hold the file's lock: it stands beside the file, which `forget` replaces."""
    guard = os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        _lock(guard)
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            yield file
    finally:
        os.close(guard)  # which gives the lock back


def _lock(descriptor: int) -> None:
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined]
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _key(secret: str | bytes | None) -> bytes:
    if secret is not None and not isinstance(secret, (str, bytes)):
        raise OptionError(f"a secret of type {type(secret).__name__}", hint="a text or bytes")
    return secret.encode() if isinstance(secret, str) else secret or b""


def _now() -> str:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return now.replace("+00:00", "Z")


def _line(number: int, time: str, event: Mapping[str, Any], before: str, key: bytes) -> bytes:
    """Return a line with its hash and its end."""
    entry = {"n": number, "time": time, "event": dict(event), "before": before}
    try:
        entry["hash"] = _hash(entry, key)
        line = json.dumps(entry, allow_nan=False).encode() + b"\n"
    except (TypeError, ValueError, RecursionError):
        raise OptionError(
            "an event that is no JSON", hint="tables, lists, texts, numbers"
        ) from None
    if len(line) > LONGEST_LINE:
        raise OptionError(f"an event of {len(line):,} bytes", hint=f"up to {LONGEST_LINE:,}")
    return line


def _hash(entry: Mapping[str, Any], key: bytes) -> str:
    body = {name: entry[name] for name in ("n", "time", "event", "before")}
    data = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    return hmac.new(key, data, sha256).hexdigest() if key else sha256(data).hexdigest()


def _masked(value: Any) -> Any:
    """An event with its credentials masked, wherever they stand in it."""
    if isinstance(value, str):
        return redact_secrets(value).text
    if isinstance(value, Mapping):
        return {name: _masked(each) for name, each in value.items()}
    return [_masked(each) for each in value] if isinstance(value, (list, tuple)) else value


def _append(file: IO[bytes], line: bytes) -> None:
    """Write a line to the end: all of it, or none."""
    end = file.seek(0, os.SEEK_END)
    done = 0
    try:
        while done < len(line):
            done += file.write(line[done:])
    except OSError:
        file.truncate(end)
        raise


def _is_head(line: bytes) -> bool:
    """Whether a line stands for forgotten ones."""
    return "forgotten" in json.loads(line)["event"]


def _last(file: IO[bytes], path: Path) -> tuple[str, int]:
    """Return the hash and the number of the last line; a line cut short by a crash is removed."""
    end = file.seek(0, os.SEEK_END)
    if not end:
        return START, 0
    file.seek(max(0, end - _TAIL))
    tail = file.read()
    whole = tail.rfind(b"\n") + 1
    if whole < len(tail):
        file.truncate(end - (len(tail) - whole))
        tail = tail[:whole]
    lines = tail.splitlines()
    if not lines:
        return START, 0
    try:
        entry = json.loads(lines[-1])
        return _carried(entry), int(entry["n"])
    except (ValueError, KeyError, TypeError):
        hint = "look at it with «promptkit audit verify», and move it away"
        raise StoreError(f"{path} is damaged: its last line is no event", hint=hint) from None


def _verified(lines: Iterable[bytes], key: bytes, known: str = START) -> Verification:
    before, number, count = START, 0, 0
    is_known = known == START
    for count, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            found, hashed = entry["hash"], _hash(entry, key)
            is_head = count == 1 and "forgotten" in entry["event"]
            fits = is_head or (entry["before"] == before and entry["n"] == number + 1)
        except (ValueError, KeyError, TypeError, RecursionError):
            return Verification(lines=count, last=before, error=f"line {count} is no event")
        is_whole = line == json.dumps(entry).encode() + b"\n"
        if not is_whole or not hmac.compare_digest(str(found).encode(), hashed.encode()):
            error = f"line {count} was changed, or written with another secret"
            return Verification(lines=count, last=before, error=error)
        if not fits:
            error = f"line {count} does not follow the one before it: lines are missing or moved"
            return Verification(lines=count, last=before, error=error)
        before, number = _carried(entry), entry["n"]
        is_known = is_known or before == known
    if not is_known:
        error = "the hash you kept is not in it: lines at its end are missing, or all is new"
        return Verification(lines=count, last=before, error=error)
    return Verification(lines=count, last=before)


def _time(line: bytes) -> float:
    return datetime.fromisoformat(json.loads(line)["time"]).timestamp()


def _forgotten(line: bytes) -> int:
    """How many events a line stands for, once it is gone."""
    return int(json.loads(line)["event"].get("forgotten", 1))


def _carried(entry: Mapping[str, Any]) -> str:
    """The hash that the next line gives as the one before it.

    A first line that stands for forgotten ones carries on their last hash, so that the lines that
    stay need not be touched.
    """
    return str(entry["before"] if "forgotten" in entry["event"] else entry["hash"])


def _replace(path: Path, lines: Iterable[bytes]) -> None:
    new = path.with_name(f"{path.name}.new")
    descriptor = os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
