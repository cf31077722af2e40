"""Checks on what goes to a model, what comes back and what is kept: offline first, measured.

A check on a text is a pure function and needs no account, no download and no network; one that
asks a model is async and takes a Session first. Each says in its docstring what it does not cover,
and `docs/safety.md` how often it is wrong. None of them is a defence by itself.

No module here is called as a public name, so that both can be looked up. Names are loaded
when they are first used: the layers of every session import single modules of this package.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

_HOMES: Final = {
    "ABUSE_THRESHOLDS": "classifiers.abuse_categories",
    "DEFAULT_POLICY": "policy",
    "INJECTION_THRESHOLD": "injection",
    "LEAK_THRESHOLD": "canary",
    "UNTRUSTED_THRESHOLD": "untrusted",
    "AbuseScores": "abuse",
    "Canary": "canary",
    "Cleaned": "finding",
    "Finding": "finding",
    "Image": "moderating.inputs",
    "Moderation": "moderating.outcome",
    "Policy": "policy",
    "QuoteCheck": "quotes",
    "Recognizer": "redaction",
    "Redacted": "redaction",
    "Spotlit": "spotlighting",
    "Vault": "vault",
    "abuse_scores": "abuse",
    "add_canary": "canary",
    "beside": "moderating.input_beside",
    "find_leak": "canary",
    "find_secrets": "credentials",
    "grounded": "grounding",
    "guard": "policy.guarding",
    "injection_score": "injection",
    "moderate": "moderation",
    "moderated": "moderating.streamed",
    "neutralize_markdown": "markdown",
    "redact": "redaction",
    "redact_secrets": "credentials",
    "sanitize": "sanitizing",
    "scan_untrusted": "untrusted",
    "spotlight": "spotlighting",
    "stream_beside": "moderating.input_beside",
    "verify_quotes": "quotes",
}
"""Which module a public name stands in."""

__all__ = [
    "ABUSE_THRESHOLDS",
    "DEFAULT_POLICY",
    "INJECTION_THRESHOLD",
    "LEAK_THRESHOLD",
    "UNTRUSTED_THRESHOLD",
    "AbuseScores",
    "Canary",
    "Cleaned",
    "Finding",
    "Image",
    "Moderation",
    "Policy",
    "QuoteCheck",
    "Recognizer",
    "Redacted",
    "Spotlit",
    "Vault",
    "abuse_scores",
    "add_canary",
    "beside",
    "find_leak",
    "find_secrets",
    "grounded",
    "guard",
    "injection_score",
    "moderate",
    "moderated",
    "neutralize_markdown",
    "redact",
    "redact_secrets",
    "sanitize",
    "scan_untrusted",
    "spotlight",
    "stream_beside",
    "verify_quotes",
]


def __getattr__(name: str) -> Any:
    """Load a name when it is first looked at."""
    home = _HOMES.get(name)
    if home is None:
        msg = f"module 'promptkit.safety' has no attribute {name!r}"
        raise AttributeError(msg, name=name)
    value = getattr(import_module(f"promptkit.safety.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted(__all__)
