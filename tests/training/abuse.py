"""Makes the model behind `abuse_scores`: python -m tests.training.abuse.

A logistic regression over the features of `promptkit/safety/classifiers/abuse_features.py`.
The penalty draws each dense weight towards what its concept's name says («insult» speaks for abuse,
a word of help against it) instead of towards 0: a few thousand rows of some authors do not decide
what an insult is. The kinds of abuse are told apart by a second, softmax regression among abusive
rows. Deterministic; a few minutes on one core. Needs scipy.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, hstack

from promptkit.adapters.intervals import wilson
from promptkit.safety.abuse import CATEGORIES, MODEL, AbuseModel, many, windows
from promptkit.safety.classifiers.abuse_features import (
    ATTACKS,
    BITS,
    dense,
    dense_names,
    hashed,
    with_groups,
)
from promptkit.safety.classifiers.abuse_words import plain, words_of
from tests.training import abuse_rows as sets
from tests.training.abuse_card import card
from tests.training.abuse_rows import WEIGHTS, Row, is_trained_on, known_words
from tests.training.shared import (
    ABSENT,
    OWN,
    auroc,
    auroc_interval,
    content_digest,
    folds,
    is_present,
    platt,
    threshold_for,
)

FIGURES: Final = OWN / "abuse_figures.json"
CARD: Final = MODEL.with_suffix(".md")

TOWARDS: Final = 80.0
"""Penalty that draws dense weights to their beginnings."""

STRENGTH: Final = 1.5
"""Inverse of the ridge penalty of hashed weights."""

ALLOWED: Final = 0.01
"""Share of benign prompts of any set that may be flagged out of fold: half of what is promised."""

HARMLESS: Final = ("awesome", "xstest", "cyberseceval", "surge")
"""Sets whose harmless rows the threshold is chosen on."""

_ALONE: Final = {
    "SLUR": 3.0, "STRONGINSULT": 3.0, "INSULT": 2.0, "PROF": 0.9, "DISGUST": 1.2, "STUPID": 1.8,
    "POLSLUR": 2.5, "HATE": 0.9, "KILL": 0.6,
    "KILLED": 0.2, "KILLYOURSELF": 4.0, "INFERIOR": 1.3, "DEHUM": 1.2,
    "CRIME": 1.4, "SEXACT": 1.8, "SEXPART": 1.5, "SEXMILD": 0.8, "POLITIC": 0.3, "MASKED": 0.5,
    "CAPITALS": 0.3, "THREAT": 1.8, "NICE": -0.8, "LIKE": -0.6, "DIE": 0.4, "EXCLUDE": 0.7,
    "HURT": 0.5, "IMMORAL": 2.0, "SELFHARM": 1.8, "YOU": 0.1, "QUESTION": -0.1, "DESPAIR": 0.4,
    "IDIOM": -0.7, "SEXHEALTH": -0.5, "HELP": -0.5, "INFORM": -0.3, "COMPUTE": -0.5, "GAME": -0.4,
    "THING": -0.5, "GROUP": 0.2, "GROUP1": 0.1, "CONDEMN": -0.2, "GORE": 0.5, "WEAPON": 0.2,
    "I": -0.1, "SHOULD": 0.2, "MENTION": 0.1,
}  # fmt: skip
"""Where the weight of a concept begins."""

_AT: Final = {
    "group": (1.0, 1.5, 0.6, 1.2, 1.0, 1.5, 0.5, 1.0, 0.0, 0.0, -0.3, 1.2, 2.2, 0.5),
    "you": (1.0, 0.8, 0.6, 0.8, 0.7, 0.4, 0.5, 0.3, 0.5, 0.0, 0.0, 0.3, 0.8, 0.3),
    "they": (0.5, 0.4, 0.4, 0.6, 0.4, 0.3, 0.2, 0.2, 0.0, 0.0, 0.0, 0.2, 0.5, 0.1),
    "person": (0.3, 0.3, 0.3, 0.8, 0.3, 0.2, 0.2, 0.1, 0.0, 0.0, 0.0, 0.0, 0.3, 0.1),
    "camp": (0.8, 0.8, 0.6, 0.8, 0.6, 0.4, 0.0, 0.6, 0.0, 0.0, 0.0, 0.0, 0.6, 0.2),
    "self": (-0.7, -0.4, -0.2, 0.0, 0.0, -0.2, 0.3, -0.3, 0.8, 0.0, 0.0, 0.0, -0.2, -0.2),
    "thing": (-0.3, -0.7, -0.7, -1.0, -0.7, 0.0, -0.3, -0.3, -0.3, 0.0, 0.0, -0.3, -1.0, -0.8),
    "minor": (0.0, 0.0, 0.0, 0.2, 0.0, 0.0, 2.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    "quoted group": (
        -1.3,
        -1.2,
        -1.8,
        -1.3,
        -1.5,
        -1.0,
        -1.5,
        -1.2,
        -1.5,
        -1.5,
        -2.0,
        -1.2,
        -0.7,
        -1.3,
    ),
}
"""Where the weight of an attack (in the order of `ATTACKS`) at a target begins."""

_TURNED: Final = {
    "said": (-0.4,) * 9,
    "condemned": (-0.8, -0.8, -0.8, -0.8, -0.8, -0.8, -0.3, -0.2, -0.3),
    "help": (-0.3, -0.3, -0.3, -0.6, -0.6, -0.3, -0.9, -0.2, -0.6),
    "question": (-0.2, -0.2, -0.2, -0.3, -0.3, -0.2, -0.2, -0.2, -0.2),
    "wish": (0.0, 0.0, 0.0, 0.5, 0.5, 0.5, 0.2, 0.0, 0.2, 0.0, 0.0, 0.0, 0.0, 1.0),
    "kind": (-0.3, -0.4, -0.4, -0.4, -0.4, -0.3, 0.0, -0.4, -0.4),
    "idiom": (-0.3,) * 9,
    "every": (0.3, 0.3, 0.2, 0.1, 0.1, 0.2, 0.0, 0.0, 0.0),
}
"""Where the weight of an attack that stands near what turns it begins."""

_BIAS: Final = -2.2


def beginnings() -> NDArray[np.float64]:
    """Return where the dense weights begin."""
    names = {name: place for place, name in enumerate(dense_names())}
    found = np.zeros(len(names))
    for name, value in _ALONE.items():
        found[names[name]] = value
    for target, values in _AT.items():
        for attack, value in zip(ATTACKS, values, strict=True):
            found[names[f"{target} {attack}"]] = value
    for turn, values in _TURNED.items():
        for attack, value in zip(ATTACKS, values, strict=False):
            found[names[f"{attack} {turn}"]] = value
    return found


@dataclass(frozen=True, slots=True)
class Features:
    """Dense and hashed features of texts, as one sparse matrix; the dense ones come first."""

    rows: csr_matrix

    def __getitem__(self, places: Any) -> Features:
        """Return some of the texts."""
        return Features(self.rows[places])

    @property
    def dense(self) -> csr_matrix:
        """The dense features alone."""
        return self.rows[:, : len(dense_names())]


def features(texts: Sequence[str], known: frozenset[int]) -> Features:
    """Return the features of texts as the classifier sees them."""
    columns: list[int] = []
    values: list[float] = []
    ends, solid = [0], []
    for text in texts:
        words = with_groups(words_of(plain(text), known))
        solid.append(dense(words))
        found = hashed(words)
        columns += found
        values += [len(found) ** -0.5] * len(found)
        ends.append(len(columns))
    sparse = csr_matrix((values, columns, ends), shape=(len(texts), 2**BITS))
    return Features(csr_matrix(hstack([csr_matrix(np.array(solid, np.float64)), sparse])))


@dataclass(frozen=True, slots=True)
class Fit:
    """Weights of all features, then the bias."""

    weights: NDArray[np.float64]

    def __call__(self, found: Features) -> NDArray[np.float64]:
        """Return logits."""
        logits: NDArray[np.float64] = found.rows @ self.weights[:-1] + self.weights[-1]
        return logits


def fit(found: Features, labels: NDArray[Any], weights: NDArray[Any], *, most: int = 120) -> Fit:
    """Fit whether a text is abusive, by L-BFGS."""
    solid = len(dense_names())
    start = np.zeros(found.rows.shape[1] + 1)
    start[:solid] = beginnings()
    start[-1] = _BIAS
    penalty = np.full(len(start), 1 / STRENGTH)
    penalty[:solid] = TOWARDS
    penalty[-1] = 0.0
    matrix, turned = found.rows, csr_matrix(found.rows.T)
    signs = 2.0 * labels - 1.0

    def loss(at: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        margins = signs * (matrix @ at[:-1] + at[-1])
        away = at - start
        value = (weights * np.logaddexp(0, -margins)).sum() + 0.5 * (penalty * away * away).sum()
        slopes = -weights * signs / (1 + np.exp(np.clip(margins, -30, 30)))
        return float(value), np.append(turned @ slopes, slopes.sum()) + penalty * away

    return Fit(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": most}).x)


def fit_heads(found: Features, rows: Sequence[Row]) -> NDArray[np.float64]:
    """Fit which kind of abuse a text is, by a softmax; shape (dense features + 1, kinds)."""
    places = [i for i, row in enumerate(rows) if row.category and is_trained_on(row)]
    matrix = found.dense[places]
    kinds = np.array([CATEGORIES.index(rows[i].category) for i in places])
    truth = np.eye(len(CATEGORIES))[kinds]
    weights = (len(kinds) / len(CATEGORIES) / truth.sum(0))[kinds]
    shape = (matrix.shape[1] + 1, len(CATEGORIES))

    def loss(at: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        table = at.reshape(shape)
        logits = matrix @ table[:-1] + table[-1]
        logits -= logits.max(1, keepdims=True)
        shares = np.exp(logits)
        shares /= shares.sum(1, keepdims=True)
        value = -(weights * np.log((shares * truth).sum(1) + 1e-12)).sum()
        slopes = weights[:, None] * (shares - truth)
        grown = np.vstack([matrix.T @ slopes, slopes.sum(0)])
        return float(value + 0.5 * (at @ at)), (grown + table).ravel()

    start = np.zeros(shape).ravel()
    found_at = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 120}).x
    heads: NDArray[np.float64] = found_at.reshape(shape)
    return heads


def weights_of(rows: Sequence[Row]) -> NDArray[np.float64]:
    """Return each row's weight: its share of what its set counts; 0 where it teaches nothing."""
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.source] = counts.get(row.source, 0) + is_trained_on(row)
    return np.array([WEIGHTS[row.source] / counts[row.source] * is_trained_on(row) for row in rows])


