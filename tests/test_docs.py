"""What the pages and the reference must hold."""

from __future__ import annotations

import doctest
import inspect
import re
import sys
from pathlib import Path

import pytest

from promptkit import primitives, safety
from promptkit.safety.policy.rules import CHECKS, STAGES

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted(ROOT.glob("docs/**/*.md")),
    *sorted(ROOT.glob("cookbook/**/*.md")),
    *sorted(ROOT.glob("notebooks/**/*.ipynb")),
]
PLACEHOLDER = re.compile(r"@@|\b(?:TODO|TBD|FIXME|XXX+)\b|\?\?\?|lorem ipsum", re.IGNORECASE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_holds_a_placeholder(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    assert not [
        f"{number}: {line[:200]}"
        for number, line in enumerate(lines, 1)
        if PLACEHOLDER.search(line)
    ]


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("of @@RIGHT@@ items", True),
        ("TODO", True),
        ("todo: this", True),
        ("XXXX", True),
        ("a@b.c", False),
        ("Really??", False),
    ],
)
def test_a_placeholder_is_known_as_one(text: str, *, is_found: bool) -> None:
    assert bool(PLACEHOLDER.search(text)) is is_found


def test_all_kinds_of_pages_are_looked_at() -> None:
    names = {str(page.relative_to(ROOT)) for page in PAGES}
    assert {"README.md", "docs/index.md", "docs/reference.md"} <= names
    assert any(name.endswith(".ipynb") for name in names)


def examples_of(made: object) -> str:
    """The code of all examples in a docstring, or in those of a module's own functions."""
    found = doctest.DocTestFinder().find(made, name="it")
    return "".join(example.source for each in found for example in each.examples)


@pytest.mark.parametrize("name", primitives.__all__)
def test_every_public_name_has_a_sentence_an_example_and_a_place_in_the_reference(
    name: str,
) -> None:
    made = getattr(primitives, name)
    sentence = (inspect.getdoc(made) or "").partition("\n\n")[0]
    assert re.fullmatch(r"\S.+[.:]", sentence, re.DOTALL), f"{name} says in a sentence what it is"
    at = made.__name__.removeprefix("promptkit.primitives.") if inspect.ismodule(made) else name
    listed = rf"^\.\. auto\w+:: promptkit\.primitives\.(?:\w+\.)?{re.escape(at)}$"
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert re.search(listed, reference, re.MULTILINE), f"docs/reference.md lists {name}"
    if inspect.isclass(made):  # what is handed to a function is shown in that one's example
        assert f"{name}(" in examples_of(sys.modules[made.__module__])
    else:
        parts = getattr(made, "__all__", ()) if inspect.ismodule(made) else ()
        shown = [
            each for each in (getattr(made, part) for part in parts) if inspect.isfunction(each)
        ]
        assert all(map(examples_of, shown or [made])), f"{name} has an example"


@pytest.mark.parametrize("name", safety.__all__)
def test_every_name_of_safety_has_a_place_in_the_reference_and_a_function_an_example(
    name: str,
) -> None:
    made = getattr(safety, name)
    listed = rf"^\.\. auto\w+:: promptkit\.safety\.(?:\w+\.)*{re.escape(name)}$"
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert re.search(listed, reference, re.MULTILINE), f"docs/reference.md lists {name}"
    if inspect.isfunction(made) or inspect.isclass(made):
        sentence = (inspect.getdoc(made) or "").partition("\n\n")[0]
        assert re.fullmatch(r"\S.+[.:;]", sentence, re.DOTALL), f"{name} says what it is"
    if inspect.isfunction(made):
        assert examples_of(made), f"{name} has an example"


def test_the_page_on_safety_speaks_of_every_function() -> None:
    pages = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")
    functions = [name for name in safety.__all__ if inspect.isfunction(getattr(safety, name))]
    assert not [name for name in functions if f"`{name}" not in pages and f".{name}(" not in pages]


def test_the_page_on_policies_and_the_code_name_the_same_checks() -> None:
    page = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")
    for stage in STAGES:
        row = re.search(rf"^\| \*\*{stage}\*\* \|.*$", page, re.MULTILINE)
        assert row is not None
        named = set(re.findall(r"`(\w+)`", row.group().rpartition(" | ")[2]))
        assert named == {check for check, kind in CHECKS.items() if stage in kind.stages}
