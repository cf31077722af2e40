"""What a policy makes of a request: its messages, the strings in its options, and who asks."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from promptkit.errors import BlockedError
from promptkit.prompt import INPUT, Message, Part
from promptkit.request import Request
from promptkit.safety.canary import Canary
from promptkit.safety.identity import hashed
from promptkit.safety.policy import Policy
from promptkit.safety.policy.desk import Desk
from promptkit.safety.policy.enforcement import About, Inspected, blocked, inspect, too_long
from promptkit.safety.policy.reviews import text_key
from promptkit.safety.policy.rules import Stage
from promptkit.safety.vault import Vault
from promptkit.secret import Secret

_ASKED: Final[tuple[Stage, Stage]] = ("input", "untrusted")
_CARRIED: Final = ("secrets", "personal")
"""The checks that hold for every role: nobody's key or address goes out with an older answer."""

_REPLACING: Final = ("messages", "input", "prompt", "instructions")
"""Fields of `extra` that would put other words in the place of those that were checked."""


def is_input(part: Part) -> bool:
    """Whether a part is asked: the template's own words, or those of the person that uses it."""
    return part.trusted or part.spotlight == INPUT


def parts_of(messages: Iterable[Message]) -> Iterable[Part]:
    """Yield the parts of all messages; a message that is one text is one trusted part."""
    for message in messages:
        if isinstance(message.content, str):
            yield Part(message.content)
        else:
            yield from message.content


@dataclass(frozen=True, slots=True)
class Entrance:
    """Lets requests in.

    Attributes:
        policy: What is checked.
        desk: Whom it turns to.
        key: For the hash of who asks; None for a plain one.
    """

    policy: Policy
    desk: Desk
    key: Secret | None = field(default=None, repr=False)

    def about(self, request: Request) -> About:
        """Return what the checks of a request and its answer need to know."""
        system = "\n".join(m.text for m in request.messages if m.role in ("system", "developer"))
        sources = "\n".join(p.text for p in parts_of(request.messages) if not is_input(p))
        has_canary = self.policy.canary and bool(system) and not self.policy.dry_run
        canary = Canary.of(system).token if has_canary and request.api != "embeddings" else None
        return About(system=system, canary=canary, sources=sources)

    def let_in(self, request: Request, about: About, vault: Vault) -> Request:
        """Return the request as it may be asked.

        Raises:
            BlockedError: A rule blocks a text. HeldError: a person has to look at it first.
        """
        for stage in _ASKED:
            self._measure(request, stage)
        messages = tuple(self._message(m, about, vault) for m in request.messages)
        if about.canary is not None:
            messages = _marked(messages, about.canary)
        options = request.options
        if options.extra is not None:
            extra = self._extra(json.loads(options.extra), about, vault)
            options = options.replace(extra=extra)
        return request.replace(
            messages=messages, options=options, end_user=self._identifier(request)
        )

    def _measure(self, request: Request, stage: Stage) -> None:
        """Refuse what is too long in all; texts that are cut in pieces are as long as before."""
        parts = [p for p in parts_of(request.messages) if is_input(p) is (stage == "input")]
        hit = too_long(sum(len(part.text) for part in parts), stage, self.policy)
        if hit is not None:
            self.desk.note((hit,), stage, self.policy)
            if not self.policy.dry_run:
                raise blocked(hit, stage, self.policy.name)

    def _message(self, message: Message, about: About, vault: Vault) -> Message:
        is_own = message.role in ("user", "tool")
        if isinstance(message.content, str):
            text = self._passed(message.content, "input", about, vault, is_own=is_own)
            return Message(message.role, text)
        parts = (
            replace(
                part,
                text=self._passed(
                    part.text,
                    "input" if is_input(part) else "untrusted",
                    about,
                    vault,
                    is_own=is_own,
                    cleans=not part.trusted,
                ),
            )
            for part in message.content
        )
        return Message(message.role, tuple(parts))

    def _passed(
        self,
        text: str,
        stage: Stage,
        about: About,
        vault: Vault,
        *,
        is_own: bool,
        cleans: bool = False,
    ) -> str:
        """Return a text as it may be asked, or refuse it.

        Args:
            text: A part of a message.
            stage: Whether it is asked or quoted.
            about: What it stands in.
            vault: Where personal data is put away.
            is_own: Whether a person or a tool says it; of other roles only some checks hold.
            cleans: Whether it is checked as it will be sent, clean of what is unseen.
        """
        known = replace(about, vault=None if self.policy.dry_run else vault)
        only = None if is_own else _CARRIED
        done = inspect(text, stage, self.policy, known, only=only, cleans=cleans)
        self.desk.note(done.hits, stage, self.policy)
        passed = done.text
        if done.stop is not None:
            # A person sees the text as it came; what is approved is redacted like any other.
            held = Inspected(vault.restore(done.text), done.hits, done.stop)
            approved = self.desk.stop(held, stage, text_key(stage, text), self.policy)
            passed = inspect(
                approved, stage, self.policy, known, only=only, cleans=cleans, stops=False
            ).text
        if self._redacts and not self._redacts_at(stage):
            # What only looks like a placeholder must not be restored as one.
            return vault.exchange(passed, ())[0]
        return passed

    def _extra(self, value: Any, about: About, vault: Vault) -> Any:
        """Check the strings in further fields of the body."""
        replacing = [name for name in _REPLACING if name in value]
        if replacing and not self.policy.dry_run:
            msg = f"`extra` has a field {replacing[0]!r}, which the policy cannot check"
            raise BlockedError(msg, hint="say it in messages", stage="input")
        return self._strings(value, about, vault)

    def _strings(self, value: Any, about: About, vault: Vault) -> Any:
        if isinstance(value, str):
            return self._passed(value, "input", about, vault, is_own=False)
        if isinstance(value, list):
            return [self._strings(each, about, vault) for each in value]
        if isinstance(value, dict):
            return {name: self._strings(each, about, vault) for name, each in value.items()}
        return value

    @property
    def _redacts(self) -> bool:
        return any(map(self._redacts_at, _ASKED)) and not self.policy.dry_run

    def _redacts_at(self, stage: Stage) -> bool:
        return any(
            rule.check == "personal" and rule.action == "redact" for rule in self.policy.at(stage)
        )

    def _identifier(self, request: Request) -> str:
        """Who asks, as the endpoint may know it."""
        if not request.end_user or not self.policy.identify:
            return ""
        return request.end_user if self.key is None else hashed(request.end_user, self.key.reveal())


def _marked(messages: tuple[Message, ...], token: str) -> tuple[Message, ...]:
    """Put a canary before the first system message."""
    place = next(n for n, m in enumerate(messages) if m.role in ("system", "developer"))
    message = messages[place]
    mark = Canary(token).marked("")
    content = message.content
    marked = f"{mark}{content}" if isinstance(content, str) else (Part(mark), *content)
    return (*messages[:place], Message(message.role, marked), *messages[place + 1 :])
