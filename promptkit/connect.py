"""`connect`: from a few words about who should answer to a Session that is ready to ask.

Who answers is decided in this order: the arguments; a profile; the environment (OPENAI_API_KEY,
OPENAI_BASE_URL, OPENAI_ORG_ID, OPENAI_PROJECT_ID, or Azure's AZURE_OPENAI_ENDPOINT,
AZURE_OPENAI_API_KEY, OPENAI_API_VERSION); else the embedded model, with one line that says so.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import count
from pathlib import Path
from types import EllipsisType
from typing import Any, Final, cast
from urllib.parse import urlsplit

from promptkit.adapters.http import HttpAdapter
from promptkit.adapters.ledger import Ledger
from promptkit.adapters.local import LocalAdapter
from promptkit.adapters.openai import OpenAIAdapter, is_client
from promptkit.adapters.sqlite import SqliteStore
from promptkit.errors import OptionError, ProfileError
from promptkit.folders import data_folder
from promptkit.pricing import with_overrides
from promptkit.profile import KeySource, Profile, load_profile
from promptkit.request import APIS, Api
from promptkit.secret import Secret
from promptkit.session import DEFAULT_CONCURRENCY, Defaults, Session
from promptkit.terminal import install_terminal_observer
from promptkit.trace import Step
from promptkit.transport import Transport, as_transport
from promptkit.transports.budget import Budget, Meter
from promptkit.transports.cache import MemoryStore, Store
from promptkit.transports.limit import Limits
from promptkit.transports.recording import Replay
from promptkit.transports.retry import DEFAULT_POLICY, RetryPolicy
from promptkit.transports.stack import Layers, stack

OPENAI_URL: Final = "https://api.openai.com/v1"
EMBEDDED: Final = "embedded"
"""The model's name that asks for the embedded model even where there is a key."""

CacheChoice = bool | str | os.PathLike[str] | Store | None


@dataclass(frozen=True, slots=True)
class _Answerer:
    """Who answers, and what is known of them.

    Attributes:
        is_stable: Whether the same address is the same model tomorrow: only then are answers
            kept on disk without being asked to.
        is_remote: Whether it has rate limits and is worth a ledger.
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
    close: Callable[[], Awaitable[None]] | None = None


def connect(
    profile: str | Profile | None = None,
    *,
    model: str | None = None,
    base_url: str | None = None,
    api_key: str | Secret | None = None,
    organization: str | None = None,
    project: str | None = None,
    transport: Any = None,
    cache: CacheChoice | EllipsisType = ...,
    budget: Budget | float | str | None = None,
    limits: Limits | Mapping[str, Any] | None = None,
    retry: RetryPolicy = DEFAULT_POLICY,
    ledger: bool | str | EllipsisType = ...,
    record: str | os.PathLike[str] | None = None,
    replay: str | os.PathLike[str] | None = None,
) -> Session:
    """Return a Session.

    Args:
        profile: A profile's name, see `promptkit.profile`.
        model: The model to ask, if not the profile's or PROMPTKIT_MODEL; the path of a GGUF file
            runs it in this process, "embedded" asks the embedded one.
        base_url: An OpenAI-compatible endpoint, up to and with its «/v1».
        api_key: Better left to a profile or the environment: what is in a notebook is shared.
        organization: As in OpenAI's settings.
        project: As in OpenAI's settings.
        transport: An AsyncOpenAI or AsyncAzureOpenAI client, or any async function from Request
            to Response or text.
        cache: A path, True for the profile's own file, "memory", or None for no cache. Left
            alone it is the profile's file, or memory where an address may be another model
            tomorrow (loopback, a transport of your own).
        budget: US dollars that the session will not exceed, or a Budget.
        limits: Rate limits by hand, where the endpoint does not tell them.
        retry: How long and how often to try.
        ledger: True, False, or "text" to keep prompts and answers as well.
        record: Write a recording here.
        replay: Answer from this recording only.

    Raises:
        ProfileError: The profile is missing or wrong, or there is no key where one is needed.
        StoreError: The cache, ledger or recording cannot be used.
        OptionError: An argument is wrong.
    """
    if isinstance(api_key, str):
        api_key = Secret(api_key)  # so that no traceback shows it from here on
    _check_arguments(transport, base_url, replay, record, api_key)
    found = _profile(profile, transport, base_url, replay)
    settings = replace(
        found or Profile(),
        **_given(model=model, base_url=base_url, organization=organization, project=project),
    )
    if limits is not None:
        settings = replace(settings, limits=Limits.coerce(limits))
    answerer = _answerer(settings, api_key, transport, replay, is_profile=found is not None)
    chosen = answerer.model if answerer.is_local else settings.model or answerer.model
    folder = data_folder() / "profiles" / settings.name
    resources = [answerer.close] if answerer.close else []
    store = (
        None if answerer.is_recorded else _store(_either(cache, settings.cache), answerer, folder)
    )
    if store is not None:
        resources.append(store.aclose)
    meters = _meters(settings, budget, folder)
    layers = Layers(
        store=store,
        retry=retry,
        meters=meters,
        limits=settings.limits if answerer.is_remote or limits is not None else None,
        owner=answerer.owner,
        price_of=with_overrides(settings.prices),
        record=(record, chosen) if record is not None else None,
    )
    trace = Step()
    trace.meters = meters
    keep = settings.ledger if isinstance(ledger, EllipsisType) else ledger
    if keep and (answerer.is_stable or answerer.is_remote):
        book = Ledger(folder / "ledger.sqlite", profile=settings.name, keep_text=keep == "text")
        trace.observers.append(book)
        resources.append(book.aclose)
    install_terminal_observer()
    return Session(
        stack(answerer.transport, layers),
        Defaults(
            model=chosen,
            endpoint=answerer.endpoint,
            api=_api(settings.api),
            concurrency=settings.limits.concurrency or answerer.concurrency,
        ),
        trace,
        tuple(resources),
    )


def _check_arguments(transport: Any, base_url: Any, replay: Any, record: Any, api_key: Any) -> None:
    given = [
        name
        for name, value in (("transport", transport), ("base_url", base_url), ("replay", replay))
        if value is not None
    ]
    if len(given) > 1:
        raise OptionError(f"{' and '.join(given)} together", hint="one of them answers; give one")
    if transport is not None and api_key is not None:
        raise OptionError("transport and api_key together", hint="the transport has its own key")
    if replay is not None and record is not None:
        raise OptionError("record and replay together", hint="give one")


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _either(argument: Any, setting: Any) -> Any:
    """The argument, else the profile's setting, else `...` for the default."""
    if not isinstance(argument, EllipsisType):
        return argument
    return ... if setting is None else setting


