"""A recipe runs in an empty folder, with no key."""
# ruff: noqa: INP001, S101

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _alone(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    doctest_namespace: dict[str, Any],
) -> Iterator[None]:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "AZURE_OPENAI_ENDPOINT", "PROMPTKIT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PROMPTKIT_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    page = request.path.read_text("utf-8")

    def save(kind: str, path: str) -> None:
        """Write the page's first block of a kind to a file."""
        found = re.search(rf"^```{kind}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
        assert found is not None, f"the page has no block of {kind}"
        Path(path).write_text(found[1], "utf-8")

    doctest_namespace["save"] = save
    yield
    del doctest_namespace["save"]
