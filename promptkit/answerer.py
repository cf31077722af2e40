"""Who answers: one of promptkit's adapters, a recording, or a transport handed in.

The order is that of `connect`: the arguments, a profile, the environment, the embedded model.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b
from itertools import count
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from promptkit.defaults import DEFAULT_CONCURRENCY
from promptkit.errors import ProfileError
from promptkit.key_source import KeySource
from promptkit.profile import Profile
from promptkit.secret import Secret
from promptkit.transport import Transport, as_transport
from promptkit.transports.recording import Replay

if TYPE_CHECKING:
    from promptkit.adapters.batch_api import BatchApi
    from promptkit.adapters.dialect import Dialect

OPENAI_URL: Final = "https://api.openai.com/v1"

EMBEDDED: Final = "embedded"
"""The model's name that asks for the embedded model even where there is a key."""


@dataclass(frozen=True, slots=True)
class Answerer:
    """Who answers, and what is known of them.

    Attributes:
        is_stable: Whether the same address is the same model tomorrow: only then are answers
            kept on disk without being asked to.
        is_remote: Whether it has rate limits and is worth a ledger.
        takes_lists: Whether it can be sent a pack of requests.
    """

    transport: Transport
    endpoint: str = ""
    model: str | None = None
    concurrency: int = DEFAULT_CONCURRENCY
    owner: str = ""
    is_stable: bool = False
    is_remote: bool = False
    is_local: bool = False
    is_recorded: bool = False
    takes_lists: bool = False
    close: Callable[[], Awaitable[None]] | None = None
    batch: Callable[[], BatchApi] | None = None


def who_answers(  # noqa: PLR0911 -- one return for each who may answer, in their order
    settings: Profile, api_key: Any, transport: Any, replay: Any, *, is_profile: bool
) -> Answerer:
    """Decide who answers.

    Args:
        settings: A profile's, with the arguments over it.
        api_key: The key given as an argument.
        transport: What was handed in.
        replay: A recording's path.
        is_profile: Whether a profile is in use; then nothing is taken from the environment.

    Raises:
        ProfileError: When nobody is known, or a key is missing.
    """
    if replay is not None:
        recording = Replay(replay)
        return Answerer(recording, "replay", settings.model or recording.model, is_recorded=True)
    if transport is not None:
        return _handed_in(transport)
    model = settings.model or (None if is_profile else os.environ.get("PROMPTKIT_MODEL"))
    if model == EMBEDDED or (model or "").endswith(".gguf"):
        return _local(None if model == EMBEDDED else model)
    key = api_key
    if settings.base_url or key or is_profile:
        key = key or _key(settings, is_profile=is_profile)
        return _http(settings, key, model)
    if os.environ.get("OPENAI_API_KEY") or os.environ.get("OPENAI_BASE_URL"):
        return _http(_from_environment(settings), _environment_key("OPENAI_API_KEY"), model)
    if os.environ.get("AZURE_OPENAI_ENDPOINT"):
        return _http(_from_azure(settings), _environment_key("AZURE_OPENAI_API_KEY"), model)
    if model:
        hint = 'set OPENAI_API_KEY, or connect with a profile, a base_url or model="embedded"'
        raise ProfileError(f"nobody is known who answers as {model!r}", hint=hint)
    answerer = _local(None)
    print(  # noqa: T201 -- the one line that says so
        f"promptkit: no key and no endpoint are set, so the embedded model answers "
        f"({answerer.model}: small, for trying things out)",
        file=sys.stderr,
    )
    return answerer


def _handed_in(transport: Any) -> Answerer:
    from promptkit.adapters.openai import OpenAIAdapter, is_client

    if is_client(transport):
        adapter = OpenAIAdapter(transport)
        return Answerer(
            cast("Transport", adapter),
            adapter.endpoint,
            owner=adapter.endpoint,
            is_stable=not _is_loopback(adapter.endpoint),
            is_remote=True,
            takes_lists=True,
            close=adapter.aclose,
            batch=partial(_batch_through, transport, adapter.dialect),
        )
    # Every transport of one's own has limits of its own.
    return Answerer(
        as_transport(transport),
        "transport",
        getattr(transport, "model", "transport"),
        owner=str(next(_handed_in_count)),
    )