def _profile(
    profile: str | Profile | None, transport: Any, base_url: str | None, replay: Any
) -> Profile | None:
    """Find the profile; a default one does not apply to who is named in the arguments."""
    if isinstance(profile, Profile):
        return profile
    named_otherwise = transport is not None or base_url is not None or replay is not None
    return None if profile is None and named_otherwise else load_profile(profile)


def _answerer(  # noqa: PLR0911 -- one return for each who may answer, in their order
    settings: Profile, api_key: Any, transport: Any, replay: Any, *, is_profile: bool
) -> _Answerer:
    if replay is not None:
        recording = Replay(replay)
        return _Answerer(recording, "replay", settings.model or recording.model, is_recorded=True)
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


def _handed_in(transport: Any) -> _Answerer:
    if is_client(transport):
        adapter = OpenAIAdapter(transport)
        return _Answerer(
            cast("Transport", adapter),
            adapter.endpoint,
            owner=adapter.endpoint,
            is_stable=not _is_loopback(adapter.endpoint),
            is_remote=True,
            close=adapter.aclose,
        )
    # Every transport of one's own has limits of its own.
    return _Answerer(
        as_transport(transport),
        "transport",
        getattr(transport, "model", "transport"),
        owner=str(next(_handed_in_count)),
    )


def _local(path: str | None) -> _Answerer:
    adapter = LocalAdapter(path)
    return _Answerer(
        cast("Transport", adapter),
        adapter.endpoint,
        adapter.endpoint.partition(":")[2].split("@")[0],
        adapter.concurrency,
        is_stable=True,
        is_local=True,
        close=adapter.aclose,
    )


def _http(settings: Profile, key: Secret | None, model: str | None) -> _Answerer:
    url = settings.base_url or OPENAI_URL
    if key is None and urlsplit(url).hostname == urlsplit(OPENAI_URL).hostname:
        hint = "set OPENAI_API_KEY, or the profile's key"
        raise ProfileError("there is no API key for api.openai.com", hint=hint)
    adapter = HttpAdapter(
        base_url=url,
        api_key=key,
        organization=settings.organization,
        project=settings.project,
        api_version=settings.api_version,
        constraints=settings.constraints,
    )
    return _Answerer(
        cast("Transport", adapter),
        adapter.endpoint,
        model,
        adapter.concurrency,
        owner=_fingerprint(key),
        is_stable=not _is_loopback(url),
        is_remote=True,
        close=adapter.aclose,
    )


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


def _store(choice: Any, answerer: _Answerer, folder: Path) -> Store | None:
    if choice is None or choice is False:
        return None
    if isinstance(choice, EllipsisType):
        choice = True if answerer.is_stable else "memory"
    if choice == "memory":
        return MemoryStore()
    if choice is True:
        return SqliteStore(folder / "cache.sqlite")
    if isinstance(choice, (str, os.PathLike)):
        path = Path(choice)
        return SqliteStore(path / "cache.sqlite" if path.is_dir() else path)
    if hasattr(choice, "get") and hasattr(choice, "put"):
        return cast("Store", choice)
    raise OptionError(f"cache={choice!r}", hint='a path, True, "memory", a Store, or None')


def _meters(settings: Profile, budget: Any, folder: Path) -> tuple[Meter, ...]:
    """The budget of this session, and its profile's, which all its sessions here share."""
    own = Budget.coerce(budget)
    meters = [] if own == Budget() else [Meter(own, "session")]
    if settings.budget != Budget():
        shared = _profile_meters.setdefault(
            (str(folder), settings.budget), Meter(settings.budget, f"profile {settings.name!r}")
        )
        meters.append(shared)
    return tuple(meters)


_handed_in_count = count()

_profile_meters: dict[tuple[str, Budget], Meter] = {}


def _api(name: str | None) -> Api:
    if name is not None and name not in APIS:
        raise ProfileError(f"api={name!r}", hint=f"one of {', '.join(APIS)}")
    return cast("Api", name or "chat")


def _is_loopback(url: str) -> bool:
    host = urlsplit(url.split(" ", maxsplit=1)[0]).hostname or ""
    return host == "localhost" or host.startswith("127.") or host == "::1"


def _fingerprint(key: Secret | None) -> str:
    """Tell keys apart without holding one."""
    return "" if key is None else blake2b(key.reveal().encode(), digest_size=8).hexdigest()
