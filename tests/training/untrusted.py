"""Trains the classifier of `scan_untrusted`: `python -m tests.training.untrusted`, two minutes.

Two kinds of text go in: text of our own (`untrusted_attacks.txt`, `untrusted_benign.txt`, put
together by `untrusted_documents`) and cleared rows: BIPIA's training attacks and mails,
InjecAgent's data-stealing attacks and user cases, Surge's comments, EntailmentBank's facts, and
GSM8K's stories without their questions.

The figures are out of fold on both sides: attack and carrying document were unseen. Tables and
field values for measuring (`untrusted_tables.txt`, `untrusted_values.txt`) are never trained on.
BIPIA's kinds are also left out one at a time, our own rows of the kind too.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack, vstack

from promptkit.safety.classifiers.linear import FOLDER
from promptkit.safety.classifiers.sentence_features import BITS, features
from promptkit.safety.sentences import clauses, runs, segments, tails
from promptkit.safety.untrusted import SentenceModel, places_and_logits
from tests.training.shared import (
    RELIABILITY,
    SAFETY,
    auroc,
    auroc_interval,
    clusters,
    csv_rows,
    folds,
    json_lines,
    json_of,
    platt,
)
from tests.training.untrusted_card import write_card
from tests.training.untrusted_documents import attacked, benign, put
from tests.training.untrusted_documents import field as field_of
from tests.training.untrusted_text import HERE, Corpus, Draw, read_corpus

INJECTION: Final = SAFETY / "injection"
FIGURES: Final = HERE / "untrusted_figures.json"
ATTACKS: Final = read_corpus("untrusted_attacks.txt")
BENIGN: Final = read_corpus("untrusted_benign.txt")
_TABLES: Final = (HERE / "untrusted_tables.txt").read_text("utf-8").partition("\n")[2]
TABLES: Final = tuple(_TABLES.rstrip("\n").split("\n===\n"))
VALUES: Final = tuple((HERE / "untrusted_values.txt").read_text("utf-8").splitlines()[1:])
HOLE: Final = "<Attacker Instruction>"
C: Final = 5.0
"""Inverse strength of the L2 penalty."""

OFTEN: Final = 4
"""How often one segment counts at most."""

_WORDS: Final = re.compile(r"\w+")
OTHERS: Final = (
    "Conversation",
    "Claims",
    "Dissemination",
    "Advertising",
    "Fraud",
    "Output Form",
    "Ciphers",
    "Leisure and Work",
    "Own Things",
)
"""Kinds of attack that neither BIPIA's training rows nor InjecAgent's hold."""

OFTENER: Final = (
    *("Override", "Override", "Override", "General Tasks"),
    *OTHERS,
    *("Output Form", "Own Things", "Own Things"),
)
"""Kinds of our own that are broader than the others, drawn so much more often."""

PLACES: Final = ("start", "middle", "end", "tail")
FOLDS: Final = 3
ORDINARY: Final = (
    *("review", "note", "message", "post", "bio", "description", "mail", "prose"),
    *("ticket", "opinion", "forum", "school", "minutes", "chat", "news", "office"),
)
FALSE_ALARMS: Final = 0.04
"""The share of ordinary documents at the threshold, out of fold: half of them our own, of templates
that were held out, half mails, tables and tool results alike."""

OWN: Final = "own documents"

Attack = tuple[str, str]
"""Its kind and its text."""


@cache
def handed_attacks() -> tuple[Attack, ...]:
    """BIPIA's training attacks and InjecAgent's data-stealing ones."""
    rows = [
        (kind, text)
        for kind, texts in json_of(INJECTION / "bipia_text_attack_train.json").items()
        for text in texts
    ]
    rows += [
        (f"code: {kind}", text.split("```")[0].strip())
        for kind, texts in json_of(INJECTION / "bipia_code_attack_train.json").items()
        for text in texts
    ]
    cases = json_lines(INJECTION / "injecagent_attacker_cases_ds.jsonl")
    rows += [("Data Stealing", case["Attacker Instruction"]) for case in cases]
    return tuple({text: (kind, text) for kind, text in rows}.values())


@cache
def mails() -> tuple[str, ...]:
    """BIPIA's training mails."""
    return tuple(row["context"] for row in json_lines(INJECTION / "bipia_email_train.jsonl"))


