"""What the pages run in: an empty folder, no key, and an endpoint on this machine.

A page is one doctest. Its `console` blocks are run too, by a hidden line `>>> shell()`, which
takes the page's next block, runs its commands and prints what they print for comparison.
"""
# ruff: noqa: D103, INP001, S101

from __future__ import annotations

import contextlib
import doctest
import io
import json
import re
import shlex
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

_BLOCK = re.compile(r"^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_KEYS = ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "AZURE_OPENAI_ENDPOINT")


class _Handler(BaseHTTPRequestHandler):
    """Sorts tickets, as a model would."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = body["messages"][-1]["content"].lower()
        team = "billing" if "invoice" in asked or "charged" in asked else "shipping"
        choice = {"message": {"role": "assistant", "content": team}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 60, "completion_tokens": 2}
        answer = {"id": "1", "model": body["model"], "choices": [choice], "usage": usage}
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _page(
    request: pytest.FixtureRequest,
    endpoint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    doctest_namespace: dict[str, Any],
) -> Iterator[None]:
    for name in (*_KEYS, "PROMPTKIT_PROFILE", "PROMPTKIT_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PROMPTKIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OPENAI_BASE_URL", endpoint)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    page = _Page(request.path.read_text("utf-8"))
    tools = {"shell": page.shell, "save": page.save, "monkeypatch": monkeypatch}
    doctest_namespace.update(tools)
    yield
    for name in tools:
        del doctest_namespace[name]


class _Page:
    def __init__(self, text: str) -> None:
        blocks = [(m["kind"], m["text"]) for m in _BLOCK.finditer(text)]
        self._console = iter([text for kind, text in blocks if kind == "console"])
        self._blocks = {kind: text for kind, text in blocks if kind != "console"}

    def save(self, kind: str, path: str) -> None:
        """Write the page's block of a kind to a file."""
        Path(path).write_text(self._blocks[kind], "utf-8")

    def shell(self) -> None:
        """Run the page's next console block and compare."""
        for entry in re.split(r"^\$ ", next(self._console), flags=re.MULTILINE)[1:]:
            command, _, expected = re.sub(r"\\\n\s*", "", entry).partition("\n")
            printed = _printed(command)
            flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            if not doctest.OutputChecker().check_output(expected, printed, flags):
                raise AssertionError(f"$ {command}\nexpected:\n{expected}\nprinted:\n{printed}")


def _printed(command: str) -> str:
    from promptkit.cli import main  # noqa: PLC0415 -- only pages with a console block need it

    program, *words = shlex.split(command, comments=True)
    if program == "cat":
        return Path(words[0]).read_text("utf-8")
    assert program == "promptkit", f"a page runs {program}"
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
        main(words)
    return out.getvalue()