def _local(path: str | None) -> Answerer:
    from promptkit.adapters.local import LocalAdapter

    adapter = LocalAdapter(path)
    return Answerer(
        cast("Transport", adapter),
        adapter.endpoint,
        adapter.endpoint.partition(":")[2].split("@")[0],
        adapter.concurrency,
        is_stable=True,
        is_local=True,
        close=adapter.aclose,
    )


def _http(settings: Profile, key: Secret | None, model: str | None) -> Answerer:
    url = settings.base_url or OPENAI_URL
    if key is None and urlsplit(url).hostname == urlsplit(OPENAI_URL).hostname:
        hint = "set OPENAI_API_KEY, or the profile's key"
        raise ProfileError("there is no API key for api.openai.com", hint=hint)
    from promptkit.adapters.http import HttpAdapter

    adapter = HttpAdapter(
        base_url=url,
        api_key=key,
        organization=settings.organization,
        project=settings.project,
        api_version=settings.api_version,
        constraints=settings.constraints,
    )
    return Answerer(
        cast("Transport", adapter),
        adapter.endpoint,
        model,
        adapter.concurrency,
        owner=_fingerprint(key),
        is_stable=not _is_loopback(url),
        is_remote=True,
        takes_lists=True,
        close=adapter.aclose,
        batch=partial(_batch_with_key, settings, url, key, adapter.dialect),
    )


def _batch_with_key(settings: Profile, url: str, key: Secret | None, dialect: Dialect) -> BatchApi:
    from promptkit.adapters.batch_api import BatchApi
    from promptkit.adapters.batch_send import HttpSender

    sender = HttpSender(
        base_url=url,
        api_key=key,
        organization=settings.organization,
        project=settings.project,
        api_version=settings.api_version,
    )
    return BatchApi(sender, dialect, _fingerprint(key))


def _batch_through(client: Any, dialect: Dialect) -> BatchApi:
    from promptkit.adapters.batch_api import BatchApi
    from promptkit.adapters.batch_openai import OpenAISender

    return BatchApi(OpenAISender(client), dialect)


def _key(settings: Profile, *, is_profile: bool) -> Secret | None:
    if settings.key is not None:
        return settings.key.resolve()
    return None if is_profile else _environment_key("OPENAI_API_KEY")


def _environment_key(name: str) -> Secret | None:
    return KeySource(env=name).resolve() if os.environ.get(name) else None


def _from_environment(settings: Profile) -> Profile:
    return replace(
        settings,
        base_url=os.environ.get("OPENAI_BASE_URL") or OPENAI_URL,
        organization=settings.organization or os.environ.get("OPENAI_ORG_ID"),
        project=settings.project or os.environ.get("OPENAI_PROJECT_ID"),
    )


def _from_azure(settings: Profile) -> Profile:
    version = os.environ.get("OPENAI_API_VERSION")
    if not version:
        raise ProfileError("AZURE_OPENAI_ENDPOINT is set, OPENAI_API_VERSION is not", hint="set it")
    return replace(settings, base_url=os.environ["AZURE_OPENAI_ENDPOINT"], api_version=version)


def _is_loopback(url: str) -> bool:
    host = urlsplit(url.split(" ", maxsplit=1)[0]).hostname or ""
    return host == "localhost" or host.startswith("127.") or host == "::1"


def _fingerprint(key: Secret | None) -> str:
    """Tell keys apart without holding one."""
    return "" if key is None else blake2b(key.reveal().encode(), digest_size=8).hexdigest()


_handed_in_count = count()
