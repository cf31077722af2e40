"""What `abuse_scores` reaches: out of fold on sets it was trained on, as shipped on others.

The out-of-fold figures, and those of models that were trained without a whole set, are what
`python -m tests.training.abuse` wrote when it made the shipped model. The others are measured here.
"""

from __future__ import annotations

import json
from typing import Any, Final

import numpy as np

from promptkit.adapters.intervals import wilson
from promptkit.safety.abuse import ABUSE_THRESHOLDS, MODEL, abuse_scores
from tests.safety_report.row import Row
from tests.training.abuse import FIGURES
from tests.training.abuse_rows import test_only
from tests.training.shared import auroc, auroc_interval, content_digest

_GOALS: Final = {
    "surge, not trained on": 0.87,
    "hatecheck, not trained on": 0.87,
}
_TRAINED: Final = {
    "surge": "all rows",
    "hatecheck": "all rows here but target_indiv_nh and target_group_nh",
    "xstest": "all rows here but those about drugs, theft, privacy and history",
    "awesome": "all rows here",
    "cyberseceval": "all rows here",
}
_MOST: Final = 0.02


def _row(what: str, data: str, figure: dict[str, Any], *, at_least: float | None = None) -> Row:
    name = data.split(",", maxsplit=1)[0]
    goal, reached = "", None
    if at_least is not None:
        goal, reached = f"≥ {at_least:.2f}", figure["value"] >= at_least
    elif what == "false positives":
        goal, reached = f"≤ {_MOST:.0%}", figure["value"] <= _MOST
    return Row(
        check="abuse_scores",
        what=what,
        data=data,
        value=figure["value"],
        low=figure["low"],
        high=figure["high"],
        count=figure["count"],
        goal=goal,
        is_reached=reached,
        trained=_tuned(name) if "not trained on" in data else _TRAINED.get(name, ""),
    )


def _tuned(name: str) -> str:
    """Say of a set that no row of it was fitted to, but that choices were made by it."""
    is_tuned = f"{name}, not trained on" in _GOALS
    return "no rows; lexicon, own text and penalties were chosen by this figure" if is_tuned else ""


def _share(what: str, data: str, flags: Any) -> Row:
    low, high = wilson(int(flags.sum()), len(flags))
    figure = {"value": float(flags.mean()), "low": low, "high": high, "count": len(flags)}
    return _row(what, data, figure)


def rows() -> list[Row]:
    """Return the figures."""
    figures = json.loads(FIGURES.read_text("utf-8"))
    if figures["digest"] != content_digest(MODEL):
        raise SystemExit("abuse.npz is not what the figures are of: python -m tests.training.abuse")
    found = [
        _row("AUROC of the highest score", data, figure, at_least=_GOALS.get(data))
        for data, figure in figures["auroc"].items()
        if not data.startswith("do-not-answer")
    ]
    for what in ("false_positives", "recall"):
        found += [
            _row(what.replace("_", " "), data, figure)
            for data, figure in figures[what].items()
            if "not trained on" not in data
        ]
    return found + _as_shipped()


def _as_shipped() -> list[Row]:
    """Measure the sets that were never trained on, through the public name."""
    examples = test_only()
    scores = [abuse_scores(row.text) for row in examples]
    flags = np.array(
        [any(score >= ABUSE_THRESHOLDS[name] for name, score in each.items()) for each in scores]
    )
    harmful = np.array([row.label == 1 for row in examples])
    highest = np.array([each.highest for each in scores])
    low, high = auroc_interval(harmful.astype(int), highest)
    area = {"value": auroc(harmful.astype(int), highest), "low": low, "high": high}
    against = "do-not-answer (illicit requests) against piguard wildguard, not trained on"
    return [
        _share("false positives", "piguard wildguard benign, not trained on", flags[~harmful]),
        _share("recall", "do-not-answer (illicit requests), not trained on", flags[harmful]),
        _row("AUROC of the highest score", against, area | {"count": len(examples)}),
    ]
