"""The layer that applies a policy: outermost, so that nothing below it sees what was taken out.

Caches, recordings and budgets stand below: they see texts as the policy left them. Placeholders for
personal data are put back into the answer last of all, by a vault that lives as long as the call.

What asks a model (topics, hosted moderation) runs beside the call itself, whose answer is withheld
until it has passed and cancelled when it has not. A held text goes to the review queue; asking the
same again returns what was decided, and pays nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, replace

from promptkit.errors import BlockedError, PolicyError
from promptkit.prompt import INPUT, Message, Part
from promptkit.request import Request
from promptkit.response import CallLog, Choice, Response, Source
from promptkit.safety.canary import Canary
from promptkit.safety.identity import hashed
from promptkit.safety.policy import Policy
from promptkit.safety.policy.desk import Desk, check_people
from promptkit.safety.policy.enforcement import About, Hit, Inspected, inspect
from promptkit.safety.policy.gate import Gate, Withheld
from promptkit.safety.policy.judges import judge
from promptkit.safety.policy.reviews import text_key
from promptkit.safety.policy.rules import ASKING, Rule, Stage
from promptkit.safety.vault import Vault
from promptkit.transport import OnText, Transport

_BEFORE: tuple[Stage, ...] = ("input", "untrusted")


@dataclass(frozen=True, slots=True)
class Passage:
    """A request that a policy lets through.

    Attributes:
        request: As it is asked.
        about: What the checks of its answer need to know.
        vault: What puts personal data back into the answer.
        answer: Its answer, where a person has given or approved one.
    """

    request: Request
    about: About
    vault: Vault
    answer: Response | None = None


class PolicyLayer:
    """Applies a policy to each request on its way in and to its answer on the way out."""

    def __init__(self, inner: Transport, policy: Policy, desk: Desk | None = None) -> None:
        """Wrap `inner`.

        Raises:
            PolicyError: When a rule needs people or a model and there are none.
        """
        self.inner = inner
        self.policy = policy
        self.desk = desk or Desk()
        source = policy.identify_key
        self._identity_key = source.resolve().reveal() if source is not None else ""
        check_people(policy, self.desk.reviews)
        if policy.asks_models and self.desk.judge is None:
            msg = f"the policy {policy.name!r} asks a model, and there is no session for that"
            raise PolicyError(msg, hint="guard(fn, policy) has one; so has connect(policy=…)")

    async def __call__(self, request: Request, on_text: OnText | None = None, /) -> Response:
        """Check what is asked, ask, check what comes back.

        Raises:
            BlockedError: A rule blocks a text. HeldError: a person has to look at it first.
        """
        passage = self.enter(request)
        if passage.answer is not None:
            if on_text is not None:
                on_text(passage.answer.text)
            return passage.answer
        return self.leave(passage, await self._ask(passage, on_text))

    def enter(self, request: Request) -> Passage:
        """Check what is asked.

        Raises:
            BlockedError: A rule blocks a text. HeldError: a person has to look at it first.
        """
        vault = Vault()
        if request.api == "moderations":  # what is to be judged is judged as it is
            return Passage(request, About(), vault)
        vetted = self.desk.vetted(request.messages[-1]) if request.messages else None
        if vetted is not None:
            return Passage(request, About(), vault, _told(vetted, "vetted"))
        about = self._about(request)
        screened = self._screen(request, about, vault)
        asks = self.policy.asks_people
        decided = self.desk.approved(screened.key, "output") if asks else None
        if decided is not None:
            return Passage(screened, about, vault, _told(vault.restore(decided), "reviewed"))
        return Passage(screened, about, vault)

    def leave(self, passage: Passage, response: Response) -> Response:
        """Check an answer.

        Raises:
            BlockedError: A rule blocks it; the error tells what it has cost. HeldError: likewise.
        """
        if passage.request.api in ("embeddings", "moderations"):
            return response
        try:
            choices = tuple(self._checked(choice, passage) for choice in response.choices)
        except BlockedError as error:
            _account(error, response)
            raise
        return replace(response, choices=choices)

    # -- on the way in --------------------------------------------------------------------

    def _about(self, request: Request) -> About:
        """What the checks need to know."""
        system = "\n".join(m.text for m in request.messages if m.role in ("system", "developer"))
        sources = "\n".join(part.text for part in _parts(request.messages) if not _is_input(part))
        has_canary = self.policy.canary and bool(system) and not self.policy.dry_run
        canary = Canary.of(system).token if has_canary else None
        return About(system=system, canary=canary, sources=sources)

    def _screen(self, request: Request, about: About, vault: Vault) -> Request:
        """Return the request as the policy lets it through."""
        messages = tuple(self._message(m, about, vault) for m in request.messages)
        if about.canary is not None:
            first = messages[0]
            marked = Canary(about.canary).marked(first.text)
            messages = (Message(first.role, marked), *messages[1:])
        return request.replace(messages=messages, end_user=self._identifier(request))

    def _identifier(self, request: Request) -> str:
        """Who asks, as the endpoint may know it."""
        if not request.end_user or not self.policy.identify:
            return ""
        return (
            hashed(request.end_user, self._identity_key) if self._identity_key else request.end_user
        )

    def _message(self, message: Message, about: About, vault: Vault) -> Message:
        if message.role not in ("user", "tool"):
            return message
        if isinstance(message.content, str):
            return Message(message.role, self._passed(message.content, "input", about, vault))
        parts = (
            replace(part, text=self._passed(part.text, stage, about, vault))
            for part in message.content
            for stage in (_BEFORE[0] if _is_input(part) else _BEFORE[1],)
        )
        return Message(message.role, tuple(parts))

    def _passed(self, text: str, stage: Stage, about: About, vault: Vault) -> str:
        """Return a text as it may be asked, or refuse it."""
        kept = None if self.policy.dry_run else vault
        done = inspect(text, stage, self.policy, replace(about, vault=kept))
        self.desk.note(done.hits, stage, self.policy)
        if done.stop is not None:
            return self.desk.stop(done, stage, text_key(stage, text), self.policy)
        if self._redacts and not self._redacts_at(stage):
            # What only looks like a placeholder must not be restored as one.
            return vault.exchange(done.text, ())[0]
        return done.text

    @property
    def _redacts(self) -> bool:
        return any(map(self._redacts_at, _BEFORE)) and not self.policy.dry_run

    def _redacts_at(self, stage: Stage) -> bool:
        return any(
            rule.check == "personal" and rule.action == "redact" for rule in self.policy.at(stage)
        )

    # -- asking ---------------------------------------------------------------------------

    async def _ask(self, passage: Passage, on_text: OnText | None) -> Response:
        """Ask, and have a model judge the question beside it, then the answer, where rules say so.

        Nothing of a stream is shown before its question has passed; nor, where its answer is
        judged, before that has.
        """
        request = passage.request
        gate = Gate(on_text, lambda before, unit: self._unit(before, unit, passage), self.policy)
        hear = gate.hear if on_text is not None else None
        is_judged = bool(self._judging("output", request))
        if self._judging("input", request):
            gate.close()
            answer = self._beside(request, gate, hear, opens=not is_judged)
        else:
            if is_judged:
                gate.close()
            answer = _until(self.inner(request, hear), gate)
        response = await answer
        try:
            await self.judge_answer(passage, response)
            gate.open()
            gate.end()
        except BlockedError as error:
            _account(error, response)
            raise
        return response

    async def _beside(
        self, request: Request, gate: Gate, hear: OnText | None, *, opens: bool
    ) -> Response:
        """Ask and judge at once; the first that fails ends the other."""
        judging = asyncio.ensure_future(self.judge_question(request))
        answering = asyncio.ensure_future(_until(self.inner(request, hear), gate))
        if opens:
            judging.add_done_callback(lambda task: _open(gate, task))
        try:
            await asyncio.wait((answering, judging), return_when=asyncio.FIRST_EXCEPTION)
            for task in (judging, answering):
                if task.done():
                    task.result()
            return answering.result()
        finally:
            for task in (judging, answering):
                task.cancel()
            await asyncio.gather(judging, answering, return_exceptions=True)

    def _judging(self, stage: Stage, request: Request) -> list[Rule]:
        """The rules of a stage that ask a model."""
        if request.api in ("embeddings", "moderations"):
            return []
        return [rule for rule in self.policy.at(stage) if rule.check in ASKING]

    async def judge_question(self, request: Request) -> None:
        """Have a model judge a question, where the policy says so.

        Raises:
            BlockedError: It may not be asked. HeldError: a person has to look at it first.
        """
        text = "\n\n".join(m.text for m in request.messages if m.role == "user")
        for rule in self._judging("input", request):
            await self._judge(text, rule, "input", text_key("input", text))

    async def judge_answer(self, passage: Passage, response: Response) -> None:
        """Have a model judge an answer, where the policy says so.

        Raises:
            BlockedError: It may not be shown. HeldError: a person has to look at it first.
        """
        for rule in self._judging("output", passage.request):
            for choice in response.choices:
                await self._judge(choice.text, rule, "output", passage.request.key)

    async def _judge(self, text: str, rule: Rule, stage: Stage, key: bytes) -> None:
        assert self.desk.judge is not None  # noqa: S101 -- the constructor has seen to it
        findings = await judge(self.desk.judge, text, rule)
        if not findings:
            return
        hit = Hit(rule, findings)
        self.desk.note((hit,), stage, self.policy)
        if rule.action != "allow" and not self.policy.dry_run:
            self.desk.stop(Inspected(text, (hit,), hit), stage, key, self.policy)

    # -- on the way out -------------------------------------------------------------------

    def _checked(self, choice: Choice, passage: Passage) -> Choice:
        """Return an answer as it may be shown, or refuse it."""
        request, about = passage.request, passage.about
        done = inspect(choice.text, "output", self.policy, about)
        self.desk.note(done.hits, "output", self.policy)
        text = done.text
        if done.stop is not None:
            question = request.messages[-1].text if request.messages else ""
            text = self.desk.stop(done, "output", request.key, self.policy, question)
        text = passage.vault.restore(text)
        return choice if text == choice.text else replace(choice, text=text)

    def _unit(self, before: str, unit: str, passage: Passage) -> str:
        """Return a unit of a stream as it may be shown, or refuse it: it is judged with the last.

        What only the whole answer shows is found at its end.
        """
        about = passage.about
        done = inspect(before + unit, "output", self.policy, about)
        if done.stop is not None:
            if done.stop.rule.action == "ask":
                raise Withheld  # a person decides on the whole answer
            self.desk.note(done.hits, "output", self.policy)
            self.desk.stop(done, "output", passage.request.key, self.policy)
        return passage.vault.restore(inspect(unit, "output", self.policy, about).text)


def _is_input(part: Part) -> bool:
    """Whether a part is asked: the template's own words, or those of the person that uses it."""
    return part.trusted or part.spotlight == INPUT


