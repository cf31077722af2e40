"""Vaults in files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from promptkit.adapters.vault_file import load_vault, save_vault
from promptkit.errors import OptionError, StoreError
from promptkit.safety.redaction import redact


@pytest.mark.parametrize("secret", [None, "long and random"])
def test_a_vault_comes_back_from_its_file(tmp_path: Path, secret: str | None) -> None:
    redacted = redact("ann@example.com \ud800")
    save_vault(redacted.vault, tmp_path / "vault", secret=secret)
    vault = load_vault(tmp_path / "vault", secret=secret)
    assert vault.restore(redacted.text) == "ann@example.com \ud800"
    assert [path.name for path in tmp_path.iterdir()] == ["vault"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_only_the_owner_can_read_the_file(tmp_path: Path) -> None:
    (tmp_path / "vault").write_text("old", encoding="utf-8")
    save_vault(redact("ann@example.com").vault, tmp_path / "vault")
    assert (tmp_path / "vault").stat().st_mode & 0o777 == 0o600


def test_an_encrypted_file_shows_nothing_and_wants_its_secret(tmp_path: Path) -> None:
    path = tmp_path / "vault"
    save_vault(redact("ann@example.com").vault, path, secret="one secret")
    assert b"ann" not in path.read_bytes()
    with pytest.raises(StoreError, match="encrypted"):
        load_vault(path)
    with pytest.raises(StoreError, match="does not decrypt"):
        load_vault(path, secret="another")


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\xff\xfe", b'{"salt": "zz", "sealed": 1}']
)
def test_a_file_that_holds_no_vault_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "vault").write_bytes(content)
    with pytest.raises(OptionError, match="no vault"):
        load_vault(tmp_path / "vault", secret="any")
