"""Abuse in a text, found without a network: insults, hatred, sexual language, self-harm, violence.

A logistic regression over concepts and hashed words (see `abuse_features`), trained by
`tests/training/abuse.py`; its card is `models/abuse.md`. Texts that are long are read in windows of
whole sentences, and the worst window counts: what stands in one sentence is not thinned by the
others.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from promptkit.safety.classifiers.abuse_categories import ABUSE_THRESHOLDS, CATEGORIES, LIMITS
from promptkit.safety.classifiers.abuse_features import dense, hashed, with_groups
from promptkit.safety.classifiers.abuse_words import plain, words_of
from promptkit.safety.finding import check_text

MODEL: Final = Path(__file__).parent / "models" / "abuse.npz"

_WINDOW: Final = 500
"""Characters of a window: about four sentences."""


__all__ = ["ABUSE_THRESHOLDS", "CATEGORIES", "LIMITS", "AbuseScores", "abuse_scores"]


_MANY: Final = 12
"""Windows from which on more of them change nothing."""


class AbuseScores(dict[str, float]):
    """Scores by category, with what they do not cover.

    Attributes:
        limits: What the classifier does not see, in words.
    """

    limits: str = LIMITS

    @property
    def highest(self) -> float:
        """The highest score: how likely the text is abusive at all."""
        return max(self.values(), default=0.0)

    def __repr__(self) -> str:
        """Show the scores and their limits."""
        scores = ", ".join(f"{name}: {score:.3f}" for name, score in self.items())
        return f"AbuseScores({scores}; {self.limits})"


@dataclass(frozen=True, slots=True)
class AbuseModel:
    """The weights.

    Attributes:
        dense: Of the dense features, shape (features,).
        hashed: Of the buckets, shape (2**15,).
        heads: Of the dense features for each category, shape (features, categories).
        bias: One, and one for each category.
        known: The CRC-32 of words that are common in harmless text.
        slope: Of the calibration from a logit to a probability (Platt 1999).
        offset: Likewise.
        settings: What else it was made with.
    """

    dense: NDArray[np.float32]
    hashed: NDArray[np.float32]
    heads: NDArray[np.float32]
    bias: NDArray[np.float32]
    known: frozenset[int]
    slope: float
    offset: float
    settings: dict[str, Any]

    def logits(self, text: str) -> tuple[float, NDArray[np.float32]]:
        """Return the logit of abuse at all, not calibrated, and those of the categories."""
        words = with_groups(words_of(text, self.known))
        features, buckets = dense(words), hashed(words)
        found = float(features @ self.dense) + float(self.bias[0])
        if buckets:
            found += float(self.hashed[buckets].sum()) / len(buckets) ** 0.5
        return found, features @ self.heads + self.bias[1:]

    def probability(self, logit: float) -> float:
        """Return the calibrated probability of a logit."""
        scaled = min(max(self.slope * logit + self.offset, -30.0), 30.0)
        return float(1.0 / (1.0 + np.exp(-scaled)))


def read_abuse_model(path: Path) -> AbuseModel:
    """Read the weights."""
    with np.load(path, allow_pickle=False) as file:
        settings = json.loads(str(file["about"]))
        return AbuseModel(
            file["dense"].astype(np.float32),
            file["hashed"].astype(np.float32),
            file["heads"].astype(np.float32),
            file["bias"].astype(np.float32),
            frozenset(file["known"].tolist()),
            settings["slope"],
            settings["offset"],
            settings,
        )


@lru_cache(maxsize=1)
def _model() -> AbuseModel:
    return read_abuse_model(MODEL)


_SENTENCE_END: Final = re.compile(r"(?:[.!?][\"')\]]?[ \t]+|\n+[ \t]*)")


def windows(text: str) -> list[str]:
    """Return the windows of a text: whole sentences, each window beginning with the last one's end.

    >>> len(windows("A short text.")), len(windows("A sentence of words. " * 50))
    (1, 3)
    """
    if len(text) <= _WINDOW:
        return [text]
    sentences = []
    start = 0
    for match in _SENTENCE_END.finditer(text):
        if match.end() > start:
            sentences.append(text[start : match.end()])
            start = match.end()
    sentences.append(text[start:])
    found: list[str] = []
    current = last = ""
    for sentence in sentences:
        pieces = [sentence[i : i + _WINDOW] for i in range(0, len(sentence), _WINDOW)]
        for piece in pieces:
            if current and len(current) + len(piece) > _WINDOW:
                found.append(current)
                current = last if len(last) + len(piece) <= _WINDOW else ""
            current += piece
            last = piece
    found.append(current)
    return found


def many(count: int) -> float:
    """Return by how much the worst of several windows is lowered: it is picked for being worst.

    That is Bonferroni's correction on the logit, and no more than that of `_MANY` windows: length
    alone hides nothing.

    >>> many(1), round(many(10), 2) == round(many(1000), 2)
    (0.0, False)
    """
    return float(np.log(min(count, _MANY)))


def abuse_scores(text: str) -> AbuseScores:
    """Return how likely a text is abusive, by category, as a small embedded classifier sees it.

    Illicit requests and slur-free hate are not covered offline: open hatred of a group is often
    found, implied hatred is not. English only. Masked, stretched and spelt-out words are read
    (f*ck, sh1t, s t u p i d). It is one signal, never the only defence: the hosted endpoint and a
    judge see more, see `moderate`.

    The highest score is how likely the text is abusive at all; the other categories have theirs in
    proportion to how well they fit it, so that all are on one scale. `ABUSE_THRESHOLDS` says from
    where on a category counts, and the model's card how often it is wrong there.

    Args:
        text: Any text.

    Returns:
        A dictionary of scores from 0 to 1 by category, named as OpenAI's moderation endpoint names
        them; its `limits` says what is not covered.

    Raises:
        TypeError: For anything but a str.

    >>> scores = abuse_scores("You are a stupid f*cking idiot.")
    >>> max(scores, key=scores.get), scores["harassment"] > ABUSE_THRESHOLDS["harassment"]
    ('harassment', True)
    >>> abuse_scores("How do I kill a zombie process?").highest < 0.5
    True
    """
    model = _model()
    judged = [model.logits(window) for window in windows(plain(check_text(text)))]
    best, heads = max(judged, key=lambda pair: pair[0])
    shares = np.exp(heads - heads.max())
    likely = model.probability(best - many(len(judged)))
    return AbuseScores(
        {name: likely * float(share) for name, share in zip(CATEGORIES, shares, strict=True)}
    )
