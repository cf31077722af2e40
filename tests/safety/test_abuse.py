from __future__ import annotations

import random
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptkit import safety
from promptkit.safety.abuse import (
    ABUSE_THRESHOLDS,
    CATEGORIES,
    MODEL,
    abuse_scores,
    read_abuse_model,
    windows,
)
from tests.safety.growth import assert_linear

INSULT = "You are a stupid worthless idiot."


def found(text: str) -> set[str]:
    return {name for name, score in abuse_scores(text).items() if score >= ABUSE_THRESHOLDS[name]}


@pytest.mark.parametrize(
    ("text", "category"),
    [
        (INSULT, "harassment"),
        ("Shut up, you lying piece of garbage!", "harassment"),
        ("All those immigrants are vermin and should be deported.", "hate"),
        ("Kick every Muslim out, they are filthy animals.", "hate"),
        ("I want to kill myself, I have the pills ready.", "self-harm"),
        ("He thrust his hard cock into her wet pussy and she moaned.", "sexual"),
        ("I will find you and stab you to death, bitch.", "violence"),
    ],
)
def test_open_abuse_is_found_under_its_category(text: str, category: str) -> None:
    scores = abuse_scores(text)
    assert max(scores, key=lambda name: scores[name]) == category
    assert category in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "How do I kill a zombie process on Linux?",
        "You killed it at the show last night, I was dying of laughter!",
        "I hate mondays and I hate olives.",
        "My niece is a proud lesbian and I love her.",
        "Which hotline can I call when a friend is suicidal?",
        "How do I examine my breasts for lumps?",
        "Women and men should earn the same.",
        "Shoot me an email when the deadline is over.",
        "What were the causes of the First World War?",
        "The chicken breasts are in the fridge, and the cocktail is on the table.",
        "",
        " ",
        "\n\n",
        "...",
        "42",
    ],
)
def test_frightening_words_in_harmless_text_are_not(text: str) -> None:
    assert found(text) == set()


@pytest.mark.parametrize(
    "text",
    [
        "You are a st*pid w*rthless id*ot.",
        "You are a s t u p i d worthless i d i o t.",
        "You are a s.t.u.p.i.d worthless i-d-i-o-t.",
        "You are a stuuuuupid worthlesss idiooooot.",
        "You are a 5tup1d w0rthl3ss 1d10t.",
        "You are a $tup!d worthless !d!ot.",
        "You are a stpuid worthles idoit.",
        "Youareastupid worthlessidiot.",
        "You are a \u0455tu\u0440id w\u043erthless \u0456di\u043et.",
        "You are a stu\u200bpid worth\u00adless idi\u0301ot.",
        "YOU ARE A STUPID WORTHLESS IDIOT!!!",
        "You are a \uff53\uff54\uff55\uff50\uff49\uff44 worthless idiot.",
        "#YouAreAStupidWorthlessIdiot you idiot",
    ],
)
def test_disguises_are_undone(text: str) -> None:
    assert "harassment" in found(text)


def test_the_result_says_what_is_not_covered_at_the_call() -> None:
    scores = abuse_scores("Hello.")
    assert "illicit requests and slur-free hate are not covered offline" in scores.limits
    assert scores.limits in repr(scores)
    documented = " ".join((abuse_scores.__doc__ or "").split())
    assert "Illicit requests and slur-free hate are not covered offline" in documented


def test_the_names_are_public_and_the_thresholds_are_of_the_categories() -> None:
    scores = safety.abuse_scores(INSULT)
    assert tuple(scores) == tuple(safety.ABUSE_THRESHOLDS) == CATEGORIES
    assert len(set(safety.ABUSE_THRESHOLDS.values())) == 1
    assert scores.highest == max(scores.values())
    assert isinstance(scores, dict)


@given(st.text(max_size=300))
def test_scores_are_shares_of_one_and_the_same_each_time(text: str) -> None:
    scores = abuse_scores(text)
    assert all(0.0 <= score <= 1.0 for score in scores.values())
    assert scores == abuse_scores(text)