def model_of(fitted: Fit, heads: NDArray[Any], known: Sequence[int], **settings: Any) -> AbuseModel:
    """Return weights as the package keeps them."""
    solid = len(dense_names())
    return AbuseModel(
        fitted.weights[:solid].astype(np.float32),
        fitted.weights[solid:-1].astype(np.float16).astype(np.float32),
        heads[:-1].astype(np.float32),
        np.append(fitted.weights[-1], heads[-1]).astype(np.float32),
        frozenset(known),
        settings["slope"],
        settings["offset"],
        settings,
    )


def save(model: AbuseModel) -> None:
    """Write the weights."""
    np.savez_compressed(
        MODEL,
        dense=model.dense,
        hashed=model.hashed.astype(np.float16),
        heads=model.heads,
        bias=model.bias,
        known=np.array(sorted(model.known), np.uint32),
        about=np.array(json.dumps(model.settings, sort_keys=True)),
    )


def worst(fitted: Fit, texts: Sequence[str], known: frozenset[int]) -> NDArray[np.float64]:
    """Return the logit of each text's worst window, as the package scores it."""
    parts = [windows(plain(text)) for text in texts]
    logits = fitted(features([part for each in parts for part in each], known))
    ends = np.cumsum([len(each) for each in parts])
    return np.array([each.max() - many(len(each)) for each in np.split(logits, ends[:-1])])


