"""Names, places and organisations, found by presidio with a spaCy model of yours.

promptkit ships no model: `spacy download` fetches one of your language, or you train your own.
presidio runs it and maps its labels; its pattern recognisers are left out, since
`promptkit.safety.personal` finds what they find. Loading presidio takes seconds and some hundred
megabytes, so it happens when a recogniser is made, never before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from promptkit.errors import MissingExtraError, OptionError
from promptkit.safety.finding import Finding

if TYPE_CHECKING:
    from promptkit.safety.redaction import Recognizer

KINDS: Final[Mapping[str, str]] = {
    "PERSON": "person",
    "PER": "person",
    "LOCATION": "place",
    "LOC": "place",
    "GPE": "place",
    "FAC": "place",
    "ORGANIZATION": "organization",
    "ORG": "organization",
    "NRP": "group",
    "NORP": "group",
}
"""Which labels of a model are taken, and the kinds their findings have."""

_CONFIDENCE: Final = 0.85
"""What presidio gives entities of a spaCy model, which states none itself."""

_MOST_CHARACTERS: Final = 100_000
"""Of one piece: spaCy refuses more than a million, and its memory grows with the length."""


def names_recognizer(
    model: Any, *, language: str = "en", kinds: Mapping[str, str] | None = None
) -> Recognizer:
    """Return a recogniser of names and places for `redact(text, recognizers=[…])`.

    Args:
        model: The name of an installed spaCy model, such as "en_core_web_sm", or a loaded one.
        language: The language the model reads.
        kinds: Labels of the model and the kinds they become; `KINDS` where none are given.

    Raises:
        MissingExtraError: When presidio is not installed.
        OptionError: When spaCy has no model of this name. Nothing is downloaded.
    """
    try:
        import spacy
        from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
        from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine
        from presidio_analyzer.predefined_recognizers import SpacyRecognizer
    except ImportError:
        msg = "names and places are found by presidio, which is not installed"
        raise MissingExtraError(msg, hint="pip install 'promptkit[names]'") from None
    wanted = dict(KINDS if kinds is None else kinds)
    loaded = _loaded(spacy, model) if isinstance(model, str) else model
    settings = NerModelConfiguration(
        model_to_presidio_entity_mapping={label: label for label in wanted},
        labels_to_ignore=[],
        low_score_entity_names=[],
    )
    engine = SpacyNlpEngine(
        models=[{"lang_code": language, "model_name": "given"}], ner_model_configuration=settings
    )
    # Without it the engine would look for the model, and download it.
    vars(engine)["nlp"] = {language: loaded}
    reader = SpacyRecognizer(
        supported_language=language,
        supported_entities=list(wanted),
    )
    registry = RecognizerRegistry(recognizers=[reader], supported_languages=[language])
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=[language])

    def recognize(text: str) -> Iterable[Finding]:
        for start, piece in _pieces(text):
            for found in analyzer.analyze(piece, language=language, entities=list(wanted)):
                yield Finding(
                    kind=wanted[found.entity_type],
                    span=(start + found.start, start + found.end),
                    confidence=float(found.score),
                    action="redact",
                    detail="spaCy",
                )

    return recognize


def _loaded(spacy: Any, name: str) -> Any:
    try:
        return spacy.load(name)
    except (OSError, ValueError, ImportError):
        msg = f"spaCy has no model {name!r}"
        raise OptionError(msg, hint=f"python -m spacy download {name}, or pass a model") from None


def _pieces(text: str) -> Iterable[tuple[int, str]]:
    """Cut a long text at line ends or spaces; what spaCy cannot encode becomes a question mark."""
    plain = text.encode("utf-8", "replace").decode() if not text.isascii() else text
    start = 0
    while start < len(plain):
        end = min(len(plain), start + _MOST_CHARACTERS)
        if end < len(plain):
            cut = max(plain.rfind("\n", start, end), plain.rfind(" ", start, end))
            end = cut + 1 if cut > start else end
        yield start, plain[start:end]
        start = end
