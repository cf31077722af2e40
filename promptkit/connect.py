"""`connect`: from a few words about who should answer to a Session that is ready to ask.

Who answers is decided in this order: the arguments; a profile; the environment (OPENAI_API_KEY,
OPENAI_BASE_URL, OPENAI_ORG_ID, OPENAI_PROJECT_ID, or Azure's AZURE_OPENAI_ENDPOINT,
AZURE_OPENAI_API_KEY, OPENAI_API_VERSION); else the embedded model, with one line that says so.

The file is long by what it tells of each argument, and by the checks of them: all that may be wrong
is refused here, before a file is opened.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import EllipsisType
from typing import TYPE_CHECKING, Any, cast

from promptkit.answerer import Answerer, who_answers
from promptkit.defaults import Defaults
from promptkit.errors import OptionError, ProfileError
from promptkit.folders import data_folder
from promptkit.pricing import with_overrides
from promptkit.profile import Profile, load_profile
from promptkit.request import APIS, Api
from promptkit.safety.spotlighting import Mode, check_mode
from promptkit.secret import Secret
from promptkit.session import Session
from promptkit.terminal import install_terminal_observer
from promptkit.trace import Step
from promptkit.transports.budget import Budget, Meter
from promptkit.transports.gate import Lease
from promptkit.transports.hedge import Hedge
from promptkit.transports.limit import Limits
from promptkit.transports.pack import Packing
from promptkit.transports.retry import DEFAULT_POLICY, RetryPolicy
from promptkit.transports.routes import Route, Routes
from promptkit.transports.stack import Layers, stack
from promptkit.transports.store import Cache, MemoryStore, Store

if TYPE_CHECKING:
    from promptkit.batch import Batches
    from promptkit.policing import Police, PolicyChoice
    from promptkit.safety.policy.reviews import Audit, Reviews

CacheChoice = bool | str | os.PathLike[str] | Cache | Store | None


def connect(
    profile: str | Profile | None = None,
    *,
    model: str | None = None,
    base_url: str | None = None,
    api_key: str | Secret | None = None,
    organization: str | None = None,
    project: str | None = None,
    transport: Any = None,
    routes: Routes | Sequence[Route | str] | None = None,
    cache: CacheChoice | EllipsisType = ...,
    budget: Budget | float | str | None = None,
    limits: Limits | Mapping[str, Any] | None = None,
    retry: RetryPolicy = DEFAULT_POLICY,
    hedge: Hedge | float | bool | None = None,
    pack: Packing | Mapping[str, int] | bool | None = None,
    ledger: bool | str | EllipsisType = ...,
    record: str | os.PathLike[str] | None = None,
    replay: str | os.PathLike[str] | None = None,
    spotlight: Mode | None = "delimit",
    policy: PolicyChoice = None,
    audit: Audit | str | os.PathLike[str] | EllipsisType | None = ...,
    reviews: Reviews | str | os.PathLike[str] | None = None,
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
        routes: Several ways to the model, as profiles' names or `Route`s, or a `Routes`.
        cache: A path, True for the profile's own file, "memory", a Cache with further settings,
            or None for no cache. Left alone it is the profile's file, or memory where an address
            may be another model tomorrow (loopback, a transport of your own).
        budget: US dollars that the session will not exceed, or a Budget. What it says of a
            day holds for all sessions of the profile that have a day's limit.
        limits: Rate limits by hand, where the endpoint does not tell them.
        retry: How long and how often to try.
        hedge: True, seconds or a `Hedge`: a call that takes too long is sent a second time.
        pack: How embeddings, moderations and completions share a call; False for not at all.
        ledger: True, False, or "text" to keep prompts and answers as well.
        record: Write a recording here.
        replay: Answer from this recording only.
        spotlight: How text in untrusted slots is told from instructions: "delimit", "datamark" or
            "encode", see `promptkit.safety.spotlight`; None for not at all.
        policy: Which checks run on what goes in, comes back and is kept: the path of a YAML file,
            "default", a table or a `safety.Policy`. The profile may name a file.
        audit: Where it is written down what they found: a path; None for nowhere. Left alone it is
            the profile's file, where the session has a ledger.
        reviews: The queue of texts that wait for a person, and of vetted answers: a path. Left
            alone it is the profile's file, where the policy holds texts.

    Raises:
        ProfileError: The profile is missing or wrong, or there is no key where one is needed.
        StoreError: The cache, ledger or recording cannot be used.
        OptionError: An argument is wrong.
        PolicyError: The policy is wrong; the message has the line.
    """
    if isinstance(api_key, str):
        api_key = Secret(api_key)  # so that no traceback shows it from here on
    _check_types(retry, api_key, ledger, record=record, replay=replay)
    if spotlight is not None:
        check_mode(spotlight)
    _check_texts(model=model, base_url=base_url, organization=organization, project=project)
    _check_arguments(
        record, api_key, transport=transport, base_url=base_url, replay=replay, routes=routes
    )
    found = _profile(profile, transport or routes, base_url, replay)
    settings = replace(
        found or Profile(),
        **_given(model=model, base_url=base_url, organization=organization, project=project),
        **_given(routes=Routes.coerce(routes)),
    )
    if limits is not None:
        settings = replace(settings, limits=Limits.coerce(limits))
    if hedge is not None:
        settings = replace(settings, hedge=Hedge.coerce(hedge))
    if pack is not None:
        settings = replace(settings, pack=Packing.coerce(pack))
    fork = None
    if settings.routes is not None and transport is None and replay is None:
        from promptkit.routing import who_answers_routes

        answerer, fork = who_answers_routes(settings, settings.routes, api_key)
    else:
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
    resources += [meter.aclose for meter in meters]
    keep = settings.ledger if isinstance(ledger, EllipsisType) else ledger
    has_ledger = bool(keep) and (answerer.is_stable or answerer.is_remote)
    force = _police(settings, policy, audit, reviews, folder, keeps_files=has_ledger)
    layers = Layers(
        store=store,
        retry=retry,
        meters=meters,
        limits=settings.limits if answerer.is_remote or limits is not None else None,
        owner=answerer.owner,
        price_of=with_overrides(settings.prices) if fork is None else fork.prices,
        hedge=settings.hedge,
        pack=settings.pack if answerer.takes_lists else None,
        fork=fork,
        lease=_lease(answerer),
        record=(record, chosen) if record is not None else None,
        spotlight=spotlight,
        keeps=force.keeps if force is not None else None,
    )
    trace = Step()
    trace.meters = meters
    if has_ledger:
        from promptkit.adapters.ledger import Ledger

        book = Ledger(
            folder / "ledger.sqlite",
            profile=settings.name,
            keep_text=keep == "text",
            cleaned=force.text if force is not None else None,
        )
        trace.observers.append(book)
        resources.append(book.aclose)
    install_terminal_observer()
    session = Session(
        stack(answerer.transport, layers),
        Defaults(
            model=chosen,
            endpoint=answerer.endpoint,
            api=_api(settings.api),
            concurrency=(settings.limits.concurrency if fork is None else None)
            or answerer.concurrency,
        ),
        trace,
        tuple(resources),
        _batching(answerer, folder, layers) if answerer.batch else None,
    )
    if force is None:
        return session
    layer = force.layer(session.transport, judge=session.step("policy"))
    return replace(session, transport=layer, resources=(*session.resources, force.aclose))