def _parts(messages: Iterable[Message]) -> Iterable[Part]:
    for message in messages:
        if not isinstance(message.content, str):
            yield from message.content


def _told(text: str, source: Source) -> Response:
    log = CallLog(source=source, attempts=0)
    return Response(choices=(Choice(text, "stop"),), cost_usd=0.0, log=log)


def _open(gate: Gate, judging: asyncio.Future[None]) -> None:
    if not judging.cancelled() and judging.exception() is None:
        gate.open()


async def _until(answer: Awaitable[Response], gate: Gate) -> Response:
    """Wait for the answer, and cancel it as soon as the gate refuses a piece of it."""
    task = asyncio.ensure_future(answer)
    gate.on_refusal(task.cancel)
    try:
        return await task
    except asyncio.CancelledError as cancelled:
        if gate.refusal is None:
            task.cancel()
            raise
        gate.refusal.attempts = getattr(cancelled, "attempts", 0)
        gate.refusal.unsettled_usd = getattr(cancelled, "unsettled_usd", 0.0)
        raise gate.refusal from None


def _account(error: BlockedError, response: Response) -> None:
    """Let an error tell what the answer it withholds has cost."""
    error.attempts = response.log.attempts
    error.unsettled_usd = response.log.unsettled_usd
    if response.log.source == "endpoint":
        error.unsettled_usd += response.cost_usd or 0.0
