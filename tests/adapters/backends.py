"""The three adapters that must behave alike, made for tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from servers.openai_server import OpenAIServer

from promptkit.adapters.http import HttpAdapter
from promptkit.adapters.local import LocalAdapter
from promptkit.adapters.model_file import model_path
from promptkit.adapters.openai import OpenAIAdapter
from promptkit.folders import data_folder
from promptkit.prompt import Message
from promptkit.request import NO_OPTIONS, Request
from promptkit.secret import Secret

QUESTION = "Who is afraid of wolves?"
REAL_DATA_FOLDER = data_folder()
"""Read before any test gets a folder of its own: the weights are there, if anywhere."""

REAL_MODEL = model_path()


@dataclass
class Backend:
    """An adapter under test, and what is known of who answers."""

    name: str
    adapter: Any
    model: str
    server: OpenAIServer | None

    def request(self, text: str = QUESTION, **fields: Any) -> Request:
        if text == QUESTION and fields.get("api") == "completions":
            text = "Once upon a time there was a wolf who"
        options = {
            name: fields.pop(name)
            for name in list(fields)
            if name not in ("model", "api", "messages", "sample")
        }
        messages = fields.pop("messages", (Message("user", text),))
        fields.setdefault("model", self.model)
        return Request(messages=messages, options=NO_OPTIONS.replace(**options), **fields)

    async def ask(self, text: str = QUESTION, **fields: Any) -> Any:
        return await self.adapter(self.request(text, **fields))


def local_adapter(monkeypatch: pytest.MonkeyPatch) -> LocalAdapter:
    pytest.importorskip("xllamacpp", reason="xllamacpp is not installed (promptkit[local])")
    if not REAL_MODEL.exists():
        pytest.skip("no embedded model: run `promptkit model install`")
    monkeypatch.setenv("PROMPTKIT_HOME", str(REAL_DATA_FOLDER))
    return LocalAdapter()


def http_adapter(server: OpenAIServer, **settings: Any) -> HttpAdapter:
    settings.setdefault("constraints", "json_schema")
    return HttpAdapter(base_url=server.url, api_key=Secret(server.key), **settings)


def openai_adapter(server: OpenAIServer) -> OpenAIAdapter:
    import openai

    client = openai.AsyncOpenAI(base_url=server.url, api_key=server.key)
    return OpenAIAdapter(client, constraints="json_schema")