def _check_arguments(record: Any, api_key: Any, **who: Any) -> None:
    given = list(_given(**who))
    if len(given) > 1:
        raise OptionError(f"{' and '.join(given)} together", hint="one of them answers; give one")
    if who["transport"] is not None and api_key is not None:
        raise OptionError("transport and api_key together", hint="the transport has its own key")
    if who["replay"] is not None and record is not None:
        raise OptionError("record and replay together", hint="give one")


def _check_types(retry: Any, api_key: Any, ledger: Any, **files: Any) -> None:
    """Refuse what would fail in the middle of the first call, if it failed at all."""
    if not isinstance(retry, RetryPolicy):
        hint = "a policy, such as pk.RetryPolicy(max_attempts=3)"
        raise OptionError(f"retry={retry!r}", hint=hint)
    if api_key is not None and not isinstance(api_key, Secret):
        raise OptionError(f"api_key is a {type(api_key).__name__}", hint="a text")
    if ledger is not ... and not isinstance(ledger, bool) and ledger != "text":
        raise OptionError(f"ledger={ledger!r}", hint='True, False or "text"')
    for name, path in _given(**files).items():
        if not isinstance(path, (str, os.PathLike)):
            raise OptionError(f"{name}={path!r}", hint="the path of a recording")


def _check_texts(**values: Any) -> None:
    for name, value in _given(**values).items():
        if not isinstance(value, str):
            raise OptionError(f"{name}={value!r}", hint="a text")


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
        choice = Cache()
    elif isinstance(choice, (bool, str, os.PathLike)):
        choice = Cache(choice)
    elif hasattr(choice, "get") and hasattr(choice, "put"):
        return cast("Store", choice)
    if not isinstance(choice, Cache):
        raise OptionError(f"cache={choice!r}", hint='a path, True, "memory", a Cache or a Store')
    path = choice.path
    if path is None:
        path = True if answerer.is_stable or choice.secret is not None else "memory"
    if path == "memory":
        return MemoryStore(max_bytes=choice.max_bytes, ttl_s=choice.ttl_s)
    from promptkit.adapters.sqlite import SqliteStore

    file = folder / "cache.sqlite" if path is True else Path(cast("str", path))
    return SqliteStore(file / "cache.sqlite" if file.is_dir() else file, choice)


