"""What kinds of abuse are told apart, from where on one counts, and what is not covered."""

from __future__ import annotations

from typing import Final

CATEGORIES: Final = ("harassment", "hate", "self-harm", "sexual", "violence")
"""The names are those of OpenAI's moderation endpoint, so that one table of thresholds does for
both."""

LIMITS: Final = (
    "illicit requests and slur-free hate are not covered offline: open hatred of a group is often "
    "found, implied hatred is not; English only"
)
"""What the embedded classifier does not see; whatever it returns says so."""

THRESHOLD: Final = 0.5
ABUSE_THRESHOLDS: Final = dict.fromkeys(CATEGORIES, THRESHOLD)
"""The score from which a category counts as found. All are on one scale, so they are equal."""