def _figure(labels: NDArray[Any], scores: NDArray[Any]) -> dict[str, Any]:
    low, high = auroc_interval(labels, scores)
    return {"value": auroc(labels, scores), "low": low, "high": high, "count": len(labels)}


def _share(flags: NDArray[Any]) -> dict[str, Any]:
    low, high = wilson(int(flags.sum()), len(flags))
    return {"value": float(flags.mean()), "low": low, "high": high, "count": len(flags)}


@dataclass(frozen=True, slots=True)
class Material:
    """The rows with all that is worked out of them once."""

    rows: list[Row]
    texts: list[str]
    labels: NDArray[np.float64]
    source: NDArray[Any]
    weights: NDArray[np.float64]
    known: list[int]
    found: Features

    @classmethod
    def of(cls, rows: list[Row]) -> Material:
        """Work it out."""
        texts = [row.text for row in rows]
        known = known_words(rows)
        return cls(
            rows,
            texts,
            np.array([row.label for row in rows], float),
            np.array([row.source for row in rows]),
            weights_of(rows),
            known,
            features(texts, frozenset(known)),
        )

    def fit(self, places: NDArray[Any] | slice = slice(None)) -> Fit:
        """Fit on some of the rows."""
        return fit(self.found[places], self.labels[places], self.weights[places])

    def of_source(self, name: str, label: int | None = None) -> NDArray[Any]:
        """Return the places of a set's rows."""
        chosen = self.source == name
        return np.flatnonzero(chosen if label is None else chosen & (self.labels == label))


