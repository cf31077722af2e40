"""`moderate`: a text or image judged by the hosted endpoint, a policy's judge or embedded weights.

Whatever judged it, the answer is a `Moderation`: pass, fail or unsure, with the scores and what is
not covered. What cannot be read is unsure, and unsure has not passed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from promptkit.errors import OptionError
from promptkit.safety.abuse import abuse_scores
from promptkit.safety.classifiers.abuse_categories import ABUSE_THRESHOLDS, LIMITS
from promptkit.safety.moderating.hosted import hosted
from promptkit.safety.moderating.inputs import Content, parts_of, texts_of
from promptkit.safety.moderating.judge import judged
from promptkit.safety.moderating.outcome import BACKENDS, Backend, Moderation, kind_of

if TYPE_CHECKING:
    from promptkit.session import Session

MODEL: Final = "omni-moderation-latest"
"""OpenAI's model for texts and images; it costs nothing."""


async def moderate(
    session: Session | None,
    content: Content,
    /,
    *,
    backend: Backend | None = None,
    thresholds: Mapping[str, float] | None = None,
    policy: str | Mapping[str, str] | None = None,
    model: str | None = None,
    **options: Any,
) -> Moderation:
    """Judge whether a text, or a text with images, may pass.

    Three backends: "hosted" asks OpenAI's moderation endpoint, which is free and sees images;
    "judge" asks the session's model whether the text breaks a policy in words of your own;
    "embedded" needs no network and no session. Illicit requests and slur-free hate are not
    covered offline; `limits` of what comes back says what was not covered this time.

    Many texts are judged by `session.map(moderate, texts)`; what waits together shares a call.

    >>> import asyncio
    >>> found = asyncio.run(moderate(None, "You are a stupid f*cking idiot."))
    >>> found.outcome, found.flagged
    ('fail', ('harassment',))
    >>> bool(asyncio.run(moderate(None, "See you on Monday.")))
    True

    Args:
        session: Who asks; None is enough for the embedded backend.
        content: A text; or the parts of one message, each a text, an `Image`, the bytes of an
            image, or a mapping as OpenAI's endpoint takes it.
        backend: Who judges. Left alone: the judge where a policy is given, else the hosted
            endpoint, or without a session the embedded weights.
        thresholds: The score from which a category is flagged, by its name. For the hosted
            endpoint a category that is not named keeps the endpoint's own flag; for the embedded
            weights it keeps `ABUSE_THRESHOLDS`.
        policy: For the judge: what is forbidden, in a sentence, or a sentence for each category.
        model: The moderation model, or the judge's.
        options: As for `Session.ask`.

    Raises:
        OptionError: For a backend, category or threshold that is none, an image where only texts
            can be judged, or a policy or session that is missing.
        PromptkitError: What the calls raise; an error is never a pass.
    """
    parts = parts_of(content)
    chosen = backend or ("judge" if policy is not None else "hosted" if session else "embedded")
    if chosen not in BACKENDS:
        raise OptionError(f"backend={chosen!r}", hint=f"one of {', '.join(BACKENDS)}")
    if policy is not None and chosen != "judge":
        raise OptionError("a policy was given", hint='it is the judge\'s: backend="judge"')
    limits = checked_thresholds(thresholds or {})
    if chosen == "embedded":
        return embedded("\n".join(texts_of(parts, chosen)), limits)
    if session is None:
        hint = 'give a session, or backend="embedded"'
        raise OptionError(f"the {chosen} backend has no session to ask", hint=hint)
    if chosen == "judge":
        if limits:
            raise OptionError("thresholds were given", hint="a judge says yes or no, no score")
        how = options if model is None else {"model": model, **options}
        return await judged(session, "\n".join(texts_of(parts, chosen)), policy, **how)
    return await hosted(session, parts, limits, model=model or MODEL, **options)


def embedded(text: str, thresholds: Mapping[str, float] | None = None) -> Moderation:
    """Judge a text by the embedded weights alone; see `abuse_scores` for what they do not cover.

    Raises:
        OptionError: For a category that there is not.
    """
    scores = abuse_scores(text)
    cuts = dict(ABUSE_THRESHOLDS)
    names = {kind_of(name): name for name in cuts}
    for name, cut in (thresholds or {}).items():
        if kind_of(name) not in names:
            raise OptionError(f"category {name!r}", hint=f"one of {', '.join(cuts)}")
        cuts[names[kind_of(name)]] = cut
    flagged = tuple(name for name, score in scores.items() if score >= cuts[name])
    return Moderation(
        outcome="fail" if flagged else "pass",
        backend="embedded",
        scores=dict(scores),
        flagged=flagged,
        thresholds=cuts,
        limits=LIMITS,
        reason=", ".join(flagged),
        length=len(text),
    )


def checked_thresholds(thresholds: Mapping[str, float]) -> dict[str, float]:
    """Return thresholds, or refuse what is none.

    Raises:
        OptionError: For a name that is no text, or a number that is not from 0 to 1.
    """
    hint = "give numbers from 0 to 1 by category"
    if not isinstance(thresholds, Mapping):
        raise OptionError(f"thresholds of type {type(thresholds).__name__}", hint=hint)
    for name, value in thresholds.items():
        is_share = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not isinstance(name, str) or not is_share or not 0 <= value <= 1:
            raise OptionError(f"threshold {name!r}: {value!r}", hint=hint)
    return {name: float(value) for name, value in thresholds.items()}
