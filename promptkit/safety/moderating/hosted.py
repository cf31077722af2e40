"""The hosted backend of `moderate`: OpenAI's moderation endpoint, and others of its form."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from promptkit.errors import OptionError
from promptkit.prompt import Message
from promptkit.safety.moderating.inputs import Image, Part, wire_form
from promptkit.safety.moderating.outcome import Moderation, kind_of

if TYPE_CHECKING:
    from promptkit.session import Session

LONGEST: Final = 20_000
"""Characters of one input: a longer text is judged in pieces, and its worst piece counts.

Far within the 32,768 tokens of omni-moderation also where a character is a token and more.
"""

OVERLAP: Final = 500
"""Characters that a piece has in common with the next one, so that nothing is parted by a cut."""


async def hosted(
    session: Session,
    parts: Sequence[Part],
    thresholds: Mapping[str, float],
    **options: Any,
) -> Moderation:
    """Ask the endpoint; texts share calls with whatever else waits, images go as they are."""
    length = sum(len(part) for part in parts if isinstance(part, str))
    has_image = any(isinstance(part, Image) for part in parts)
    if has_image:
        # The API takes several parts as one input; the field as a whole stands in for the message.
        extra = {**(options.pop("extra", None) or {}), "input": [wire_form(p) for p in parts]}
        response = await session.ask(
            "\n".join(part for part in parts if isinstance(part, str)),
            api="moderations",
            extra=extra,
            **options,
        )
    else:
        pieces = _pieces("\n".join(map(str, parts)))
        messages = [Message("user", piece) for piece in pieces]
        response = await session.ask(messages, api="moderations", **options)
    results = response.moderations or ()
    return read_results(results, thresholds, length=length, has_image=has_image)


def _pieces(text: str) -> list[str]:
    step = LONGEST - OVERLAP
    if len(text) <= LONGEST:
        return [text]
    return [text[start : start + LONGEST] for start in range(0, len(text) - OVERLAP, step)]


def read_results(
    results: Sequence[Mapping[str, Any]],
    thresholds: Mapping[str, float] | None = None,
    *,
    length: int = 0,
    has_image: bool = False,
) -> Moderation:
    """Read the endpoint's results for the pieces of one input: the worst score of each counts.

    A category without a threshold is flagged where the endpoint flags it. Where there is neither a
    flag nor a score to be read the outcome is unsure.

    Raises:
        OptionError: For a threshold on a category that the endpoint does not know.

    >>> result = {"flagged": False, "categories": {"hate": False}, "category_scores": {"hate": 0.4}}
    >>> read_results([result]).outcome, read_results([result], {"hate": 0.3}).flagged
    ('pass', ('hate',))
    >>> read_results([{}]).outcome
    'unsure'
    """
    scores: dict[str, float] = {}
    flags: dict[str, bool] = {}
    types: dict[str, tuple[str, ...]] = {}
    is_flagged, is_whole = False, bool(results)
    for result in results:
        found, told = _scores(result.get("category_scores")), _flags(result.get("categories"))
        is_whole = is_whole and (bool(told) or isinstance(result.get("flagged"), bool))
        is_flagged = is_flagged or result.get("flagged") is True
        for name, score in found.items():
            scores[name] = max(score, scores.get(name, 0.0))
        for name, flag in told.items():
            flags[name] = flag or flags.get(name, False)
        types |= _types(result.get("category_applied_input_types"))
    cuts = _by_name(thresholds or {}, scores, flags)
    missing = [name for name in cuts if name not in scores]
    flagged = tuple(
        name
        for name in dict.fromkeys((*scores, *flags))
        if (scores.get(name, 0.0) >= cuts[name] if name in cuts else flags.get(name, False))
    )
    if is_flagged and not flagged and not any(flags.values()):
        flagged = ("flagged",)  # as a whole, by a server that names no category
    unseen = [name for name in flags if has_image and types and "image" not in types.get(name, ())]
    is_unsure = not flagged and (not is_whole or bool(missing))
    reason = ", ".join(flagged)
    if is_unsure:
        reason = (
            f"no score for {', '.join(missing)} came"
            if missing
            else "the answer holds no judgement"
        )
    return Moderation(
        outcome="fail" if flagged else "unsure" if is_unsure else "pass",
        backend="hosted",
        scores=scores,
        flagged=flagged,
        thresholds=cuts,
        input_types=types,
        limits=f"images are not judged for {', '.join(unseen)}" if unseen else "",
        reason=reason,
        length=length,
    )


def _scores(table: object) -> dict[str, float]:
    if not isinstance(table, Mapping):
        return {}
    return {
        str(name): float(value)
        for name, value in table.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    }


def _flags(table: object) -> dict[str, bool]:
    if not isinstance(table, Mapping):
        return {}
    return {str(name): value for name, value in table.items() if isinstance(value, bool)}


def _types(table: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(table, Mapping):
        return {}
    return {
        str(name): tuple(map(str, kinds))
        for name, kinds in table.items()
        if isinstance(kinds, (list, tuple))
    }


def _by_name(
    thresholds: Mapping[str, float], scores: Mapping[str, float], flags: Mapping[str, bool]
) -> dict[str, float]:
    """The thresholds under the endpoint's own names; «self_harm» is taken for «self-harm»."""
    names = {kind_of(name): name for name in (*scores, *flags)}
    cuts = {}
    for name, cut in thresholds.items():
        if names and kind_of(name) not in names:
            hint = f"the endpoint's are {', '.join(names.values())}"
            raise OptionError(f"category {name!r}", hint=hint)
        cuts[names.get(kind_of(name), name)] = cut
    return cuts
