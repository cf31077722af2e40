"""promptkit: language-model prompts that are right often enough, safe enough and cheap enough.

Read it in this order: `errors`, `prompt`, `constraint`, `request`, `response`; `amounts` and
`explanation`, by which `result` shows itself, and `result`; `transport`; then `trace`, `question`,
`stream`, `heartbeat`, `executor` and `session`, which stands on them; then `transports.stack` and
the layers it orders, with `tokens`, `pricing` and `codec`; then `profile`, `answerer`, `routing`,
`connect` and `run`; then the primitives, and `logic`, which solves what some of them have a model
write down; `safety`, from its checks on a text to its package `policy`, and `policing`, which puts
a session under a policy. What third parties do stands in `adapters`, what people see in `notebook`,
`terminal` and `cli`; `testing` has the models that tests and examples ask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from promptkit import errors, testing
from promptkit.connect import connect
from promptkit.constraint import Constraint
from promptkit.errors import PromptkitError
from promptkit.pricing import Price
from promptkit.profile import Profile
from promptkit.prompt import Message, Prompt
from promptkit.request import Options, Request
from promptkit.response import Choice, Response, Usage
from promptkit.result import Result, Verdict
from promptkit.run import run
from promptkit.session import Session
from promptkit.transport import Transport
from promptkit.transports.breaker import BreakerPolicy
from promptkit.transports.budget import Budget
from promptkit.transports.hedge import Hedge
from promptkit.transports.limit import Limits
from promptkit.transports.meter import SoftLimit
from promptkit.transports.pack import Packing
from promptkit.transports.retry import RetryPolicy
from promptkit.transports.routes import Route, Routes
from promptkit.transports.store import Cache

if TYPE_CHECKING:
    from promptkit import primitives, safety

__all__ = [
    "BreakerPolicy",
    "Budget",
    "Cache",
    "Choice",
    "Constraint",
    "Hedge",
    "Limits",
    "Message",
    "Options",
    "Packing",
    "Price",
    "Profile",
    "Prompt",
    "PromptkitError",
    "Request",
    "Response",
    "Result",
    "RetryPolicy",
    "Route",
    "Routes",
    "Session",
    "SoftLimit",
    "Transport",
    "Usage",
    "Verdict",
    "connect",
    "errors",
    "primitives",
    "run",
    "safety",
    "testing",
]


def __getattr__(name: str) -> Any:
    """Load `primitives` and `safety` when they are first looked at: most runs use few of them."""
    if name in ("primitives", "safety"):
        from importlib import import_module

        return import_module(f"promptkit.{name}")
    msg = f"module 'promptkit' has no attribute {name!r}"
    raise AttributeError(msg, name=name)


def load_ipython_extension(ip: Any) -> None:
    """Do what `%load_ext promptkit` asks for: readouts under cells, and `%%budget`."""
    from promptkit import notebook

    notebook.load(ip)


def unload_ipython_extension(ip: Any) -> None:
    """Undo it."""
    from promptkit import notebook

    notebook.unload(ip)