def out_of_fold(material: Material) -> NDArray[np.float64]:
    """Return the logits of all rows by models that saw no near-duplicate of theirs."""
    scores = np.zeros(len(material.rows))
    fold = folds([row.group for row in material.rows])
    book = frozenset(material.known)
    for number in sorted(set(fold.tolist())):
        inside = np.flatnonzero(fold == number)
        fitted = material.fit(np.flatnonzero(fold != number))
        scores[inside] = worst(fitted, [material.texts[i] for i in inside], book)
    return scores


def without(material: Material, name: str) -> dict[str, Any]:
    """Return the AUROC on a set by a model, and a list of known words, that saw none of it."""
    less = Material.of([row for row in material.rows if row.source != name])
    here = material.of_source(name)
    scores = worst(less.fit(), [material.texts[i] for i in here], frozenset(less.known))
    return _figure(material.labels[here], scores)


def train() -> dict[str, Any]:
    """Train, measure, write the model, the figures and the card; return the figures."""
    material = Material.of(sets.training_rows())
    scores = out_of_fold(material)
    labels, weights = material.labels, material.weights
    used = weights > 0
    slope, offset = platt(scores[used], labels[used], weights[used])
    harmless = {name: scores[material.of_source(name, 0)] for name in HARMLESS}
    cut = max(threshold_for(each, ALLOWED) for each in harmless.values())
    fitted = material.fit()

    figures: dict[str, Any] = {
        "allowed": ALLOWED,
        "threshold_logit": cut,
        "probability_at_threshold": 1 / (1 + float(np.exp(-(slope * cut + offset)))),
        "rows": {name: int((used & (material.source == name)).sum()) for name in WEIGHTS},
        "false_positives": {
            f"{name}, out of fold": _share(each >= cut) for name, each in harmless.items()
        },
        "recall": {
            f"{name}, out of fold": _share(scores[material.of_source(name, 1)] >= cut)
            for name in ("surge", "hatecheck", "xstest")
        },
        "auroc": {
            f"{name}, out of fold": _figure(
                labels[material.of_source(name)], scores[material.of_source(name)]
            )
            for name in ("surge", "hatecheck", "xstest")
        }
        | {f"{name}, not trained on": without(material, name) for name in ("surge", "hatecheck")},
    }
    _test(figures, fitted, frozenset(material.known), cut)
    # The probability at the cut becomes 0.5: one threshold that is easily remembered.
    heads = fit_heads(material.found, material.rows)
    save(model_of(fitted, heads, material.known, slope=slope, offset=-slope * cut))
    figures["digest"] = content_digest(MODEL)
    figures["bytes"] = MODEL.stat().st_size
    FIGURES.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n", "utf-8")
    CARD.write_text(card(figures), "utf-8")
    return figures


def _test(figures: dict[str, Any], fitted: Fit, known: frozenset[int], cut: float) -> None:
    """Add the figures of the sets that are never trained on."""
    rows = sets.test_only()
    source = np.array([row.source for row in rows])
    scores = worst(fitted, [row.text for row in rows], known)
    harmful = source == "do-not-answer"
    name = "do-not-answer against piguard wildguard, not trained on"
    figures["auroc"][name] = _figure(harmful.astype(float), scores)
    figures["recall"]["do-not-answer, not trained on"] = _share(scores[harmful] >= cut)
    figures["false_positives"]["piguard wildguard, not trained on"] = _share(
        scores[~harmful] >= cut
    )


if __name__ == "__main__":
    if not is_present():
        raise SystemExit(ABSENT)
    for name, each in train().items():
        print(name, json.dumps(each, indent=1, sort_keys=True))
