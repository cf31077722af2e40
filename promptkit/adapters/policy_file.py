"""Reads a policy from a YAML or JSON file, with the line of whatever is wrong in it.

JSON is read as YAML, which it is but for tabs. Nothing in the file can make an object or run code:
only tables, lists, texts, numbers, true, false and null are read.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from promptkit.errors import PolicyError
from promptkit.safety.policy import Policy

LONGEST: Final = 64_000
"""The largest file that is read, in bytes."""

_DEEPEST: Final = 10
_MOST: Final = 10_000
"""Values in a file: an alias of an alias of an alias could stand for any number of them."""

_PLAIN: Final = {"str", "int", "float", "bool", "null"}


def read_policy(path: str | os.PathLike[str]) -> Policy:
    """Read a policy's file.

    Raises:
        PolicyError: With the line, when the file cannot be read or the policy is wrong.
    """
    import yaml

    file = Path(path)
    try:
        if not file.is_file() and file.exists():
            raise PolicyError(f"{file} is no file", hint="name a YAML file")
        if file.stat().st_size > LONGEST:
            raise PolicyError(f"{file} is larger than {LONGEST:,} bytes", hint="a policy is short")
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise PolicyError(f"{file} cannot be read ({reason})", hint="name a YAML file") from None
    if file.suffix == ".json":
        text = text.replace("\t", " ")
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise PolicyError(f"{file}, line {line}: {error.problem}") from None
    except (yaml.YAMLError, RecursionError):
        raise PolicyError(f"{file} is no YAML", hint="see promptkit.safety.policy") from None
    if node is None:
        raise PolicyError(f"{file} is empty", hint="input: { injection: block }")
    reader = _Reader(file)
    table = reader.value(node, ())
    try:
        policy = Policy.of(table, reader.lines)
    except PolicyError as error:
        raise PolicyError(f"{file}, {error.message}", hint=error.hint) from None
    return policy if "name" in table else policy.replace(name=file.stem)


class _Reader:
    """Turns YAML nodes into values and remembers the line of each field."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.count = 0
        self.lines: dict[tuple[str, ...], int] = {}

    def value(self, node: Any, path: tuple[str, ...]) -> Any:
        """Return what a node stands for."""
        import yaml

        self.count += 1
        if len(path) > _DEEPEST or self.count > _MOST:
            raise self.refuse(node, "tables are nested too deeply, or too many")
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self.table(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, str(n))) for n, item in enumerate(node.value, 1)]
        kind = str(node.tag).rpartition(":")[2]
        if kind not in _PLAIN:
            if kind == "timestamp":
                return str(node.value)
            raise self.refuse(node, f"a value of the kind {kind!r}")
        try:
            return yaml.SafeLoader("").construct_object(node)
        except (ValueError, yaml.YAMLError):
            raise self.refuse(node, f"{str(node.value)[:40]!r} is no {kind}") from None

    def table(self, node: Any, path: tuple[str, ...]) -> dict[str, Any]:
        """Return a table; a field that stands there twice is refused."""
        found: dict[str, Any] = {}
        for key, value in node.value:
            name = str(key.value)
            if name in found:
                raise self.refuse(key, f"{name!r} stands there twice")
            self.lines[*path, name] = key.start_mark.line + 1
            found[name] = self.value(value, (*path, name))
        return found

    def refuse(self, node: Any, what: str) -> PolicyError:
        """Return the error for a node."""
        return PolicyError(f"{self.file}, line {node.start_mark.line + 1}: {what}")
