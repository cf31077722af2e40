"""The embedded model's honest table: several ways to ask it, on deduction of several depths.

    python -m tests.benchmarks.embedded                     goes on where it was stopped
    python -m tests.benchmarks.embedded --items 20          as many of each set
    python -m tests.benchmarks.embedded --sets demo depth-3 --ways direct selection-inference
    python -m tests.benchmarks.embedded --fresh             forgets what was measured

Each answer is kept in `embedded.json` as soon as there are four more, so a run that is stopped
loses little. The table goes into docs/embedded-model.md. Tokens are the model's own count; what was
asked before in the same run, such as how likely a sentence is without any question, is not asked
again and not counted again.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import promptkit as pk
from promptkit.answerer import EMBEDDED
from promptkit.demo.techniques import (
    Puzzle,
    ask_by_selection_inference,
    ask_by_vote,
    ask_directly,
    chain_prompt,
    load_puzzles,
)
from promptkit.primitives import answers, chain_of_thought, selection_inference
from promptkit.primitives.proofs.prompts import COMPLETED
from promptkit.result import Result
from promptkit.session import Session

from .embedded_items import make_items
from .embedded_maieutic import ask_choices_by_maieutic
from .embedded_prontoqa import PRONTO_WAYS, load_prontoqa
from .embedded_table import write_table

RESULTS: Final = Path(__file__).with_name("embedded.json")
PRONTOQA: Final = (
    Path(__file__).parents[2].parent / "shared/data/reliability/logic_lm/data/ProntoQA/dev.json.gz"
)
DEAR: Final = ("by likelihood", "beam of 2")
"""They take so many calls that they are asked about half of the items, from the first on."""

DEMO_FROM: Final = 20
"""From so many items on the demo's are all taken."""

TOO_DEAR: Final = (("depth-4", "beam of 2"), ("depth-5", "beam of 2"))
AT_ONCE: Final = 4
"""As many requests as the embedded model works on at once."""

Way = Callable[[Session, Puzzle], Awaitable[Result[Any]]]


@dataclass(slots=True)
class Row:
    """What one way made of one set.

    Attributes:
        outcomes: A letter an item, in order: r is right, w wrong, u unknown. Unknown is right
            where the sentences hold no answer.
        calls: Of all items together, as are the tokens.
    """

    set: str
    way: str
    outcomes: str = ""
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0


async def ask_by_chain(session: Session, puzzle: Puzzle) -> Result[Any]:
    """One chain of thought, greedy."""
    return await chain_of_thought(
        session,
        chain_prompt(puzzle),
        extract=answers.choice(puzzle.choices),
        instruction="",
        temperature=0,
        max_tokens=60,
        stop="\n",
    )


async def ask_by_likelihood(session: Session, puzzle: Puzzle, *, beam: int = 1) -> Result[Any]:
    """Selection-inference with the likeliest picks."""
    return await selection_inference(
        session,
        puzzle.context,
        puzzle.question,
        choices=puzzle.choices,
        max_steps=6,
        pick="likelihood",
        beam=beam,
        prompts=COMPLETED,
    )


WAYS: Final[dict[str, Way]] = {
    "direct": ask_directly,
    "chain of thought": ask_by_chain,
    "vote of 3 chains": ask_by_vote,
    "selection-inference": partial(ask_by_selection_inference, max_steps=6),
    "by likelihood": ask_by_likelihood,
    "beam of 2": partial(ask_by_likelihood, beam=2),
    "maieutic": ask_choices_by_maieutic,
}


def sets_of(items: int) -> dict[str, tuple[list[Puzzle], dict[str, Way]]]:
    """Return the sets by name, each with the ways that it is asked in."""
    sets: dict[str, tuple[list[Puzzle], dict[str, Way]]] = {
        "demo": (load_puzzles(None if items >= DEMO_FROM else items), WAYS)
    }
    for depth in range(1, 6):
        sets[f"depth-{depth}"] = (_puzzles(depth, items, absent=False), WAYS)
    sets["absent"] = (_puzzles(2, items, absent=True), WAYS)
    if PRONTOQA.is_file():
        with gzip.open(PRONTOQA) as file:
            sets["ProntoQA"] = (load_prontoqa(json.load(file), items), PRONTO_WAYS)
    else:
        print(f"ProntoQA is left out: there is no {PRONTOQA.name} beside this folder")
    return sets


def _puzzles(depth: int, items: int, *, absent: bool) -> list[Puzzle]:
    made = make_items(depth, items, absent=absent)
    return [Puzzle(i.id, i.context, i.question, i.choices, i.answer or "") for i in made]


async def measure(sets: list[str], ways: list[str], items: int, *, fresh: bool) -> list[Row]:
    """Ask what has not been asked yet; keep each few answers as they come."""
    rows = [] if fresh or not RESULTS.is_file() else load()
    async with pk.connect(model=EMBEDDED, cache="memory", ledger=False) as session:
        for name, (puzzles, known) in sets_of(items).items():
            for way, ask in known.items():
                if (sets and name not in sets) or (ways and way not in ways):
                    continue
                if (name, way) in TOO_DEAR:
                    continue
                count = min(len(puzzles), items // 2) if way in DEAR else len(puzzles)
                row = next((r for r in rows if (r.set, r.way) == (name, way)), None)
                if row is None:
                    row = Row(name, way)
                    rows.append(row)
                while (begin := len(row.outcomes)) < count:
                    end = min(begin + AT_ONCE, count)
                    await _extend(session, row, ask, puzzles[begin:end])
                    save(rows)
                print(
                    f"{name}: {way}: {row.outcomes.count('r')} of {len(row.outcomes)}", flush=True
                )
    return rows


async def _extend(session: Session, row: Row, ask: Way, puzzles: list[Puzzle]) -> None:
    step = session.using(api="completions").step(row.way)
    found = await asyncio.gather(*(ask(step, puzzle) for puzzle in puzzles))
    for result, puzzle in zip(found, puzzles, strict=True):
        is_right = (result.value or "") == puzzle.answer
        row.outcomes += "r" if is_right else "u" if result.is_unknown else "w"
    row.calls += step.usage.requests
    row.tokens_in += step.usage.input_tokens
    row.tokens_out += step.usage.output_tokens


def load() -> list[Row]:
    """Read the rows measured so far."""
    return [Row(**row) for row in json.loads(RESULTS.read_text("utf-8"))]


def save(rows: list[Row]) -> None:
    """Write the rows, so that nothing half-written is ever there."""
    text = json.dumps([asdict(row) for row in rows], indent=1) + "\n"
    beside = RESULTS.with_suffix(".new")
    beside.write_text(text, "utf-8")
    beside.replace(RESULTS)


def main() -> None:
    """Measure, print the table, write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--items", type=int, default=20, help="of each set")
    parser.add_argument("--sets", nargs="*", default=[])
    parser.add_argument("--ways", nargs="*", default=[])
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--table-only", action="store_true", help="write what was measured")
    asked = parser.parse_args()
    if asked.table_only:
        rows = load()
    else:
        rows = asyncio.run(measure(asked.sets, asked.ways, asked.items, fresh=asked.fresh))
    print(write_table([replace(row) for row in rows]))


if __name__ == "__main__":
    main()
