"""Instructions hidden in what a model is only to read: mails, tables, tool results, web pages.

A linear classifier looks at each sentence of an untrusted text by itself (`sentences`,
`sentence_features`), because an attack drowns in a long text and stands out in a sentence. What it
was trained on, how often it is wrong and what it does not see is told in `models/untrusted.md`.

This is never the only defence: set untrusted text apart from instructions, and let no tool do on
its word what cannot be undone.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from promptkit.safety.classifiers.sentence_features import features
from promptkit.safety.finding import Finding, check_text
from promptkit.safety.sentences import Span, clauses, runs, segments, tails

UNTRUSTED_THRESHOLD: Final = 0.72
"""Findings of at least this score are to be acted on: 4 % of a mix of ordinary documents reach it
out of fold, half of them of templates of our own that were held out."""

FLOOR: Final = 0.001
"""Segments below this score are not reported: a page of ordinary text has hundreds."""

WITHIN: Final = 1.0
"""By how much the logit of a clause, or of a run of short lines, must be better than a sentence's:
they are read out of their context."""

GLUED: Final = 0.3
"""The same for what is glued to the end of a segment: ordinary ones of these were trained on."""

MODEL_FILE: Final = Path(__file__).parent / "models" / "untrusted.npz"
_DEEPEST: Final = 2
"""How many encodings within each other are undone."""

_ENCODED: Final = re.compile(
    r"(?P<base64>(?:[A-Za-z0-9+/]{64}(?:[A-Za-z0-9+/]{12})?\r?\n)*[A-Za-z0-9+/_-]{24,}={0,2})"
    r"|(?P<hex>(?:\\x[0-9A-Fa-f]{2}){12,})"
    r"|(?P<unicode>(?:\\u[0-9A-Fa-f]{4}){8,})"
    r"|(?P<entities>(?:&#[xX]?[0-9A-Fa-f]{1,6};){8,})"
    r"|(?P<percent>%[0-9A-Fa-f]{2}(?:%[0-9A-Fa-f]{2}|[\w.~-]){16,})"
)
_URL_SAFE: Final = str.maketrans("-_", "+/")
_HEX: Final = re.compile(r"[0-9A-Fa-f]+")
_TOGETHER: Final = 16_384
"""Characters that are worked on at once: what a processor's cache holds."""


@dataclass(frozen=True, slots=True)
class SentenceModel:
    """A logistic regression over the features of a segment.

    Attributes:
        weights: Shape (2**BITS,): of the hashed features.
        dense: Shape (DENSE,): of the counts and shares.
        bias: Added to each logit.
        about: Calibration and how the model was made.
    """

    weights: NDArray[np.float32]
    dense: NDArray[np.float32]
    bias: float
    about: dict[str, Any]

    def logits(self, text: str, spans: Sequence[Span]) -> NDArray[np.float64]:
        """Return the logit of each segment of a text."""
        found = [np.zeros(0)]
        for part in _parts(spans):
            start, end = part[0][0], part[-1][1]
            seen = features(text[start:end], [(a - start, b - start) for a, b in part])
            sums = np.bincount(seen.owners, self.weights[seen.buckets], minlength=len(part))
            found.append(sums / np.sqrt(seen.words) + seen.dense @ self.dense + self.bias)
        return np.concatenate(found)

    def save(self, path: Path) -> None:
        """Write the model as npz, its weights in half precision."""
        np.savez_compressed(
            path,
            weights=self.weights.astype(np.float16),
            dense=self.dense,
            bias=np.float32(self.bias),
            about=np.array(json.dumps(self.about)),
        )


def read_sentence_model(path: Path) -> SentenceModel:
    """Read what `save` wrote."""
    with np.load(path, allow_pickle=False) as file:
        return SentenceModel(
            file["weights"].astype(np.float32),
            file["dense"],
            float(file["bias"]),
            json.loads(str(file["about"])),
        )


def _parts(spans: Sequence[Span]) -> Iterator[Sequence[Span]]:
    """Divide segments into runs that are worked on at once."""
    first = 0
    for number, (_, end) in enumerate(spans):
        if end - spans[first][0] > _TOGETHER and number > first:
            yield spans[first:number]
            first = number
    if spans:
        yield spans[first:]


@lru_cache(maxsize=1)
def shipped_model() -> SentenceModel:
    """Return the model that comes with the package; read at the first use."""
    return read_sentence_model(MODEL_FILE)


