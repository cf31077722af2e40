"""What `import` costs, each time in a fresh interpreter."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable

from .children import SILENT, Client, PeerError
from .environments import PEERS, interpreter
from .measure import Column, Plan, Row, Section, say

_TIMED = "import time; a = time.process_time(); import {0}; print(time.process_time() - a)"


def _import(plan: Plan) -> Iterable[Row]:
    names = [name for name in plan.peers if PEERS[name].package]
    rows = {name: Row(name) for name in names}
    with tempfile.TemporaryDirectory() as home:
        for turn in range(2 * plan.rounds + 2):
            for name, row in rows.items():
                if row.failed:
                    continue
                spent = _timed(name, home, row)
                if spent is not None and turn > 0:  # the first one writes the bytecode
                    row.add(cpu=spent)
    for name, row in rows.items():
        try:
            with Client(name) as client:
                row.versions = client.versions()
        except PeerError as error:
            row.failed = str(error).partition("\n")[0]
        if row.values:
            say(f"  {name:<16} {row.median('cpu'):.3f} s")
        yield row


def _timed(name: str, home: str, row: Row) -> float | None:
    python = interpreter(PEERS[name])
    if python is None:
        row.failed = "no environment; run with --make-environments"
        return None
    done = subprocess.run(
        [python, "-c", _TIMED.format(PEERS[name].package)],
        capture_output=True,
        text=True,
        check=False,
        cwd=home,
        env={"PATH": os.environ["PATH"], "HOME": home, **SILENT},
    )
    lines = done.stdout.split()
    if done.returncode or not lines:
        row.failed = (done.stderr.strip().splitlines() or ["nothing was printed"])[-1]
        return None
    return float(lines[-1])


IMPORT = Section(
    title="Import",
    target="≤ 0.15 s CPU",
    text=(
        "CPU seconds of the import statement in a fresh interpreter with warm bytecode, medians. "
        "promptkit loads its heavy parts when they are first used."
    ),
    columns=(Column("cpu", "CPU s", "{:.3f}"),),
    run=_import,
)