@cache
def user_cases() -> tuple[str, ...]:
    """InjecAgent's tool results, each with a hole."""
    rows = json_lines(INJECTION / "injecagent_user_cases.jsonl")
    return tuple(row["Tool Response Template"] for row in rows)


@dataclass(slots=True)
class Rows:
    """Segments, whether they are instructions, and how often they came."""

    counts: dict[tuple[str, bool], int] = field(default_factory=dict)

    def add(self, text: str, attack: tuple[int, int] | None = None) -> None:
        """Add the segments of a document; those within the attack's span are instructions.

        Its short pieces («She is my adviser») and what lies across its border teach neither.
        """
        spans = segments(text)
        for start, end in spans:
            self._add(text[start:end], start, end, attack)
        for _, (start, end) in [*clauses(text, spans), *tails(text, spans)]:
            # An attack's own are fragments, and not taught.
            if not attack or end <= attack[0] or start >= attack[1]:
                self._add(text[start:end], start, end, None)
            elif start == attack[0]:  # an attack that is glued to other words
                self._add(text[start:end], start, end, attack)
        for run in runs(spans):
            piece = " ".join(text[start:end] for start, end in run)
            self._add(piece, run[0][0], run[-1][1], attack)

    def _add(self, piece: str, start: int, end: int, attack: tuple[int, int] | None) -> None:
        overlap = min(end, attack[1]) - max(start, attack[0]) if attack else 0
        if overlap > 0 and (overlap <= 0.7 * (end - start) or len(_WORDS.findall(piece)) < 4):
            return
        one = (piece, overlap > 0)
        self.counts[one] = self.counts.get(one, 0) + 1

    def fit(self) -> SentenceModel:
        """Return the logistic regression over them, a segment counting `OFTEN` times at most."""
        from sklearn.linear_model import LogisticRegression

        labels = np.array([label for _, label in self.counts])
        weights = np.minimum(np.array(list(self.counts.values())), OFTEN)
        found = LogisticRegression(C=C, max_iter=300, solver="liblinear", random_state=0)
        found.fit(matrix_of([piece for piece, _ in self.counts]), labels, sample_weight=weights)
        made = found.coef_[0].astype(np.float32)
        # In half precision from here on: what is measured is what is shipped.
        halved = made[: 2**BITS].astype(np.float16).astype(np.float32)
        return SentenceModel(halved, made[2**BITS :], float(found.intercept_[0]), {})


def matrix_of(pieces: Sequence[str], together: int = 200) -> csr_matrix:
    """Return the features of segments, shape (segments, 2**BITS + DENSE)."""
    parts = []
    for first in range(0, len(pieces), together):
        spans, at = [], 0
        for piece in pieces[first : first + together]:
            spans.append((at, at + len(piece)))
            at += len(piece) + 1
        seen = features("\n".join(pieces[first : first + together]), spans)
        values = (1 / np.sqrt(seen.words))[seen.owners].astype(np.float32)
        places = (seen.owners, seen.buckets.astype(np.int64))
        hashed = csr_matrix((values, places), shape=(len(spans), 2**BITS))
        parts.append(hstack([hashed, seen.dense]))
    return vstack(parts).tocsr()


def filled(case: str, text: str) -> tuple[str, tuple[int, int]]:
    """Return a tool's result with a text in its hole, and where that stands."""
    at = case.index(HOLE)
    return case.replace(HOLE, text), (at, at + len(text))


