"""Names and places through presidio, with a spaCy model that the test makes."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from promptkit.adapters.presidio import names_recognizer
from promptkit.errors import MissingExtraError, OptionError
from promptkit.safety.redaction import redact

TEXT = "Ann Lee of Acme lives in Utrecht: ann@example.com"


@pytest.fixture(scope="module")
def model() -> Any:
    pytest.importorskip("presidio_analyzer", reason="the extra «names» is not installed")
    spacy = pytest.importorskip("spacy")
    model = spacy.blank("en")
    ruler = model.add_pipe("entity_ruler")
    ruler.add_patterns(
        [
            {"label": "PERSON", "pattern": "Ann Lee"},
            {"label": "GPE", "pattern": "Utrecht"},
            {"label": "ORG", "pattern": "Acme"},
            {"label": "DATE", "pattern": "today"},
        ]
    )
    return model


def test_names_and_places_are_taken_out_beside_structured_data(model: Any) -> None:
    redacted = redact(TEXT, recognizers=[names_recognizer(model)])
    assert redacted.text == "[PERSON_1] of [ORGANIZATION_1] lives in [PLACE_1]: [EMAIL_1]"
    assert redacted.vault.restore(redacted.text) == TEXT


def test_only_labels_that_were_asked_for_are_taken(model: Any) -> None:
    recognize = names_recognizer(model, kinds={"GPE": "city"})
    assert [(f.kind, f.span) for f in recognize(TEXT)] == [("city", (25, 32))]


def test_spans_hold_behind_half_a_surrogate_and_in_a_long_text(model: Any) -> None:
    recognize = names_recognizer(model)
    for text in ("\ud800 é Ann Lee", "word " * 30_000 + "Ann Lee", "x" * 100_000 + " Ann Lee", ""):
        assert [text[slice(*f.span)] for f in recognize(text)] == (["Ann Lee"] if text else [])


def test_a_model_that_is_not_installed_is_named_and_not_downloaded(model: Any) -> None:
    assert model is not None
    with pytest.raises(OptionError, match="no model 'en_of_nobody'") as refused:
        names_recognizer("en_of_nobody")
    assert "spacy download" in refused.value.hint


def test_without_presidio_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(MissingExtraError) as missing:
        names_recognizer("en_core_web_sm")
    assert "promptkit[names]" in missing.value.hint
