"""A mark of a living process: a file that is locked for as long as the process that made it lives.

It also holds one number, in memory that is shared with the file. Writing it costs less than a
microsecond, and it outlives the process however that ends, `kill -9` included, because the system
keeps it. It does not outlive the system's own crash, so the file also says which run of the system
it belongs to.
"""

from __future__ import annotations

import errno
import mmap
import os
import secrets
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

_BOOT_ID: Final = "/proc/sys/kernel/random/boot_id"
_NUMBER_AT: Final = 64
_SIZE: Final = 4096

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        """Lock a file for this process; False when another one has it."""
        os.lseek(descriptor, _SIZE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        """Lock a file for this process; False when another one has it."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _this_boot() -> bytes:
    """Tell this run of the system from others; empty where that cannot be told."""
    try:
        with open(_BOOT_ID, "rb") as file:  # noqa: PTH123 -- no path of the user's
            return file.read(_NUMBER_AT).strip()
    except OSError:
        return b""


def _write_out(descriptor: int) -> None:
    """Write the whole file, and do not only make it long.

    A hole in a full disk would end the process that writes its number there.
    """
    os.lseek(descriptor, 0, os.SEEK_SET)
    data = _this_boot().ljust(_NUMBER_AT, b"\0").ljust(_SIZE, b"\0")
    if os.write(descriptor, data) < _SIZE:  # the disk had room for a part of it
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Holder:
    """A file locked by this process, and a number in it.

    Attributes:
        name: The file's name, unlike any other's.
        number: `number[0]` is the number.
    """

    def __init__(self, folder: Path) -> None:
        """Make the file, readable by its owner only.

        Raises:
            OSError: When that cannot be done.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.name = secrets.token_hex(8)
        self._path = folder / self.name
        self._file = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        try:
            _try_lock(self._file)
            _write_out(self._file)
            self._memory = mmap.mmap(self._file, _SIZE)
        except (OSError, ValueError) as error:
            os.close(self._file)
            with suppress(OSError):
                self._path.unlink()
            if isinstance(error, OSError):
                raise
            raise OSError(errno.EIO, str(error)) from None
        self._view = memoryview(self._memory)
        self.number = self._view[_NUMBER_AT : _NUMBER_AT + 8].cast("d")

    def close(self) -> None:
        """Unlock the file and remove it."""
        self.leave()
        with suppress(OSError):
            self._path.unlink()

    def leave(self) -> None:
        """Let go of the file without removing it, as a forked child must: it is the parent's."""
        with suppress(OSError, ValueError, BufferError):
            self.number.release()
            self._view.release()
            self._memory.close()
            os.close(self._file)


def is_alive(folder: Path, name: str) -> bool:
    """Tell whether the process that made the file called `name` still lives."""
    try:
        descriptor = os.open(folder / name, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _try_lock(descriptor)
    finally:
        os.close(descriptor)


def last_number(folder: Path, name: str) -> float | None:
    """Return the number that a dead process left behind; None where it cannot be trusted."""
    boot = _this_boot()
    try:
        data = (folder / name).read_bytes()
    except OSError:
        return None
    if not boot or len(data) < _SIZE or data[:_NUMBER_AT].rstrip(b"\0") != boot:
        return None
    return float(memoryview(data)[_NUMBER_AT : _NUMBER_AT + 8].cast("d")[0])


def remove(folder: Path, name: str) -> None:
    """Remove the file of a dead process."""
    with suppress(OSError):
        (folder / name).unlink()