def rows_of(  # noqa: C901, PLR0912 -- one branch for each source
    attacks: Sequence[Attack],
    carriers: Sequence[str],
    cases: Sequence[str],
    *,
    seed: int,
    kinds: Iterable[str] = (*ATTACKS.kinds, *OFTENER),
    own: int = 12_000,
    ordinary: int = 8_000,
    times: int = 6,
    texts: tuple[Corpus, Corpus] = (ATTACKS, BENIGN),
) -> Rows:
    """Return what to train on.

    Args:
        attacks: Handed ones.
        carriers: Handed mails.
        cases: Handed tool results with a hole.
        seed: Of what is drawn.
        kinds: Kinds of our own attacks.
        own: How many of our own attacks.
        ordinary: How many documents of our own without an attack.
        times: How often each handed attack is put somewhere.
        texts: Our own attacks and ordinary sentences.
    """
    draw, rows = Draw(seed), Rows()
    own_attacks, own_texts = texts
    kinds = [kind for kind in kinds if kind in own_attacks.kinds]
    drawn = [own_attacks.one(kinds[number % len(kinds)], draw) for number in range(own)]
    for given in [*drawn, *(text for _, text in attacks for _ in range(times))]:
        attack = given.replace(" ", "\n") if draw.random() < 0.03 else given
        where = draw.random()
        if where < 0.15:
            rows.add(*put(draw.choice(carriers), attack, draw))
        elif where < 0.25:
            rows.add(*filled(draw.choice(cases), attack))
        else:
            rows.add(*attacked(own_texts, attack, draw))
    for _ in range(ordinary):
        rows.add(benign(own_texts, draw))
    for mail in carriers:
        for _ in range(4):
            rows.add(mail)
    for case in cases:
        for _ in range(15):
            rows.add(filled(case, field_of(own_texts, draw.choice(ORDINARY), draw))[0])
    for row in csv_rows(SAFETY / "moderation" / "surge_toxicity_en.csv"):
        rows.add(row["text"])
    for row in json_lines(RELIABILITY / "entailment_bank" / "task_1" / "dev.jsonl"):
        facts = list(row["meta"]["triples"].values())
        rows.add(draw.choice([". ", "\n"]).join(fact.capitalize() for fact in facts))
    for row in draw.sample(json_lines(RELIABILITY / "gsm8k" / "train.jsonl"), 500):
        story = segments(row["question"])
        if len(story) > 1:
            rows.add(row["question"][: story[-1][0]])
    return rows


def best(model: SentenceModel, text: str) -> float:
    """Return the logit of a document: its best segment's."""
    _, logits = places_and_logits(model, text)
    return float(logits.max()) if len(logits) else -20.0