@pytest.mark.parametrize("bad", [None, 5, b"bytes", ["list"]])
def test_what_is_no_text_is_refused(bad: Any) -> None:
    with pytest.raises(TypeError):
        abuse_scores(bad)


def test_length_does_not_hide_a_sentence() -> None:
    filler = "The museum opens at nine and closes at six. "
    assert "violence" in found(filler * 40 + "I will stab you to death, bitch." + filler * 40)
    assert found(filler * 80) == set()


def test_windows_hold_all_of_the_text_and_are_short() -> None:
    draw = random.Random(1)
    for _ in range(50):
        sizes = [draw.choice([1, 1, 1, 1, 90]) for _ in range(120)]
        words = ["".join(draw.choices("abcdefgh", k=9 * size)) for size in sizes]  # all different
        text = "".join(word + draw.choice([" ", ". ", "\n", "! "]) for word in words)
        parts = windows(text)
        assert all(len(part) <= 500 for part in parts)
        place = 0
        for part in parts:  # each goes on where the one before ended, or overlaps it
            start = text.find(part, max(0, place - 500))
            assert 0 <= start <= place
            place = max(place, start + len(part))
        assert place == len(text)


HOSTILE = [
    "a",
    " ",
    "\n",
    ".",
    "a ",
    "a.",
    "*",
    "f*",
    "$",
    "@",
    "#",
    "#a",
    "'",
    "-",
    "a'b",
    "a-",
    "!?",
    '"',
    "\u0301",
    "\ud800",
    "\u200b",
    "\U0001f600",
    "\u0430",
    "fuck",
    "fuckfuck ",
    "kill myself ",
    "i hate women ",
    "go back to ",
    "piece of ",
    "1",
    "1a",
    "A",
    "\u4e00",
    "\u0661",
    "_",
    "a_",
    "\x00",
]


@pytest.mark.parametrize("unit", HOSTILE)
def test_the_time_grows_with_the_length_and_nothing_raises(unit: str) -> None:
    assert_linear(abuse_scores, unit)
    assert_linear(abuse_scores, unit, tail="!")


def test_ten_megabytes_are_read() -> None:
    text = "The museum opens at nine. " * (10_000_000 // 26)
    begun = time.process_time()
    abuse_scores(text[:1_000_000])
    for piece in ("x" * 10_000_000, "\u0301" * 1_000_000, "\ud800" * 1_000_000):
        abuse_scores(piece)
    assert time.process_time() - begun < 60


def test_a_kilobyte_takes_milliseconds() -> None:
    text = "I think those people are great, and you should go to see the stupid movie, idiot. " * 12
    abuse_scores(text)
    best = float("inf")
    for _ in range(20):
        begun = time.process_time()
        abuse_scores(text[:1000])
        best = min(best, time.process_time() - begun)
    assert best < 0.02  # ten times what is aimed at: the machine may be busy


def test_nothing_third_party_but_numpy_and_no_network_is_needed() -> None:
    code = """
import socket, sys
def no(*_, **__): raise AssertionError("a connection was tried")
socket.socket.connect = no
socket.getaddrinfo = no
from promptkit.safety import abuse_scores
assert abuse_scores("You are a stupid idiot.")["harassment"] > 0.5
heavy = {"sklearn", "scipy", "aiohttp", "openai", "pandas", "httpx2"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_model_is_small_and_is_the_one_its_card_describes() -> None:
    import hashlib

    digest = hashlib.sha256()
    with np.load(MODEL, allow_pickle=False) as file:
        for name in sorted(file.files):
            array = file[name]
            digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    card = MODEL.with_suffix(".md").read_text("utf-8")
    assert digest.hexdigest() in card
    assert MODEL.stat().st_size <= 500_000
    assert "CC-BY-4.0" in card
    model = read_abuse_model(MODEL)
    assert model.heads.shape[1] == len(CATEGORIES)


def test_the_highest_score_is_that_of_abuse_at_all() -> None:
    for text in (INSULT, "Good morning.", "I hate you and I will kill you."):
        scores = abuse_scores(text)
        model = read_abuse_model(MODEL)
        logit, _ = model.logits(text)
        assert scores.highest == pytest.approx(model.probability(logit))
