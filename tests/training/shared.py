"""What the training scripts share: reading, duplicates, folds, features, calibration, digests.

The rules that keep the figures honest:

* rows are made unique (case-folded first 200 characters) before anything is split;
* folds are grouped by clusters of near-duplicates, so that a row is never scored by a model that
  was trained on its twin;
* a set whose rows go into the weights is reported out of fold; any other by the shipped model.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

DATA: Final = Path(__file__).resolve().parents[3] / "shared" / "data"
SAFETY: Final = DATA / "safety"
RELIABILITY: Final = DATA / "reliability"
OWN: Final = Path(__file__).resolve().parent
ABSENT: Final = f"the data to train on is not at {DATA.parent.name}/{DATA.name} beside the project"

Item = TypeVar("Item")
_WORDS: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Example:
    """A text, what it is, and where it comes from.

    Attributes:
        text: As it stands in the set.
        label: 1 for what is to be found, 0 for what is to be left alone.
        source: Name of the set.
    """

    text: str
    label: int
    source: str


def is_present() -> bool:
    """Whether the data stands beside the project."""
    return SAFETY.is_dir()


def opened(path: Path) -> str:
    """Return the text of a file, gzipped or not; the name may leave out «.gz»."""
    if not path.exists():
        path = path.with_name(path.name + ".gz")
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes()).decode("utf-8")
    return path.read_text("utf-8")


def json_of(path: Path) -> Any:
    """Return what a JSON file holds."""
    return json.loads(opened(path))


def json_lines(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a JSON-lines file."""
    return [json.loads(line) for line in opened(path).splitlines() if line.strip()]


def csv_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file with a head line."""
    csv.field_size_limit(10_000_000)
    return list(csv.DictReader(opened(path).splitlines(keepends=True)))


def lines_of(path: Path) -> list[str]:
    """Return the lines of a text of our own that are not empty and do not begin with «# »."""
    return [
        line.strip()
        for line in opened(path).splitlines()
        if line.strip() and not line.startswith("# ")
    ]


def key(text: str) -> str:
    """Return what two texts are compared by: the case-folded first 200 characters.

    >>> key("Hello  World") == key("hello world ")
    True
    """
    return " ".join(text.casefold().split())[:200]


def unique(examples: Iterable[Example]) -> list[Example]:
    """Return the examples without later ones of the same key."""
    kept: dict[str, Example] = {}
    for example in examples:
        kept.setdefault(key(example.text), example)
    return list(kept.values())


def without(examples: Iterable[Example], others: Iterable[Example]) -> list[Example]:
    """Return the examples whose key none of the others has."""
    taken = {key(other.text) for other in others}
    return [example for example in examples if key(example.text) not in taken]


def _shingles(text: str, words: int = 4, most: int = 400) -> set[int]:
    found = _WORDS.findall(text.casefold())[:most]
    runs = [" ".join(found[i : i + words]) for i in range(max(1, len(found) - words + 1))]
    return {
        int.from_bytes(hashlib.blake2b(run.encode("utf-8", "replace"), digest_size=8).digest())
        for run in runs
    }


