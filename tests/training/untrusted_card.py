"""Writes the model card of the classifier of untrusted text from the figures of its training."""

from __future__ import annotations

import json

from promptkit.safety.classifiers.linear import FOLDER
from tests.training.shared import digest
from tests.training.untrusted_text import HERE

HEAD = """\
# Model card: instructions in untrusted text

A logistic regression over hashed features of single sentences: words, pairs of words, stems, and
patterns of word classes (`promptkit/safety/classifiers/sentence_features.py`). It stands behind
`scan_untrusted` and runs on numpy alone, offline.

| | |
|---|---|
| file | `untrusted.npz`, {size:,} bytes |
| SHA-256 | `{digest}` |
| made by | `python -m tests.training.untrusted`, deterministic |
| threshold | {threshold:.2f} (`UNTRUSTED_THRESHOLD`) |

The threshold is the score that 4 % of a mix of ordinary documents reach out of fold: half mails,
tables and tool results alike, half documents of our own templates that the model did not see.
Tickets, reviews, forum posts, handouts, minutes, chats, recipes, job advertisements, newsletters
and office mail are among these, most of them full of requests to people.

## What it is for

Text that came through an untrusted slot: mails, tables, tool results, web pages, documents, code.
It finds sentences that ask an assistant for something, harmless requests too, where the document
would hold none. It is not for what a user types: there, requests are what is expected.

## What it was trained on

* BIPIA (MIT): the 75 training text attacks, the leads of the 50 code attacks, the 50 training
  mails.
* InjecAgent (MIT): the 32 data-stealing instructions and the 17 tool results of its user cases.
* Surge's toxicity comments (MIT), EntailmentBank's facts (Apache-2.0) and GSM8K's stories without
  their questions (MIT), as text without instructions.
* Templates of our own, some 400 for instructions and 330 for ordinary sentences, put together into
  mails, tables, tool results, pages, letters to people and code.

No row of QuoteSum, presidio-research, WildGuard or LLMBar: these measure.

## How often it is right

Out of fold: three models, each scored on attacks and documents that it saw neither of. A
document's score is its best sentence's. Attacks stand at the start, in the middle, at the end, and
after a last sentence that ends in no stop. "Own documents" are the hardest: every third template
of ours was held out, of attacks and of ordinary sentences alike, so that the forms of the requests
on both sides are new. The other three rows have attacks whose forms the model knows from others.

| documents | AUROC (95 % interval) | false positives | recall |
|---|---|---|---|
"""

TAIL = """
The ordinary tables are 25, each scored by the three models; the ordinary tool results are 68 field
values, each in 17 cases: the true intervals are wider than these counts suggest. Tables and values
were written for this and are not trained on, but they were looked at: text of our own was added
where a kind of them was flagged. The threshold was chosen on the same out-of-fold scores that the
table counts. Chance is an AUROC of 0.50.

Our own attacks by kind, their templates held out, in our own documents of held-out templates:

| kind | recall at the threshold |
|---|---|
{own}
Each of BIPIA's kinds left out, its rows and ours, scored by a small model that knows the others:

| kind | recall at the threshold |
|---|---|
"""

LIMITS = """
## What it does not see

* Instructions that no sentence shows: in images, in a second language than the dozen that it has a
  few words of, in ciphers other than base64, hexadecimal, percent, entity and `\\\\u` escapes, in
  letters that are spaced out one by one or replaced by digits.
* Orders that read like the document's own: «Please pay the invoice to this account» in a mail,
  «Set the oven to 500 degrees» in a recipe. Whether an order is meant for a person or for an
  assistant cannot be read from it alone.
* False claims that ask for nothing: «This product was recalled».
* Questions and answers for customers («How do I return an item?»), quiz tables and lists of
  prompts are the ordinary texts that it flags most.
* Small talk («How are you?»), questions about facts, and plain orders about the user's things that
  a person may give another person too: of these it misses most, see the tables above.
* It was measured on English. On requests and documents of other authors it is less often right than
  on BIPIA's kinds: see the row of our own documents, and the safety report.

An attacker who has the weights can search for words that pass. It is one layer: set untrusted text
apart, give tools the least rights, and let a person confirm what cannot be undone.
"""


def write_card() -> None:
    """Write the card beside the model."""
    made = json.loads((HERE / "untrusted_figures.json").read_text("utf-8"))
    path = FOLDER / "untrusted.npz"
    text = HEAD.format(size=path.stat().st_size, digest=digest(path), threshold=made["threshold"])
    for name, own in made["out_of_fold"].items():
        text += (
            f"| {name} | {own['auroc']:.3f} ({own['auroc_low']:.3f} to {own['auroc_high']:.3f}) "
            f"| {own['alarms']} of {own['ordinary']} ({own['alarms'] / own['ordinary']:.1%}) "
            f"| {own['found']} of {own['attacked']} ({own['found'] / own['attacked']:.1%}) |\n"
        )
    text += TAIL.replace(
        "{own}",
        "".join(
            f"| {kind} | {own['found']:.0%} of {own['of']} |\n"
            for kind, own in sorted(made["own_kinds"].items())
        ),
    )
    for kind, own in sorted(made["kind_left_out"].items()):
        text += f"| {kind} | {own['found']:.0%} of {own['of']} |\n"
    path.with_suffix(".md").write_text(text + LIMITS.replace("\\\\", "\\"), "utf-8")


if __name__ == "__main__":
    write_card()
