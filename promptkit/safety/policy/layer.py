"""The layer that applies a policy: outermost, so that nothing below it sees what was taken out.

Caches, recordings and budgets stand below: they see texts as the policy left them. Placeholders for
personal data are put back into the answer last of all, by a vault that lives as long as the call.

What asks a model (topics, hosted moderation) runs beside the call itself, whose answer is withheld
until it has passed and cancelled when it has not. A held text goes to the review queue; asking the
same again returns what was decided, and pays nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, replace

from promptkit.errors import InterruptedStreamError, PolicyError, PromptkitError
from promptkit.request import Request
from promptkit.response import CallLog, Choice, Response, Source
from promptkit.safety.policy import Policy
from promptkit.safety.policy.desk import Desk, check_people
from promptkit.safety.policy.enforcement import About, Hit, Inspected, blocked, inspect, too_long
from promptkit.safety.policy.entrance import Entrance
from promptkit.safety.policy.gate import Gate, Withheld
from promptkit.safety.policy.judges import judge
from promptkit.safety.policy.reviews import text_key
from promptkit.safety.policy.rules import ASKING, Rule, Stage
from promptkit.safety.policy.settling import Settling
from promptkit.safety.policy.watching import Watch, changing
from promptkit.safety.vault import Vault
from promptkit.transport import OnText, Transport


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

    def __init__(
        self,
        inner: Transport,
        policy: Policy,
        desk: Desk | None = None,
        *,
        keeps_below: bool = True,
    ) -> None:
        """Wrap `inner`.

        Args:
            inner: All layers below.
            policy: What is checked.
            desk: Whom it turns to.
            keeps_below: Whether the caches below know what the policy lets be stored; else they
                are not used where it says anything of that.

        Raises:
            PolicyError: When a rule needs people or a model and there are none.
        """
        self.inner = inner
        self.policy = policy
        self.desk = desk or Desk()
        source = policy.identify_key
        key = source.resolve() if source is not None else None
        self.entrance = Entrance(policy, self.desk, key)
        self.uses_cache = keeps_below or not policy.at("stored").rules
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
        vetted = self.desk.vetted(request)
        if vetted is not None:
            return Passage(request, About(), vault, _told(vetted, "vetted"))
        about = self.entrance.about(request)
        screened = self.entrance.let_in(request, about, vault)
        if not self.uses_cache:
            screened = screened.replace(cache="off")
        asks = self.policy.asks_people and not self.policy.dry_run
        decided = self.desk.approved(answer_key(screened), "output") if asks else None
        if decided is not None:
            return Passage(screened, about, vault, _told(decided, "reviewed"))
        return Passage(screened, about, vault)

    def leave(self, passage: Passage, response: Response) -> Response:
        """Check an answer.

        Raises:
            BlockedError: A rule blocks it; the error tells what it has cost. HeldError: likewise.
        """
        if passage.request.api in ("embeddings", "moderations"):
            return response
        with _accounted(response):
            choices = tuple(
                self._checked(choice, passage, place)
                for place, choice in enumerate(response.choices)
            )
        return replace(response, choices=choices)

    # -- asking ---------------------------------------------------------------------------

    async def _ask(self, passage: Passage, on_text: OnText | None) -> Response:
        """Ask, and have a model judge the question beside it, then the answer, where rules say so.

        Nothing of a stream is shown before its question has passed; nor, where its answer is
        judged, before that has.
        """
        request = passage.request
        shown: list[str] = []

        def show(text: str) -> None:
            shown.append(text)
            if on_text is not None:
                on_text(text)

        about, watch = passage.about, Watch(self.policy, passage.about)

        def clean(text: str) -> str:
            done = inspect(text, "output", self.policy, about, stops=False)
            return self.restored(done.text, passage)

        checks = changing(self.policy)
        settling = Settling(clean, checks, is_copied=watch.is_copied) if checks else None
        gate = Gate(
            on_text and show, lambda part: self._unit(part, watch, request), clean, settling
        )
        hear = gate.hear if on_text is not None else None
        is_judged = bool(self._judging("output", request))
        if self._judging("input", request):
            gate.close()
            answer = self._beside(request, gate, hear, opens=not is_judged)
        else:
            if is_judged:
                gate.close()
            answer = _until(self.inner(request, hear), gate)
        try:
            response = await answer
        except InterruptedStreamError as error:
            error.text = "".join(shown)  # no more than what was let through
            raise
        with _accounted(response):
            await self.judge_answer(passage, response)
            gate.open()
            gate.end()
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
        except PromptkitError as error:
            answering.cancel()
            [came] = await asyncio.gather(answering, return_exceptions=True)
            if came is not error:
                _add_cost(error, came)
            raise
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
        text = request.said
        for rule in self._judging("input", request):
            await self._judge(text, rule, "input", text_key("input", text))

    async def judge_answer(self, passage: Passage, response: Response) -> None:
        """Have a model judge an answer, where the policy says so.

        Raises:
            BlockedError: It may not be shown. HeldError: a person has to look at it first.
        """
        for rule in self._judging("output", passage.request):
            for place, choice in enumerate(response.choices):
                await self._judge(choice.text, rule, "output", answer_key(passage.request, place))

    async def _judge(self, text: str, rule: Rule, stage: Stage, key: bytes) -> None:
        assert self.desk.judge is not None  # noqa: S101 -- the constructor has seen to it
        try:
            findings = await judge(self.desk.judge, text, rule)
        except PromptkitError:
            if self.policy.dry_run:
                return  # a trial of a policy is no reason for a call to fail
            raise
        if not findings:
            return
        hit = Hit(rule, findings)
        self.desk.note((hit,), stage, self.policy)
        if rule.action != "allow" and not self.policy.dry_run:
            self.desk.stop(Inspected(text, (hit,), hit), stage, key, self.policy)

    # -- on the way out -------------------------------------------------------------------

    def _checked(self, choice: Choice, passage: Passage, place: int) -> Choice:
        """Return an answer as it may be shown, or refuse it."""
        request, about = passage.request, passage.about
        done = inspect(choice.text, "output", self.policy, about)
        self.desk.note(done.hits, "output", self.policy)
        limit = too_long(len(choice.text), "output", self.policy)
        if limit is not None:
            self.desk.note((limit,), "output", self.policy)
            if not self.policy.dry_run:
                raise blocked(limit, "output", self.policy.name)
        text = self.restored(done.text, passage)
        if done.stop is not None:
            question = passage.vault.restore(request.messages[-1].text if request.messages else "")
            held = Inspected(text, done.hits, done.stop)
            text = self.desk.stop(held, "output", answer_key(request, place), self.policy, question)
        # Log-probabilities spell the text as it was.
        return choice if text == choice.text else replace(choice, text=text, logprobs=None)

    def restored(self, text: str, passage: Passage) -> str:
        """Put personal data back; what then could carry it out is taken out once more."""
        whole = passage.vault.restore(text)
        if whole == text:
            return text
        return inspect(
            whole, "output", self.policy, passage.about, only=("markdown",), stops=False
        ).text

    def _unit(self, part: str, watch: Watch, request: Request) -> None:
        """Refuse a part of a stream; what only the whole answer shows is found at its end."""
        done = watch.look(part)
        if done.stop is None:
            return
        if done.stop.rule.action == "ask":
            raise Withheld  # a person decides on the whole answer
        self.desk.note(done.hits, "output", self.policy)
        self.desk.stop(done, "output", answer_key(request), self.policy)


def answer_key(request: Request, place: int = 0) -> bytes:
    """Return the key under which one of the answers to a request is held."""
    return request.key if place == 0 else text_key("output", f"{request.key.hex()} {place}")


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


@contextlib.contextmanager
def _accounted(response: Response) -> Iterator[None]:
    """Let an error after an answer tell what the answer has cost: it was paid, and is not seen."""
    try:
        yield
    except PromptkitError as error:
        _add_cost(error, response)
        raise


def _add_cost(error: PromptkitError, came: object) -> None:
    """Add to an error what an answer, or another error, says that was spent."""
    log = getattr(came, "log", None)
    if isinstance(log, CallLog):
        error.attempts += log.attempts
        error.unsettled_usd += log.unsettled_usd
        if log.source == "endpoint":
            error.unsettled_usd += getattr(came, "cost_usd", None) or 0.0
    else:
        error.attempts += getattr(came, "attempts", 0)
        error.unsettled_usd += getattr(came, "unsettled_usd", 0.0)
