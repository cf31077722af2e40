"""A recipe runs in an empty folder, with no key."""
# ruff: noqa: INP001

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "AZURE_OPENAI_ENDPOINT", "PROMPTKIT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PROMPTKIT_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