@dataclass(slots=True)
class Measured:
    """Scores of documents without and with an attack, by set."""

    ordinary: dict[str, list[float]] = field(default_factory=dict)
    attacked: dict[str, list[float]] = field(default_factory=dict)
    by_kind: dict[str, list[float]] = field(default_factory=dict)

    def scores(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return all of them, ordinary and attacked."""
        flat = [[x for xs in part.values() for x in xs] for part in (self.ordinary, self.attacked)]
        return np.array(flat[0]), np.array(flat[1])


def measure(
    found: Measured,
    model: SentenceModel,
    attacks: Sequence[Attack],
    carriers: Sequence[str],
    cases: Sequence[str],
    *,
    draw: Draw,
    held: tuple[Corpus, Corpus],
) -> None:
    """Score documents that the model did not see, with attacks that it did not see."""
    for name in ("mails", "tables", "tool results", OWN):
        found.ordinary.setdefault(name, [])
        found.attacked.setdefault(name, [])
    found.ordinary["mails"] += [best(model, mail) for mail in carriers]
    found.ordinary["tables"] += [best(model, table) for table in TABLES]
    values = [filled(case, value)[0] for case in cases for value in VALUES]
    found.ordinary["tool results"] += [best(model, text) for text in values]
    for kind, attack in attacks:
        if kind == "Data Stealing":
            texts = [filled(case, attack)[0] for case in cases]
            found.attacked["tool results"] += [best(model, text) for text in texts]
        elif not kind.startswith("code: "):
            for place in PLACES:
                for name, some in (("mails", carriers), ("tables", TABLES)):
                    text, _ = put(draw.choice(some), attack, draw, place)
                    found.attacked[name].append(best(model, text))
    own_attacks, own_texts = held
    found.ordinary[OWN] += [best(model, benign(own_texts, draw)) for _ in range(500)]
    kinds = sorted(own_attacks.kinds)
    for number in range(20 * len(kinds)):
        kind = kinds[number % len(kinds)]
        attack = own_attacks.one(kind, draw)
        score = best(model, attacked(own_texts, attack, draw)[0])
        found.attacked[OWN].append(score)
        found.by_kind.setdefault(kind, []).append(score)


def out_of_fold() -> Measured:
    """Return the scores with attacks, documents and templates held out together, in three folds."""
    attacks, found, draw = handed_attacks(), Measured(), Draw(11)
    attack_fold = folds([text for _, text in attacks], FOLDS)
    mail_fold, case_fold = folds(clusters(mails()), FOLDS), folds(user_cases(), FOLDS)
    for number in range(FOLDS):
        known, unseen = [], []
        for items, fold in (
            (attacks, attack_fold),
            (mails(), mail_fold),
            (user_cases(), case_fold),
        ):
            known.append([item for item, own in zip(items, fold, strict=True) if own != number])
            unseen.append([item for item, own in zip(items, fold, strict=True) if own == number])
        ours = [
            tuple(one.part(number, FOLDS, is_held=is_held) for one in (ATTACKS, BENIGN))
            for is_held in (False, True)
        ]
        rows = rows_of(*known, seed=number, own=8_000, ordinary=6_000, texts=ours[0])
        measure(found, rows.fit(), *unseen, draw=draw, held=ours[1])
    return found


def kind_left_out(kind: str) -> list[float]:
    """Return the scores of a kind's attacks in documents, by a model that knows other kinds."""
    attacks = [attack for attack in handed_attacks() if attack[0] != kind]
    others = [other for other in (*ATTACKS.kinds, *OFTENER) if other != kind]
    model = rows_of(
        attacks, mails()[10:], user_cases(), seed=3, kinds=others, own=1_000, ordinary=1_500
    ).fit()
    draw = Draw(5)
    return [
        best(model, put(draw.choice([*mails()[:10], *TABLES]), text, draw, place)[0])
        for own, text in handed_attacks()
        if own == kind
        for place in PLACES
    ]


def chosen(found: Measured) -> float:
    """Return the logit that `FALSE_ALARMS` of the ordinary documents reach, our own being half."""
    scores = np.concatenate([np.array(part) for part in found.ordinary.values()])
    shares = [
        np.full(len(part), (0.5 if name == OWN else 0.5 / 3) / len(part))
        for name, part in found.ordinary.items()
    ]
    order = np.argsort(-scores)
    reached = np.cumsum(np.concatenate(shares)[order])
    return float(scores[order][np.searchsorted(reached, FALSE_ALARMS)])


def figures(found: Measured, threshold: float) -> dict[str, dict[str, float]]:
    """Return AUROC, false alarms and recall of each set."""
    made = {}
    for name, ordinary in found.ordinary.items():
        hit = found.attacked[name]
        labels = [0] * len(ordinary) + [1] * len(hit)
        low, high = auroc_interval(labels, [*ordinary, *hit])
        made[name] = {
            "auroc": auroc(labels, [*ordinary, *hit]),
            "auroc_low": low,
            "auroc_high": high,
            "ordinary": len(ordinary),
            "alarms": int(sum(score >= threshold for score in ordinary)),
            "attacked": len(hit),
            "found": int(sum(score >= threshold for score in hit)),
        }
    return made


def main() -> None:
    """Measure out of fold, choose threshold and calibration, train on everything, write."""
    found = out_of_fold()
    ordinary, hit = found.scores()
    logit = chosen(found)
    labels = np.concatenate([np.zeros(len(ordinary)), np.ones(len(hit))])
    weights = np.concatenate([np.full(len(part), 1 / len(part)) for part in (ordinary, hit)]) * len(
        ordinary
    )
    slope, offset = platt(np.concatenate([ordinary, hit]), labels, weights)
    threshold = float(np.floor(100 / (1 + np.exp(-(slope * logit + offset)))) / 100)
    logit = (np.log(threshold / (1 - threshold)) - offset) / slope
    made: dict[str, Any] = {"out_of_fold": figures(found, logit)}
    made["own_kinds"] = {
        kind: {"found": float(np.mean(np.array(scores) >= logit)), "of": len(scores)}
        for kind, scores in found.by_kind.items()
    }
    print(json.dumps(made, indent=1), threshold, logit)
    if "--quick" not in sys.argv:
        made["kind_left_out"] = {}
        for kind in list(ATTACKS.kinds)[:15]:
            scores = kind_left_out(kind)
            share = float(np.mean([score >= logit for score in scores]))
            made["kind_left_out"][kind] = {"found": share, "of": len(scores)}
            print(kind, share, np.round(np.median(scores), 2))
    model = rows_of(handed_attacks(), mails(), user_cases(), seed=0).fit()
    about = {
        "slope": round(slope, 4),
        "offset": round(offset, 4),
        "threshold": threshold,
        "C": C,
        "bits": BITS,
    }
    SentenceModel(model.weights, model.dense, model.bias, about).save(FOLDER / "untrusted.npz")
    made["threshold"] = threshold
    FIGURES.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n", "utf-8")
    write_card()


if __name__ == "__main__":
    main()
