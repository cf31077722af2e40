from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from adapters.backends import REAL_DATA_FOLDER, REAL_MODEL, local_adapter

from promptkit.adapters import local as local_module
from promptkit.adapters.local import LocalAdapter, threads
from promptkit.errors import MissingExtraError, ModelFileError
from promptkit.prompt import Message
from promptkit.request import NO_OPTIONS, Request

pytestmark = pytest.mark.anyio
HI = Request(
    messages=(Message("user", "Hi"),),
    model="any",
    options=NO_OPTIONS.replace(max_tokens=4, temperature=0),
)


@pytest.fixture
def adapter(monkeypatch):
    return local_adapter(monkeypatch)


async def test_one_server_answers_for_all_adapters_of_a_file(adapter):
    other = LocalAdapter()
    assert (await adapter(HI)).text == (await other(HI)).text
    assert list(local_module._servers) == [REAL_MODEL]
    await adapter.aclose()
    await other.aclose()


async def test_the_endpoint_names_the_file_by_its_content_and_no_path(adapter):
    assert adapter.endpoint.startswith("local:SmolLM2-135M-Instruct@b179c9523d0e")
    response = await adapter(HI)
    assert response.model == "SmolLM2-135M-Instruct"
    by_path = LocalAdapter(REAL_MODEL)
    assert by_path.endpoint.startswith("local:SmolLM2-135M-Instruct.Q4_1@")
    assert str(REAL_MODEL.parent) not in by_path.endpoint
    await adapter.aclose()


async def test_the_server_listens_on_loopback_and_wants_its_key(adapter):
    await adapter(HI)
    running = next(iter(local_module._servers.values()))
    assert running.address.startswith("http://127.0.0.1:")
    assert running.key.reveal() not in repr(running)
    with pytest.raises(urllib.error.HTTPError) as caught:
        await asyncio.to_thread(
            urllib.request.urlopen, f"{running.address}/v1/completions", b'{"prompt":"a"}'
        )
    assert caught.value.code == 401
    caught.value.close()
    await adapter.aclose()


@pytest.mark.parametrize(("load", "expected"), [(0.0, 4), (0.4, 4), (1.2, 3), (3.0, 1), (9.0, 1)])
def test_it_computes_on_the_cores_that_are_free(monkeypatch, load, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0), raising=False)
    assert threads() == expected


async def test_missing_weights_are_told_by_the_first_request_and_not_before():
    pytest.importorskip("xllamacpp")
    adapter = LocalAdapter()
    assert adapter.endpoint.startswith("local:")
    with pytest.raises(ModelFileError, match="promptkit model install"):
        await adapter(HI)


async def test_a_missing_xllamacpp_says_what_to_install(adapter, monkeypatch):
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    monkeypatch.setattr(local_module, "_servers", {})
    with pytest.raises(MissingExtraError, match=r"pip install promptkit\[local\]"):
        await adapter(HI)


def test_a_file_that_is_no_model_is_refused(tmp_path):
    file = tmp_path / "model.gguf"
    file.write_bytes(b"hello")
    with pytest.raises(ModelFileError, match="no GGUF"):
        LocalAdapter(file)


async def test_a_damaged_model_is_told_and_the_process_lives(adapter, tmp_path):
    file = tmp_path / "damaged.gguf"
    file.write_bytes(REAL_MODEL.read_bytes()[:3_000_000])
    damaged = LocalAdapter(file)
    with pytest.raises(ModelFileError, match=r"cannot load damaged\.gguf") as caught:
        await damaged(HI)
    assert str(tmp_path) not in str(caught.value)


PROGRAM = """
import asyncio, os, sys
from promptkit.adapters.local import LocalAdapter
from promptkit.prompt import Message
from promptkit.request import NO_OPTIONS, Request

hi = Request(messages=(Message("user", "Hi"),), model="any",
             options=NO_OPTIONS.replace(max_tokens=4, temperature=0))
adapter = LocalAdapter()
text = asyncio.run(adapter(hi)).text
if sys.argv[1] == "fork":
    child = os.fork()
    if not child:
        __import__("signal").alarm(60)  # a child that hangs must not outlive the test
        same = asyncio.run(adapter(hi)).text == text
        sys.exit(7 if same else 3)
    _, status = os.waitpid(child, 0)
    assert asyncio.run(adapter(hi)).text == text
    sys.exit(os.waitstatus_to_exitcode(status) - 7)
if sys.argv[1] == "busy":
    async def begin():
        task = asyncio.create_task(adapter(hi.replace(
            options=NO_OPTIONS.replace(max_tokens=2000, extra={"ignore_eos": True}))))
        await asyncio.sleep(0.2)
    asyncio.run(begin())
"""


@pytest.mark.parametrize("how", ["plain", "fork", "busy"])
def test_a_process_with_a_model_ends_cleanly_and_says_nothing(adapter, how):
    env = os.environ | {"PROMPTKIT_HOME": str(REAL_DATA_FOLDER), "PYTHONPATH": str(Path.cwd())}
    command = [sys.executable, "-c", PROGRAM, how]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=env
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout == ""
