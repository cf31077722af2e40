from __future__ import annotations

import threading

import pytest
import tiktoken

from promptkit import tokens
from promptkit.adapters import tiktoken as module
from promptkit.adapters.tiktoken import count_tokens
from promptkit.errors import OptionError


@pytest.fixture(autouse=True)
def _forget():
    module._encoding.cache_clear()
    module._load.cache_clear()
    yield
    module._encoding.cache_clear()
    module._load.cache_clear()


@pytest.fixture
def small_table(monkeypatch):
    """A table of single bytes and «th», in place of the ones tiktoken downloads."""
    ranks = {bytes([byte]): byte for byte in range(256)} | {b"th": 256}
    encoding = tiktoken.Encoding(
        "small", pat_str=r".+", mergeable_ranks=ranks, special_tokens={"<|endoftext|>": 257}
    )
    monkeypatch.setattr(tiktoken, "get_encoding", lambda _: encoding)


def test_a_text_is_counted_with_the_models_encoding(small_table):
    assert count_tokens("the", "gpt-4o-mini") == 2
    assert tokens.count("the bath", "gpt-4o") == 6
    assert count_tokens("", "gpt-4o") == 0


def test_what_looks_like_a_control_token_is_text(small_table):
    assert count_tokens("<|endoftext|>", "gpt-4o") == len("<|endoftext|>")


def test_an_unknown_model_is_told():
    with pytest.raises(OptionError, match="no encoding for the model 'SmolLM2'"):
        count_tokens("a", "SmolLM2")


def test_a_table_that_cannot_be_loaded_is_told(monkeypatch):
    def offline(_: str) -> None:
        raise ConnectionError("http://secret.example")

    monkeypatch.setattr(tiktoken, "get_encoding", offline)
    with pytest.raises(OptionError, match=r"ConnectionError.*TIKTOKEN_CACHE_DIR") as caught:
        count_tokens("a", "gpt-4o")
    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_download_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr(module, "_LOAD_TIMEOUT_S", 0.05)
    released = threading.Event()
    monkeypatch.setattr(tiktoken, "get_encoding", lambda _: released.wait(60))
    with pytest.raises(OptionError, match="nothing came within"):
        count_tokens("a", "gpt-4o")
    released.set()
