"""Every error promptkit raises, and what each one means for the caller.

    PromptkitError
    ├── PromptError            a template or slot is wrong            (also a ValueError)
    ├── OptionError            an argument or option is wrong         (also a ValueError)
    ├── ProfileError           a profile is missing, misspelt or unsafe
    ├── MissingExtraError      an optional package is not installed   (also an ImportError)
    ├── ModelFileError         embedded weights are missing or damaged
    ├── StoreError             a cache, ledger or recording file is damaged or foreign
    ├── TableError             an input file or row cannot be used
    ├── ProgramError           a program that a model wrote cannot be read or run
    ├── UnfitAnswerError       an answer does not obey its constraint
    ├── PolicyError            a policy file or value is wrong        (also a ValueError)
    ├── BlockedError           a check did not let a text through; `findings` says why
    │   └── HeldError          it waits for a person; `ticket` is its number in the queue
    ├── ReplayError            a recording does not hold this request
    ├── BudgetError            the call could overrun a hard limit, so it was not made
    └── CallError              a call was made and did not give an answer
        ├── ConnectionFailedError  no connection, or lost before the answer
        ├── DeadlineError          no answer in time                  (also a TimeoutError)
        ├── ProtocolError          the server's answer cannot be read
        ├── InterruptedStreamError the stream broke; `text` holds what came
        ├── RefusedRequestError    400, 413, 422: the request itself is wrong
        │   └── ContextLengthError the prompt does not fit the model
        ├── AuthenticationError    401, 403: the key is wrong or may not do this
        ├── UnknownModelError      404: no such model or endpoint
        ├── RateLimitError         429: too fast; ask again later
        ├── QuotaError             429: the account has no credit left
        └── ServerError            408, 409, 5xx: the server failed

Three questions are answered once, here, so that no layer has to guess:
`retryable` (may the same request succeed later), `billed` (may the provider charge for the
attempt all the same), `hint` (what to do). No message holds a key or the text of a prompt. The
family stays in one file, so that it can be seen as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

Fault = Literal["client", "limit", "network", "server"]

_GAVE_UP_WAITING: Final = frozenset((408, 502, 504, 520, 522, 524, 598, 599))
"""Statuses of a server or proxy that did not wait for the answer, or lost it."""


class PromptkitError(Exception):
    """Root of the tree: `except PromptkitError` catches all that promptkit itself raises.

    Attributes:
        hint: What to do about it; shown after the message.
        attempts: How many times the request was sent, counting the one that failed last.
        unsettled_usd: The most that unanswered attempts may still be charged, in US dollars.
    """

    retryable: bool = False
    billed: bool = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Keep the parts; the text is «message: hint»."""
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.attempts = 0
        self.unsettled_usd = 0.0

    def __str__(self) -> str:
        """Show the message, then what to do."""
        return f"{self.message}: {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle with the keyword arguments, which Exception alone would lose."""
        return (_rebuild, (type(self), self.message, self.__dict__))


def _rebuild(kind: type[PromptkitError], message: str, state: dict[str, object]) -> PromptkitError:
    error = kind.__new__(kind, message)
    error.args = (message,)
    error.__dict__.update(state)
    return error


class PromptError(PromptkitError, ValueError):
    """A template does not parse, a slot is unknown or empty, or text would cross a border."""


class OptionError(PromptkitError, ValueError):
    """An argument or option has a name or value that is not allowed."""


class ProfileError(PromptkitError):
    """A profile is missing, holds an unknown field, or holds what must not be in a file."""


class MissingExtraError(PromptkitError, ImportError):
    """An optional package is needed for this and is not installed."""


class ModelFileError(PromptkitError):
    """The embedded model's file is missing, is no GGUF, or has the wrong checksum."""


class StoreError(PromptkitError):
    """A cache, ledger or recording file is damaged, foreign or of a later version."""


class TableError(PromptkitError):
    """An input table or one of its rows cannot be used as asked."""


class ProgramError(PromptkitError):
    """A program that a model wrote cannot be read, fails, or does not keep within its limits."""


class UnfitAnswerError(PromptkitError):
    """An answer does not obey its constraint, and what was to come needs one that does.

    Attributes:
        text: The answer.
    """

    billed = True

    def __init__(self, message: str, *, text: str = "", hint: str = "") -> None:
        """Keep the answer."""
        super().__init__(message, hint=hint)
        self.text = text


