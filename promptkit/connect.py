"""`connect`: from a few words about who should answer to a Session that is ready to ask.

Who answers is decided in this order: the arguments; a profile; the environment (OPENAI_API_KEY,
OPENAI_BASE_URL, OPENAI_ORG_ID, OPENAI_PROJECT_ID, or Azure's AZURE_OPENAI_ENDPOINT,
AZURE_OPENAI_API_KEY, OPENAI_API_VERSION); else the embedded model, with one line that says so.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import EllipsisType
from typing import Any, cast

from promptkit.adapters.ledger import Ledger
from promptkit.adapters.sqlite import SqliteStore
from promptkit.answerer import Answerer, who_answers
from promptkit.errors import OptionError, ProfileError
from promptkit.folders import data_folder
from promptkit.pricing import with_overrides
from promptkit.profile import Profile, load_profile
from promptkit.request import APIS, Api
from promptkit.secret import Secret
from promptkit.session import Defaults, Session
from promptkit.terminal import install_terminal_observer
from promptkit.trace import Step
from promptkit.transports.budget import Budget, Meter
from promptkit.transports.cache import MemoryStore, Store
from promptkit.transports.limit import Limits
from promptkit.transports.retry import DEFAULT_POLICY, RetryPolicy
from promptkit.transports.stack import Layers, stack

CacheChoice = bool | str | os.PathLike[str] | Store | None


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
    answerer = who_answers(settings, api_key, transport, replay, is_profile=found is not None)
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


def _store(choice: Any, answerer: Answerer, folder: Path) -> Store | None:
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


_profile_meters: dict[tuple[str, Budget], Meter] = {}


def _api(name: str | None) -> Api:
    if name is not None and name not in APIS:
        raise ProfileError(f"api={name!r}", hint=f"one of {', '.join(APIS)}")
    return cast("Api", name or "chat")
