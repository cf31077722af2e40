"""Scanning files for credentials: notebooks, code, settings, logs, caches and ledgers.

`scan(paths)` walks folders and yields a `Leak` for each credential that `find_secrets` finds, and a
`Note` for each file that could not be looked at. A line that says «promptkit: allow-secret» is let
pass. `clear_outputs(path)` empties a notebook's outputs in place. Both stand in one file because
both must agree on where in a notebook a credential stands.
"""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import tempfile
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from promptkit.errors import StoreError
from promptkit.operations.notebook_text import Passage, passages_of, without_outputs
from promptkit.operations.stored_text import MAGIC, stored_passages
from promptkit.safety.credentials import find_secrets
from promptkit.safety.finding import Finding
from promptkit.secret import Secret, mask

PRAGMA: Final = "promptkit: allow-secret"
"""On the line of a credential that may stand there, such as a test's."""

LARGEST: Final = 64 << 20
"""Bytes of a text file that is scanned unless told otherwise."""

_PASSED_OVER: Final = frozenset(
    (
        *(".git", ".hg", ".svn", ".venv", "node_modules", "__pycache__", "site-packages"),
        *(".tox", ".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis"),
    )
)
_HEAD: Final = 8_192
"""Bytes in which a zero byte tells a binary file, as Git does."""

_PIECE: Final = 1 << 20
_OVERLAP: Final = 16_384
"""Characters that two pieces of a long text share: a private key of 8192 bits has 6,400."""

_SHORT: Final = frozenset(("password", "url_password", "curl_password", "kubernetes_secret"))
"""Kinds that people choose: four characters of them would be too much."""

_TRIES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """A credential in a file. No repr shows it.

    Attributes:
        path: The file.
        line: The line of the file, from 1; of a database, 1.
        where: Where in a notebook or a database: "cell 3, line 2"; "" in other files.
        finding: What was found; its span counts from the beginning of the passage.
        preview: What of it may be seen: at most its last four characters.
        is_output: Whether it stands in a notebook's outputs, so that `clear_outputs` removes it.
        secret: The value, masked.
    """

    path: Path
    line: int
    where: str
    finding: Finding
    preview: str
    is_output: bool = False
    secret: Secret = field(repr=False)


@dataclass(frozen=True, slots=True)
class Note:
    """Something to know about a file: that it could not be read, was too large, or is damaged.

    Attributes:
        path: The file.
        text: What about it.
        is_unread: Whether nothing of it was scanned although it was to be.
    """

    path: Path
    text: str
    is_unread: bool = False


def scan(
    paths: Iterable[str | os.PathLike[str]],
    *,
    least_confidence: float = 0.0,
    largest_bytes: int = LARGEST,
    excluded: Iterable[str] = (),
) -> Iterator[Leak | Note]:
    """Scan files, and all files in folders.

    Args:
        paths: Files and folders. Folders of Git, virtual environments, caches of tools and
            node_modules are passed over, and so are links and binary files.
        least_confidence: Findings below are left out.
        largest_bytes: Larger text files are left out, with a Note.
        excluded: Patterns of paths to pass over, such as `"tests/data/*"`.

    Raises:
        StoreError: When there is no such file or folder.
    """
    for path in files_in(paths, tuple(excluded)):
        for found in scan_file(path, largest_bytes=largest_bytes):
            if isinstance(found, Note) or found.finding.confidence >= least_confidence:
                yield found


def files_in(
    paths: Iterable[str | os.PathLike[str]], excluded: tuple[str, ...] = ()
) -> Iterator[Path]:
    """Return the files to scan, each once.

    Raises:
        StoreError: When there is no such file or folder.
    """
    seen: set[tuple[int, int]] = set()
    roots = [Path(path) for path in paths]
    for root in roots:
        if not os.path.lexists(root) or (root.is_symlink() and not root.exists()):
            raise StoreError(f"{root} does not exist", hint="name files or folders to scan")
    for root in roots:
        for path in _walk(root) if root.is_dir() else (root,):
            if any(fnmatch(path.as_posix(), pattern) for pattern in excluded):
                continue
            with suppress(OSError):  # it is said when it is read
                status = path.stat()
                identity = (status.st_dev, status.st_ino)
                if identity in seen:
                    continue
                seen.add(identity)
            yield path


def _walk(folder: Path) -> Iterator[Path]:
    for name, folders, files in os.walk(folder):  # which follows no links
        here = Path(name)
        folders[:] = sorted(
            each
            for each in folders
            if each not in _PASSED_OVER and not (here / each / "pyvenv.cfg").is_file()
        )
        for each in sorted(files):
            path = here / each
            with suppress(OSError):
                if stat.S_ISREG(path.lstat().st_mode):
                    yield path


