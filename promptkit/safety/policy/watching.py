"""Looks at an answer part by part while it arrives, for what a policy blocks or holds.

Each part is judged with the one before, and now and then with a longer stretch before it, in which
blanks are made short, so that words with many lines between them are still read together. A copied
system message adds up over the whole answer, see `LeakWatch`. What only the whole shows is found
at its end.
"""

from __future__ import annotations

import re
from collections import deque
from typing import Final

from promptkit.safety.canary import LeakWatch, find_leak
from promptkit.safety.policy import Policy
from promptkit.safety.policy.enforcement import About, Hit, Inspected, inspect, too_long

WINDOW: Final = 2_000
"""Characters before a part that it is judged with: the last parts that are as long together."""

_OFTEN: Final = 256
"""After so many characters the whole stretch is judged again; what is shorter is judged together
with all that came since."""

_CHANGING: Final = ("redact", "rewrite")
_JUDGING: Final = ("ask", "block")
_BLANKS: Final = re.compile(r"(\s)\s{2,}+")


def changing(policy: Policy) -> set[str]:
    """Return the checks that change answers."""
    if policy.dry_run:
        return set()
    return {rule.check for rule in policy.at("output") if rule.action in _CHANGING}


class Watch:
    """Judges the parts of an answer in their order."""

    def __init__(self, policy: Policy, about: About) -> None:
        """Begin with nothing heard."""
        self._policy = policy
        self._about = about
        self._before: deque[str] = deque()
        self._size = 0  # of these
        self._since = ""  # what came since these were judged
        self._length = 0  # of all
        rules = [rule for rule in policy.at("output") if rule.action in _JUDGING]
        self._leak = next((rule for rule in rules if rule.check == "leak"), None)
        self._leaks = LeakWatch(about.system, about.canary)
        checks = {rule.check for rule in policy.at("output")}
        is_judging = any(rule is not self._leak for rule in rules)
        self._checks = checks - ({"leak"} if self._leak else set()) if is_judging else set()

    def look(self, part: str) -> Inspected:
        """Judge the next part; its text is left as it is."""
        self._length += len(part)
        limit = too_long(self._length, "output", self._policy)
        if limit is not None and not self._policy.dry_run:
            return Inspected(part, (limit,), limit)
        if self._policy.dry_run or not part.strip():
            return Inspected(part)
        found = [*self._judged(part), *self._leaked(part)]
        self._before.append(_shortened(part))
        self._size += len(self._before[-1])
        while self._size > WINDOW and len(self._before) > 1:
            self._size -= len(self._before.popleft())
        stops = sorted(found, key=lambda hit: hit.rule.action == "ask")
        return Inspected(part, tuple(found), stops[0] if stops else None)

    def is_copied(self, text: str) -> bool:
        """Whether a text repeats any of a system message that is redacted where much is repeated.

        How much there is only the whole answer tells.
        """
        if "leak" not in changing(self._policy) or not self._about.system:
            return False
        return bool(find_leak(text, self._about.system, self._about.canary, threshold=0.0))

    def _judged(self, part: str) -> list[Hit]:
        if not self._checks:
            return []
        last = self._before[-1] if self._before else ""
        stretches = [last if len(last) > len(self._since) else self._since]
        if len(self._since) + len(part) >= _OFTEN:
            stretches.append("".join(self._before))
        for before in dict.fromkeys(stretches):
            done = inspect(before + part, "output", self._policy, self._about, only=self._checks)
            if done.stop is not None:
                return [done.stop]
        self._since = "" if len(stretches) > 1 else self._since + _shortened(part)
        return []

    def _leaked(self, part: str) -> list[Hit]:
        if self._leak is None or not self._about.system:
            return []
        cleaned = inspect(part, "output", self._policy, self._about, stops=False).text
        found = self._leaks.hear(cleaned)
        return [Hit(self._leak, found)] if found else []


def _shortened(part: str) -> str:
    return _BLANKS.sub(r"\1\1", part)[-WINDOW:]
