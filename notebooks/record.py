"""Make a lesson's recording anew, then run the lesson from it and save what it shows.

    .venv/bin/python notebooks/record.py notebooks/01_first_steps.ipynb

It is needed when the lesson's questions change, or what promptkit makes of them. The answers come
from the embedded model and may be other ones than before: read the lesson again afterwards.
With `--replay` the recording stays as it is and only the outputs are made anew.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

_CONNECT = re.compile(r'pk\.connect\(replay="([^"]+)"\)')


def record(path: Path) -> None:
    """Ask the embedded model all that the lesson asks, into a new recording."""
    lesson = nbformat.read(path, as_version=4)
    for cell in lesson.cells:
        for name in _CONNECT.findall(cell.source):
            (path.parent / name).unlink(missing_ok=True)
        asking = r'pk.connect(model="embedded", cache=None, record="\1")'
        cell.source = _CONNECT.sub(asking, cell.source)
    _run(lesson, path.parent)


def replay(path: Path) -> None:
    """Run the lesson from its recording and save its outputs."""
    lesson = nbformat.read(path, as_version=4)
    _run(lesson, path.parent)
    for cell in lesson.cells:
        cell.metadata.pop("execution", None)  # when each cell ran: changes every time
    nbformat.write(lesson, path)


def _run(lesson: nbformat.NotebookNode, folder: Path) -> None:
    place = {"metadata": {"path": str(folder)}}
    NotebookClient(lesson, timeout=600, kernel_name="python3", resources=place).execute()


def main(words: list[str]) -> None:
    """Do it for each notebook named."""
    os.environ["PROMPTKIT_DISPLAY"] = "final"
    for word in words:
        if word.startswith("-"):
            continue
        if "--replay" not in words:
            record(Path(word))
        replay(Path(word))


if __name__ == "__main__":
    main(sys.argv[1:])