def scan_untrusted(text: str) -> list[Finding]:
    """Return the sentences that look like instructions to an assistant, the best first.

    A sentence is scored by what it says, not by what it could do: any request that does not belong
    into the document counts, harmless ones too. Those of at least `UNTRUSTED_THRESHOLD` are to be
    acted on (`action` is "block"); weaker ones are listed down to `FLOOR` for ranking, with action
    "allow". The document's score is the first finding's, or 0 where there is none. Out of fold,
    2 of 50 ordinary mails, 0 of 75 tables and 0 of 1,156 tool results reached the
    threshold, and 88 %, 92 % and 97 % of those with an attack. Where the
    forms of the requests are new on both sides, it is right less often: 68 % of the
    attacks, 7 % of the ordinary documents (see `models/untrusted.md`).

    It does not see instructions in images or ciphers, orders that read like the document's own
    («Please pay this invoice»), or false claims that ask for nothing; it knows English best.

    Args:
        text: What came through an untrusted slot: any form, any length.

    Returns:
        Findings of the kind "hidden_instruction", their spans in `text`; where the sentence was
        encoded, `detail` says how and `payload` holds it decoded.

    Raises:
        TypeError: `text` is not a str.

    >>> scan_untrusted("")
    []
    """
    decoded = list(_decoded(check_text(text)))
    plain = _without(text, [span for span, _, _ in decoded])
    found = [_finding(span, score, "", "") for span, score in _scored(plain) if score >= FLOOR]
    for span, how, payload in decoded:
        score = max((score for _, score in _scored(payload)), default=0.0)
        if score >= FLOOR:
            found.append(_finding(span, score, how, payload))
    return sorted(found, key=lambda finding: (-finding.confidence, finding.span))


def _finding(span: Span, score: float, how: str, payload: str) -> Finding:
    return Finding(
        kind="hidden_instruction",
        span=span,
        confidence=score,
        action="block" if score >= UNTRUSTED_THRESHOLD else "allow",
        detail=how,
        payload=payload,
    )


def _without(text: str, spans: Sequence[Span]) -> str:
    """Return a text of the same length with spaces for what was decoded: it says nothing itself."""
    pieces, at = [], 0
    for start, end in dict.fromkeys(spans):
        pieces += [text[at:start], " " * (end - start)]
        at = end
    return "".join([*pieces, text[at:]])


def _scored(text: str) -> list[tuple[Span, float]]:
    """Return the segments of a text, or the best clause of each, with their probabilities."""
    model = shipped_model()
    places, logits = places_and_logits(model, text)
    scaled = model.about["slope"] * logits + model.about["offset"]
    scores = 1.0 / (1.0 + np.exp(-np.clip(scaled, -30.0, 30.0)))
    return list(zip(places, scores.tolist(), strict=True))


def places_and_logits(model: SentenceModel, text: str) -> tuple[list[Span], NDArray[np.float64]]:
    """Return where a text may hold an instruction, and the logit of each place.

    A segment counts as its best clause does where that is `WITHIN` better, or as its best tail
    where that is `GLUED` better: an instruction may hang on an ordinary sentence, or follow it
    without a stop. Runs of short segments are read as one sentence too.
    """
    whole = segments(text)
    places = list(whole)
    logits = model.logits(text, whole)
    parts = clauses(text, whole)
    for (number, span), logit in zip(
        parts, model.logits(text, [span for _, span in parts]) - WITHIN, strict=True
    ):
        if logit > logits[number]:
            places[number], logits[number] = span, logit
    ends = tails(text, whole)
    for (number, span), logit in zip(
        ends, _apart(model, [text[start:end] for _, (start, end) in ends]) - GLUED, strict=True
    ):
        if logit > logits[number]:
            places[number], logits[number] = span, logit
    together = runs(whole)
    if together:
        joined = [" ".join(text[start:end] for start, end in run) for run in together]
        logits = np.concatenate([logits, _apart(model, joined) - WITHIN])
        places += [(run[0][0], run[-1][1]) for run in together]
    return places, logits


def _apart(model: SentenceModel, pieces: Sequence[str]) -> NDArray[np.float64]:
    """Return the logits of pieces that may overlap each other in a text."""
    ends = np.cumsum([len(piece) + 1 for piece in pieces])
    spans = [
        (int(end) - len(piece) - 1, int(end) - 1) for end, piece in zip(ends, pieces, strict=True)
    ]
    return model.logits("\n".join(pieces), spans)


def _decoded(text: str, depth: int = 0) -> Iterator[tuple[Span, str, str]]:
    """Yield what is encoded in a text: its span, the encoding's name, and what it says."""
    for found in _ENCODED.finditer(text):
        how = found.lastgroup or ""
        payload = _undone(how, found.group())
        if not payload:
            continue
        yield found.span(), how, payload
        if depth + 1 < _DEEPEST:
            for _, inner, deeper in _decoded(payload, depth + 1):
                yield found.span(), f"{inner} in {how}", deeper


def _undone(how: str, text: str) -> str:
    """Return what an encoded text says, empty where that is no text."""
    if how == "base64":
        return _from_base64(text)
    if how == "entities":
        return html.unescape(text)
    if how == "percent":
        return unquote(text) if text.count("%") > 2 else ""  # noqa: PLR2004 -- else it is a link
    codes = text.replace("\\x", " ").replace("\\u", " ").split()
    return "".join(chr(int(code, 16)) for code in codes)


def _from_base64(text: str) -> str:
    if len(text) % 2 == 0 and _HEX.fullmatch(text):
        data = bytes.fromhex(text)
    else:
        body = "".join(text.split()).rstrip("=").translate(_URL_SAFE)
        try:
            data = base64.b64decode(
                body[: len(body) - (len(body) % 4 == 1)] + "=" * (-len(body) % 4)
            )
        except (binascii.Error, ValueError):
            return ""
    try:
        decoded = data.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    printable = sum(character.isprintable() or character in "\n\r\t" for character in decoded)
    return decoded if decoded and printable >= 0.95 * len(decoded) else ""
