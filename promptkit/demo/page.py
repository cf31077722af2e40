"""The demo's HTML page: the table, and one chain of reasoning in full."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

from promptkit.primitives.proofs.proof import Proof
from promptkit.primitives.vote import Votes

if TYPE_CHECKING:
    from promptkit.demo.run import Outcome
    from promptkit.demo.techniques import Puzzle

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --bar: #2a78d6; --quiet: #8888; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
th, td { padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--line); text-align: right }
td { white-space: nowrap }
th:first-child, td:first-child { text-align: left }
.bar { position: relative; height: .9rem; background: var(--line); min-width: 12rem }
.bar i { position: absolute; inset: 0 auto 0 0; background: var(--bar) }
.bar b { position: absolute; top: 40%; height: 20%; background: currentColor }
.quiet { opacity: .7 }
.picked { font-weight: 600 }
ol { padding-left: 1.5rem } code { font-size: .95em }
"""


def write_page(path: Path, puzzles: Sequence[Puzzle], outcomes: Sequence[Outcome]) -> None:
    """Write the page, or replace it."""
    from promptkit.demo.run import prices_sentence, row, verdict

    headings = (
        "technique",
        "",
        "right",
        "95% CI",
        "unknown",
        "tokens in",
        "out",
        "cost",
        "time",
    )
    rows = "\n".join(_row(row(outcome), outcome) for outcome in outcomes)
    example = _telling_example(puzzles, outcomes)
    page = f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>promptkit demo</title><style>{_STYLE}</style>
<h1>One small model, three ways to ask</h1>
<p>{len(puzzles)} everyday deduction puzzles with four choices each, answered by SmolLM2-135M on
this machine. The bar is the share of right answers, the thin line its 95% Wilson interval.</p>
<table><tr>{"".join(f"<th>{heading}" for heading in headings)}</tr>
{rows}
</table>
<p class="quiet">{escape(prices_sentence(outcomes))}</p>
<p class="quiet">{escape(verdict(outcomes))}</p>
{_trace(puzzles[example], outcomes, example)}
</html>
"""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, "utf-8")


def _row(cells: Sequence[str], outcome: Outcome) -> str:
    low, high = outcome.interval
    bar = (
        f'<div class="bar"><i style="width:{outcome.accuracy:.1%}"></i>'
        f'<b style="left:{low:.1%};width:{high - low:.1%}"></b></div>'
    )
    texts = [escape(cell) for cell in cells]
    return "<tr>" + "".join(f"<td>{text}" for text in (texts[0], bar, *texts[1:])) + "</tr>"


def _telling_example(puzzles: Sequence[Puzzle], outcomes: Sequence[Outcome]) -> int:
    """The first puzzle that only selection-inference gets right; else the first it does."""
    *others, last = outcomes

    def value(index: int) -> tuple[bool, int]:
        right = [o.results[index].value == puzzles[index].answer for o in (*others, last)]
        return right[-1], -sum(right[:-1])

    return max(range(len(puzzles)), key=value)


def _trace(puzzle: Puzzle, outcomes: Sequence[Outcome], index: int) -> str:
    *others, last = (outcome.results[index] for outcome in outcomes)
    proof: Proof = last.evidence
    used = {label for step in proof.steps for label in step.premises}
    statements = "\n".join(
        f"<li{' class=picked' if s.label in used else ''}><code>{s.label}</code> {escape(s.text)}"
        for s in proof.statements
        if not s.premises
    )
    steps = "\n".join(
        f"<li>From {' and '.join(f'<code>{label}</code>' for label in s.premises)} follows "
        f"<code>{s.label}</code> «{escape(s.text)}»"
        for s in proof.steps
    )
    said = "\n".join(
        f"<li>{escape(outcome.technique)}: <b>{escape(str(result.value or 'no answer'))}</b>"
        f'<div class="quiet">{_evidence(result.evidence)}</div>'
        for outcome, result in zip(outcomes, others, strict=False)
    )
    return f"""<h2>One puzzle in full</h2>
<p><b>{escape(puzzle.question)}</b> The choices are {escape(", ".join(puzzle.choices))}; right is
<b>{escape(puzzle.answer)}</b>.</p>
<ul style="list-style:none;padding:0">{statements}</ul>
<h3>Selection-inference: {escape(str(last.value or "unknown"))} ({escape(proof.ending)})</h3>
<ol>{steps}</ol>
<p class="quiet">Each step picks two sentences, sees nothing else, and infers one. The answer is
read off the last of them.</p>
<h3>The others</h3>
<ul>{said}</ul>"""


def _evidence(evidence: object) -> str:
    texts = evidence.texts if isinstance(evidence, Votes) else (str(evidence),)
    return "<br>".join(f"«{escape(text.strip())}»" for text in texts)