class PolicyError(PromptkitError, ValueError):
    """A policy cannot be used: a field is unknown, a value is wrong, or two rules disagree."""


class BlockedError(PromptkitError):
    """A check did not let a text through. The message and the findings never hold the text.

    Attributes:
        stage: Where it was stopped: "input", "untrusted", "output" or "stored".
        findings: What was found, each a `promptkit.safety.Finding`.
    """

    def __init__(
        self, message: str, *, hint: str = "", stage: str = "", findings: Sequence[object] = ()
    ) -> None:
        """Keep where it was stopped, and why."""
        super().__init__(message, hint=hint)
        self.stage = stage
        self.findings = tuple(findings)


class HeldError(BlockedError):
    """A text waits for a person to approve it; ask again when that is done.

    Attributes:
        ticket: Its number in the review queue.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        stage: str = "",
        findings: Sequence[object] = (),
        ticket: int = 0,
    ) -> None:
        """Keep the number under which it waits."""
        super().__init__(message, hint=hint, stage=stage, findings=findings)
        self.ticket = ticket


class ReplayError(PromptkitError):
    """The recording has no answer to this request; the message names what differs."""


class BudgetError(PromptkitError):
    """A hard limit would not surely hold if this call were made. Nothing was sent."""


class CallError(PromptkitError):
    """A call was sent, or was about to be, and brought no usable answer.

    Attributes:
        status: The HTTP status, where there was one.
        retry_after_s: How long the server asked to wait, in seconds.
        headers: The response's rate-limit headers, lower-case names.
        fault: Whose it is: «client» (request or key), «limit» (rate or credit), «network»
            (connection or time), «server».
        elsewhere: Whether another route is ready to take the request at once.
        jitter: The share of a random wait that is common to all who failed together, 0 to 1;
            None where each draws its own.
    """

    fault: Fault = "server"
    elsewhere: bool = False
    jitter: float | None = None

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        status: int | None = None,
        retry_after_s: float | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Keep what the retry and limit layers read."""
        super().__init__(message, hint=hint)
        self.status = status
        self.retry_after_s = retry_after_s
        self.headers = headers or {}


class ConnectionFailedError(CallError):
    """No connection, or it was lost before a whole answer came."""

    retryable = True
    billed = True
    fault: Fault = "network"


class DeadlineError(CallError, TimeoutError):
    """No answer within the deadline; the provider may have worked for it all the same."""

    retryable = True
    billed = True
    fault: Fault = "network"


class ProtocolError(CallError):
    """An answer came that cannot be read: broken JSON, a missing field, a strange type."""

    retryable = True
    billed = True


class InterruptedStreamError(CallError):
    """A stream broke after some of its text had been handed on, so it is not asked again.

    Attributes:
        text: The text received before the break.
        input_tokens: Estimated tokens of the prompt, for what the break has cost; 0 where
            nobody estimated them.
        output_tokens: Estimated tokens of the answers until the break.
    """

    billed = True
    fault: Fault = "network"

    def __init__(self, message: str, *, text: str = "", hint: str = "") -> None:
        """Keep the text that came before the break."""
        super().__init__(message, hint=hint)
        self.text = text
        self.input_tokens = 0
        self.output_tokens = 0


class RefusedRequestError(CallError):
    """The server will not take this request as it is (400, 413, 422)."""

    fault: Fault = "client"


class ContextLengthError(RefusedRequestError):
    """Prompt and answer together are longer than the model's context."""


class AuthenticationError(CallError):
    """The key is missing, wrong, or not allowed to do this (401, 403)."""

    fault: Fault = "client"


class UnknownModelError(CallError):
    """The endpoint knows no such model, or no such address (404)."""

    fault: Fault = "client"


class RateLimitError(CallError):
    """Too many requests or tokens for now (429)."""

    retryable = True
    fault: Fault = "limit"


class QuotaError(CallError):
    """The account's credit or monthly limit is used up (429, `insufficient_quota`)."""

    fault: Fault = "limit"


class ServerError(CallError):
    """The server failed or was too busy (408, 409, 5xx).

    Where the status says that something in between gave up waiting (408, 502, 504 and the 52x of
    proxies), the model may have worked all the same, so the attempt counts as billed.
    """

    retryable = True

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        status: int | None = None,
        retry_after_s: float | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Decide by the status whether the attempt may be billed."""
        super().__init__(
            message, hint=hint, status=status, retry_after_s=retry_after_s, headers=headers
        )
        self.billed = status in _GAVE_UP_WAITING
