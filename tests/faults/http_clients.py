"""Choosing the HTTP client that `connect` would otherwise choose by what is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from promptkit.adapters import http

CLIENTS = ("aiohttp", "httptools")


def choose_client(name: str, setattr_: Callable[..., Any] = setattr) -> None:
    """Let every HttpAdapter made from now on use the client `name`; behind a proxy, aiohttp."""
    setattr_(http, "_client_name", lambda _, proxy: name if proxy is None else "aiohttp")