def scan_file(path: Path, *, largest_bytes: int = LARGEST) -> Iterator[Leak | Note]:
    """Scan one file, of whatever kind."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            yield Note(path, "no ordinary file", is_unread=True)
            return
        with path.open("rb") as file:
            head = file.read(_HEAD)
            if head.startswith(MAGIC):
                yield from _scan_database(path)
                return
            if _is_binary(head):
                return
            size = os.fstat(file.fileno()).st_size
            if size > largest_bytes:
                yield Note(path, f"left out: {size:,} bytes are more than {largest_bytes:,}")
                return
            data = head + file.read()
    except OSError as error:
        yield Note(path, f"cannot be read ({error.strerror or error})", is_unread=True)
        return
    text = _decoded(data)
    if path.suffix == ".ipynb":
        try:
            pieces = [*passages_of(text)]
        except ValueError as error:
            yield Note(path, f"no notebook that can be read ({error}): scanned as text")
        else:
            yield from _leaks(path, pieces)
            return
    yield from _leaks(path, _pieces(text))


def _scan_database(path: Path) -> Iterator[Leak | Note]:
    try:
        yield from _leaks(path, stored_passages(path))
    except sqlite3.Error as error:
        yield Note(path, f"a database that cannot be read ({error})", is_unread=True)


def _is_binary(head: bytes) -> bool:
    return b"\x00" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff"))


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8", "replace")


def _pieces(text: str) -> Iterator[Passage]:
    """Cut a long text at line ends, each piece beginning a little before the last one's end."""
    start, line = 0, 1
    while True:
        end = start + _PIECE
        if end < len(text):
            end = text.rfind("\n", start + _PIECE // 2, end) + 1 or end
        yield Passage(text[start:end], line)
        if end >= len(text):
            return
        following = text.find("\n", end - _OVERLAP, end) + 1 or end - _OVERLAP
        line += text.count("\n", start, following)
        start = following


def _leaks(path: Path, passages: Iterable[Passage]) -> Iterator[Leak]:
    reported: set[tuple[int, int, str]] = set()
    for passage in passages:
        findings = find_secrets(passage.text)
        if not findings:
            continue
        starts = [0, *(found.end() for found in re.finditer("\n", passage.text))]
        for finding in findings:
            begin, end = finding.span
            row = bisect_right(starts, begin) - 1
            if PRAGMA in passage.text[starts[row] : [*starts, len(passage.text)][row + 1]]:
                continue
            value = passage.text[begin:end]
            is_many_lines = passage.is_output or (passage.where and not passage.has_lines)
            line = passage.line if is_many_lines else passage.line + row
            place = (line, begin - starts[row], passage.where + finding.kind)
            if place in reported and not passage.where:
                continue  # it stands where two pieces overlap
            reported.add(place)
            yield Leak(
                path=path,
                line=line,
                where=f"{passage.where}, line {row + 1}" if passage.has_lines else passage.where,
                finding=finding,
                preview="…" if finding.kind in _SHORT else mask(_last_line(value)),
                is_output=passage.is_output,
                secret=Secret(value),
            )


def _last_line(value: str) -> str:
    """Of a private key nothing may be seen: its last characters are those of a line of hyphens."""
    return "" if value.startswith("-----BEGIN") else value


def clear_outputs(path: Path) -> bool:
    """Empty the outputs of a notebook, and its execution counts; return whether it changed.

    The new file takes the old one's place in one step, with its permissions; every byte outside of
    the outputs stays. Where somebody else writes to it meanwhile, what they wrote is taken up.

    Raises:
        ValueError: When the file is no notebook.
        StoreError: When it cannot be written, or is written all the time.
    """
    target = path.resolve()
    for _ in range(_TRIES):
        try:
            before = target.read_bytes()
            text = before.decode("utf-8", "surrogateescape")
            after = without_outputs(text).encode("utf-8", "surrogateescape")
            if after == before:
                return False
            if _replaced(target, before, after):
                return True
        except OSError as error:
            reason = error.strerror or str(error)
            raise StoreError(
                f"{path} cannot be written ({reason})", hint="clear its outputs in Jupyter"
            ) from None
    raise StoreError(f"{path} is written by others all the time", hint="close it and run again")


def _replaced(target: Path, before: bytes, after: bytes) -> bool:
    """Put `after` in the place of `before`; False where the file holds something else by now."""
    status = target.stat()
    number, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(after)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(stat.S_IMODE(status.st_mode))
        if hasattr(os, "chown"):
            with suppress(OSError):  # only root gives files away
                os.chown(name, status.st_uid, status.st_gid)
        if target.read_bytes() != before:
            return False
        Path(name).replace(target)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()
    return True
