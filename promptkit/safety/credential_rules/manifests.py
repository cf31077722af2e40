"""Secrets in manifests of Kubernetes: what a document of the kind Secret holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from promptkit.safety.credential_rules.checks import decoded
from promptkit.safety.credential_rules.values import is_placeholder, is_reference, looks_chosen
from promptkit.safety.finding import Finding

_Q: Final = r"(?:\\?[\"'])?"
_MANIFEST: Final = re.compile(
    rf"{_Q}(?<!\w)kind{_Q}[ \t]{{0,4}}:[ \t]{{0,4}}{_Q}Secret(?![\w-]){_Q}"
)
_DATA: Final = re.compile(rf"(?<![\w-]){_Q}(?:data|stringData){_Q}[ \t]{{0,4}}:[ \t]{{0,4}}")
_GAP: Final = re.compile(
    r"(?:[ \t]{0,40}+(?:#[^\n]{0,400}+)?(?:\r?\n|\\n)|[ \t]{0,40}+[,{]){0,50}+"
)
"""Empty lines, comments, and what stands between the members of a JSON object."""

_ENTRY: Final = re.compile(
    r"(?P<indent>[ \t]{0,40}+)" + rf"{_Q}(?P<name>[\w.-]{{1,100}}+){_Q}[ \t]{{0,4}}:[ \t]{{0,4}}"
    r"(?:(?:!!?\w{1,10}|[|>][-+]?)\s{1,40})?" + rf"{_Q}(?P<value>[^\s\"',}}\\]{{0,8000}}+){_Q}"
)
_DOCUMENT: Final = 20_000
"""Characters before and after `kind: Secret` that belong to it."""

_ENTRIES: Final = 200
_SHORTEST: Final = 8


def kubernetes_secrets(text: str) -> Iterator[Finding]:
    r"""Find the values in manifests of Kubernetes whose kind is Secret.

    >>> [f.kind for f in kubernetes_secrets("kind: Secret\ndata:\n  key: czNjcjN0UDRzcw==")]
    ['kubernetes_secret']
    """
    if "Secret" not in text or "ata" not in text:
        return
    done = 0
    for manifest in _MANIFEST.finditer(text):
        if manifest.start() < done:
            continue
        first = max(done, manifest.start() - _DOCUMENT)
        start = max(text.rfind("\n---", first, manifest.start()), first)
        last = min(len(text), manifest.end() + _DOCUMENT)
        end = text.find("\n---", manifest.end(), last)
        done = end if end >= 0 else last
        at = start
        while data := _DATA.search(text, at, done):
            at = data.end()
            for entry in _entries(text, at, done):
                at = entry.end()
                if _is_secret(entry["value"]):
                    yield Finding(
                        kind="kubernetes_secret",
                        span=entry.span("value"),
                        confidence=0.8,
                        action="redact",
                        detail="a value of a Kubernetes Secret",
                    )


def _entries(text: str, start: int, end: int) -> Iterator[re.Match[str]]:
    """The members of one block `data`, as far as they stand equally deep."""
    at, indent = start, None
    for _ in range(_ENTRIES):
        gap = _GAP.match(text, at, end)
        found = _ENTRY.match(text, gap.end() if gap else at, end)
        if found is None:
            return
        depth = len(found["indent"])
        indent = depth if indent is None else indent
        if depth < indent:
            return
        yield found
        at = found.end()


def _is_secret(value: str) -> bool:
    if len(value) < _SHORTEST or is_reference(value) or is_placeholder(value):
        return False
    return decoded(value) is not None or looks_chosen(value)