def _batching(answerer: Answerer, folder: Path, layers: Layers) -> Callable[[], Batches]:
    """What makes the session's Batches when it is first asked for: few sessions use them."""

    @functools.cache
    def batches() -> Batches:
        from promptkit.batch import Batches

        path, api = folder / "batches.sqlite", answerer.batch
        return Batches(
            api() if api else None,
            path=path,
            store=layers.store,
            meters=layers.meters,
            price_of=layers.price_of,
            spotlight=layers.spotlight,
            keeps=layers.keeps,
        )

    return batches


def _lease(answerer: Answerer) -> Lease | None:
    """What shares a remote endpoint's limits with the other processes of this machine."""
    if not answerer.is_remote:
        return None
    from promptkit.adapters.lease import shared_lease

    return shared_lease(data_folder())


def _meters(settings: Profile, budget: Any, folder: Path) -> tuple[Meter, ...]:
    """The budget of this session, and its profile's, which all its sessions share."""
    own = Budget.coerce(budget)
    day = min((d for d in (own.day, settings.budget.day) if d is not None), default=None)
    meters = [Meter(own, "session")] if own.hard is not None or own.softs else []
    shared = replace(settings.budget, day=day)
    if shared == Budget():
        return tuple(meters)
    from promptkit.adapters.book_meter import shared_meters

    return (*meters, *shared_meters(folder, shared, settings.name))


def _police(
    settings: Profile,
    policy: PolicyChoice,
    audit: Any,
    reviews: Any,
    folder: Path,
    *,
    keeps_files: bool,
) -> Police | None:
    """What puts the session under a policy; its modules are loaded where there is one."""
    chosen = settings.policy if policy is None else policy
    if chosen is None and reviews is None and (audit is None or isinstance(audit, EllipsisType)):
        return None
    from promptkit.policing import police

    return police(chosen, audit, reviews, folder, keeps_files=keeps_files)


def _api(name: str | None) -> Api:
    if name is not None and name not in APIS:
        raise ProfileError(f"api={name!r}", hint=f"one of {', '.join(APIS)}")
    return cast("Api", name or "chat")
