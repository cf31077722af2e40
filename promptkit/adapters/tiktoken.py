"""Exact token counts, with the encodings that OpenAI publishes."""

from __future__ import annotations

import concurrent.futures
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from promptkit.errors import MissingExtraError, OptionError

if TYPE_CHECKING:
    from tiktoken import Encoding

_LOAD_TIMEOUT_S: Final = 20.0
"""tiktoken itself waits for its table without end."""


def count_tokens(text: str, model: str) -> int:
    """Count the tokens of a text, as a model of OpenAI's counts them.

    Args:
        text: The text itself; what a chat adds around it is not counted.
        model: A model's name, such as "gpt-4o-mini".

    Raises:
        OptionError: When tiktoken does not know the model, or cannot load its table.
        MissingExtraError: When tiktoken is not installed.
    """
    # Text that looks like a control token is text: it comes from people and data.
    return len(_encoding(model).encode(text, disallowed_special=()))


@lru_cache(maxsize=64)
def _encoding(model: str) -> Encoding:
    try:
        import tiktoken
    except ImportError:
        raise MissingExtraError("tiktoken is not installed", hint="pip install tiktoken") from None
    try:
        name = tiktoken.encoding_name_for_model(model)
    except KeyError:
        msg = f"tiktoken knows no encoding for the model {model!r}"
        hint = "name an OpenAI model; for others read the usage of an answer"
        raise OptionError(msg, hint=hint) from None
    return _load(name)


@lru_cache(maxsize=8)
def _load(name: str) -> Encoding:
    """Load an encoding, from tiktoken's cache or by its download, within a time limit."""
    from tiktoken import get_encoding

    loaded: concurrent.futures.Future[Encoding] = concurrent.futures.Future()

    def load() -> None:
        try:
            loaded.set_result(get_encoding(name))
        except Exception as error:  # noqa: BLE001 -- whatever the download raises
            loaded.set_exception(error)

    # A daemon, so that a download that hangs does not keep the process from ending.
    threading.Thread(target=load, name="tiktoken-load", daemon=True).start()
    try:
        return loaded.result(_LOAD_TIMEOUT_S)
    except TimeoutError:
        reason = f"nothing came within {_LOAD_TIMEOUT_S:.0f} s"
    except Exception as error:  # noqa: BLE001 -- told in our own words
        reason = type(error).__name__
    msg = f"the table of the encoding {name!r} could not be loaded ({reason})"
    hint = "tiktoken downloads it once; offline, point TIKTOKEN_CACHE_DIR at a folder that has it"
    raise OptionError(msg, hint=hint)