def clusters(texts: Sequence[str], *, share: float = 0.3, most_common: int = 60) -> list[int]:
    """Return for each text the number of its cluster of near-duplicates.

    Two texts are near-duplicates where at least `share` of the runs of four words of the shorter
    one stand in the other (containment of w-shingles, Broder 1997); clusters are the connected
    parts. A run that stands in more than `most_common` texts links only neighbours in order, which
    keeps the work linear.
    """
    shingles = [_shingles(text) for text in texts]
    where: dict[int, list[int]] = {}
    for index, own in enumerate(shingles):
        for run in own:
            where.setdefault(run, []).append(index)
    parent = list(range(len(texts)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    common: dict[tuple[int, int], int] = {}
    for places in where.values():
        if len(places) > most_common:
            pairs: Iterator[tuple[int, int]] = pairwise(places)
        else:
            pairs = ((a, b) for i, a in enumerate(places) for b in places[i + 1 :])
        for pair in pairs:
            common[pair] = common.get(pair, 0) + 1
    for (a, b), count in common.items():
        if count >= share * min(len(shingles[a]), len(shingles[b])):
            parent[root(a)] = root(b)
    return [root(index) for index in range(len(texts))]


def folds(groups: Sequence[Hashable], count: int = 5) -> NDArray[np.int64]:
    """Return each row's fold: whole groups, the largest first to the emptiest fold."""
    sizes: dict[Hashable, int] = {}
    for group in groups:
        sizes[group] = sizes.get(group, 0) + 1
    filled = [0] * count
    home: dict[Hashable, int] = {}
    order = sorted(
        sizes, key=lambda group: (-sizes[group], hashlib.sha256(repr(group).encode()).hexdigest())
    )
    for group in order:
        home[group] = filled.index(min(filled))
        filled[home[group]] += sizes[group]
    return np.array([home[group] for group in groups])


def out_of_fold(
    fold: NDArray[np.int64],
    fit_and_score: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[Any]],
) -> NDArray[Any]:
    """Return the scores of all rows, each by a model that saw no row of its fold.

    Args:
        fold: Each row's fold.
        fit_and_score: Takes the row numbers to train on and those to score; returns the scores of
            the latter, shape (rows,) or (rows, classes).
    """
    scores: NDArray[Any] | None = None
    for number in sorted(set(fold.tolist())):
        inside = np.flatnonzero(fold == number)
        part = np.asarray(fit_and_score(np.flatnonzero(fold != number), inside))
        if scores is None:
            scores = np.zeros((len(fold), *part.shape[1:]))
        scores[inside] = part
    assert scores is not None
    return scores


def platt(
    logits: NDArray[Any], labels: NDArray[Any], weights: NDArray[Any] | None = None
) -> tuple[float, float]:
    """Return slope and offset that make logits of unseen rows probabilities (Platt 1999).

    The targets are drawn in by his prior correction, and the fit is by Newton steps, so that it
    is the same everywhere. Weights state the mix for which the probability is to hold.
    """
    x = np.asarray(logits, float)
    y = np.asarray(labels, float)
    w = np.ones(len(x)) if weights is None else np.asarray(weights, float)
    positive, negative = float((w * y).sum()), float((w * (1 - y)).sum())
    target = np.where(y > 0, (positive + 1) / (positive + 2), 1 / (negative + 2))
    columns = np.stack([x, np.ones(len(x))], axis=1)
    found = np.array([1.0, np.log((positive + 1) / (negative + 1))])
    for _ in range(100):
        p = 1 / (1 + np.exp(-np.clip(columns @ found, -30, 30)))
        gradient = columns.T @ (w * (p - target))
        hessian = (columns.T * (w * p * (1 - p))) @ columns + 1e-9 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        size = float(np.abs(step).max())
        found = found - (step if size <= 1 else step / size)
        if size < 1e-9:
            break
    return float(found[0]), float(found[1])


def threshold_for(benign: NDArray[Any], share: float) -> float:
    """Return the least threshold above which at most `share` of the benign scores lie."""
    ordered = np.sort(np.asarray(benign, float))[::-1]
    allowed = int(np.floor(share * len(ordered)))
    return float(np.nextafter(ordered[allowed], np.inf)) if len(ordered) else 0.5


def auroc(labels: Sequence[Any] | NDArray[Any], scores: Sequence[Any] | NDArray[Any]) -> float:
    """Return the area under the ROC curve: the chance that a positive outscores a negative.

    >>> auroc([0, 1, 1], [0.1, 0.9, 0.1])
    0.75
    """
    from scipy.stats import rankdata

    labels = np.asarray(labels)
    ranks = rankdata(np.asarray(scores, float))
    positive = int((labels == 1).sum())
    negative = len(labels) - positive
    rank_sum = float(ranks[labels == 1].sum())
    return (rank_sum - positive * (positive + 1) / 2) / (positive * negative)


def auroc_interval(
    labels: Sequence[Any] | NDArray[Any],
    scores: Sequence[Any] | NDArray[Any],
    *,
    draws: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the 95 % interval of `auroc` by the bootstrap, drawn within each class."""
    labels, scores = np.asarray(labels), np.asarray(scores, float)
    random = np.random.default_rng(seed)
    positive, negative = np.flatnonzero(labels == 1), np.flatnonzero(labels != 1)
    found = []
    for _ in range(draws):
        drawn = np.concatenate(
            [random.choice(positive, len(positive)), random.choice(negative, len(negative))]
        )
        found.append(auroc(labels[drawn], scores[drawn]))
    return float(np.quantile(found, 0.025)), float(np.quantile(found, 0.975))


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, as its model card states it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def content_digest(path: Path) -> str:
    """Return the SHA-256 of the arrays of an npz, which does not hang on how they are packed."""
    found = hashlib.sha256()
    with np.load(path, allow_pickle=False) as file:
        for name in sorted(file.files):
            array = file[name]
            found.update(f"{name} {array.dtype} {array.shape}\n".encode())
            found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()
