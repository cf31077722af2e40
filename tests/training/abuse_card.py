"""Writes the card of the abuse classifier, `promptkit/safety/models/abuse.md`, from its figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promptkit.safety.classifiers.abuse_categories import CATEGORIES, LIMITS

_SETS = {
    "surge": ("surge-ai/toxicity", "MIT", "comments from social media, toxic or not"),
    "hatecheck": (
        "HateCheck by Paul Röttger et al. (arXiv:2012.15606)",
        "CC-BY-4.0, used unchanged",
        (
            "functional tests of hate; every second row, without `target_indiv_nh` and "
            "`target_group_nh`, whose labels speak of hate alone"
        ),
    ),
    "xstest": (
        "XSTest by Paul Röttger et al. (arXiv:2308.01263)",
        "CC-BY-4.0, used unchanged",
        (
            "safe prompts that look unsafe, and unsafe ones about violence, self-harm and hate; "
            "every second row"
        ),
    ),
    "awesome": ("f/awesome-chatgpt-prompts", "CC0-1.0", "role prompts; every second row"),
    "cyberseceval": (
        "meta-llama/PurpleLlama CybersecurityBenchmarks",
        "MIT",
        "benign prompts of security work; every second row",
    ),
    "gsm8k": ("openai/grade-school-math", "MIT", "sums"),
    "llmbar": ("princeton-nlp/LLMBar", "MIT", "instructions; no model's outputs"),
    "own": ("tests/training/abuse_texts", "this project's", "sentences written for it"),
    "own patterns": (
        "tests/training/abuse_patterns.py",
        "this project's",
        "what is said of groups, for and against",
    ),
    "own disguised": ("the same", "this project's", "own sentences with masked or misspelt words"),
}


def _range(figure: Mapping[str, Any], *, as_share: bool) -> str:
    value, low, high = figure["value"], figure["low"], figure["high"]
    if as_share:
        return f"{value:.1%} ({low:.1%} to {high:.1%})"
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


def _table(figures: Mapping[str, Any], *, as_share: bool) -> str:
    return "\n".join(
        f"| {name} | {_range(figure, as_share=as_share)} | {figure['count']:,} |"
        for name, figure in sorted(figures.items())
    )


def card(figures: Mapping[str, Any]) -> str:
    """Return the card."""
    rows = "\n".join(
        f"| {source} | {licence} | {about} | {figures['rows'][name]:,} |"
        for name, (source, licence, about) in _SETS.items()
    )
    return f"""\
# abuse.npz

Weights of `promptkit.safety.abuse_scores`: {", ".join(CATEGORIES)}, in English. Made by
`python -m tests.training.abuse`, which writes this card. {figures["bytes"]:,} bytes; SHA-256 of the
arrays `{figures["digest"]}`.

## What it is

A logistic regression over a few hundred dense features (how often each concept of
`abuse_lexicon.json` occurs, and which stand near each other) and 2^15 hashed ones (words, and pairs
and triples of words and concepts). Masked, stretched, spelt-out, misspelt and run-together words
are brought to their plain form first. The penalty draws the dense weights towards values set by
hand: a few thousand rows of some authors do not decide what an insult is. A softmax regression
tells the kinds of abuse apart; the highest category has the probability of abuse at all, the others
theirs in proportion. Long texts are read in windows of 500 characters; the worst one counts, after
a correction for their number.

## Trained on

| set | licence | what | rows |
|---|---|---|---|
{rows}

## Figures

Rows were made unique (case-folded first 200 characters) and put into five folds by clusters of
near-duplicates; HateCheck's by templates with all their misspelt forms. «Not trained on» means
that no row of the set went into the weights that scored it. The lexicon, the
own text, the hand-set weights and the penalties were chosen with both surge and HateCheck at hand,
and by these very figures: they flatter. Expect less on sets of other kinds.

| AUROC of the highest score | value (95 % by bootstrap) | rows |
|---|---|---|
{_table(figures["auroc"], as_share=False)}

At the threshold, 0.5 for every category:

| false positives | share (95 %, Wilson) | rows |
|---|---|---|
{_table(figures["false_positives"], as_share=True)}

| found | share (95 %, Wilson) | rows |
|---|---|---|
{_table(figures["recall"], as_share=True)}

The threshold was chosen so that at most {figures["allowed"]:.1%} of the harmless rows of each set
are flagged out of fold. In the mix that it was trained on, the probability of abuse at it is
{figures["probability_at_threshold"]:.2f}.

## What it does not cover

{LIMITS[0].upper() + LIMITS[1:]}. In particular:

- Requests for illicit help (weapons, drugs, fraud, privacy) that use no abusive word: see
  Do-Not-Answer above.
- Hate by implication, irony, dog whistles and symbols; the more a text relies on what its reader
  knows, the less is found.
- Quotations of hate and replies to it are often taken for hate, and so are reclaimed slurs, and
  slurs that are ordinary words elsewhere.
- Anger at parties, firms and trades in coarse words counts as harassment.
- No category for sexual content with minors, or for graphic violence, of its own.
- No language but English; no images.
"""
