"""The function that `promptkit run --fn` names: found, imported and looked at before it is used."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from promptkit.errors import OptionError


def load_function(
    place: str, option: str = "--fn", takes: str = "row"
) -> Callable[..., Awaitable[Any]]:
    """Import «module:function» or «path/to/file.py:function», from the working directory too.

    Args:
        place: Where it stands.
        option: The option that named it, for errors.
        takes: What it takes beside a session, likewise.

    Raises:
        OptionError: When there is no such module or function, or it is not async.
    """
    where, colon, name = place.rpartition(":")
    if not colon or not name.isidentifier():
        hint = "write module:function, such as mytasks:triage"
        raise OptionError(f"{option} {place} names no function", hint=hint)
    sys.path.insert(0, str(Path.cwd()))
    try:
        is_file = where.endswith(".py")
        module = _module_at(Path(where)) if is_file else importlib.import_module(where)
    except (ImportError, OSError, SyntaxError) as error:
        raise OptionError(f"{option} {place}: {where} cannot be imported ({error})") from error
    function = getattr(module, name, None)
    if not callable(function):
        here = [each for each in vars(module) if not each.startswith("_")]
        hint = f"it has {', '.join(here[:20]) or 'nothing'}"
        raise OptionError(f"{option} {place}: {where} has no function {name!r}", hint=hint)
    _check_function(f"{option} {place}", name, function, takes)
    return function  # type: ignore[no-any-return]


def _check_function(place: str, name: str, function: Callable[..., Any], takes: str) -> None:
    """Refuse a function that would fail on each row alike."""
    hint = f"write it as «async def {name}(session, {takes})»"
    # Below its decorators, a function is async or not; an object is if its call is.
    inner = inspect.unwrap(function)
    is_async = map(inspect.iscoroutinefunction, (function, inner, getattr(inner, "__call__", None)))  # noqa: B004 -- the method is wanted
    if inspect.isclass(inner) or not any(is_async):
        raise OptionError(f"{place}: {name} is not async", hint=hint)
    try:
        inspect.signature(function).bind(None, {})
    except TypeError as error:
        msg = f"{place}: {name} does not take a session and a {takes} ({error})"
        raise OptionError(msg, hint=hint) from None


def _module_at(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
