from __future__ import annotations

import json
import multiprocessing
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from promptkit.adapters.audit_log import AuditLog
from promptkit.errors import OptionError, StoreError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def written(path: Path, count: int, secret: str | None = None) -> AuditLog:
    log = AuditLog(path, secret=secret)
    for number in range(count):
        log.write({"check": "secrets", "number": number})
    return log


def test_a_log_that_nobody_touched_verifies(path: Path) -> None:
    done = written(path, 5).verify()
    assert done
    assert done.lines == 5


def test_an_empty_log_verifies(path: Path) -> None:
    path.touch()
    assert AuditLog(path).verify()


def test_every_changed_byte_is_detected(path: Path) -> None:
    log = written(path, 3)
    whole = path.read_bytes()
    for place in range(len(whole)):
        for changed in (whole[place] ^ 1, whole[place] ^ 0x20, 0x20, 0x09):
            if changed != whole[place]:
                path.write_bytes(whole[:place] + bytes([changed]) + whole[place + 1 :])
                assert not log.verify(), (place, changed)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.data())
def test_lines_that_are_moved_doubled_or_taken_out_are_detected(
    tmp_path: Path, data: st.DataObject
) -> None:
    path = tmp_path / "moved.jsonl"
    path.unlink(missing_ok=True)
    log = written(path, 6)
    last = log.verify().last
    lines = path.read_bytes().splitlines(keepends=True)
    picked = data.draw(st.lists(st.sampled_from(lines), max_size=8))
    path.write_bytes(b"".join(picked))
    assert bool(log.verify(last)) is (picked == lines)


def test_a_line_that_was_cut_off_is_seen_by_the_hash_that_was_kept(path: Path) -> None:
    log = written(path, 4)
    last = log.verify().last
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    assert log.verify()
    assert "missing" in log.verify(last).error


def test_without_the_secret_nobody_can_write_a_chain(path: Path) -> None:
    forged = written(path, 3)
    assert forged.verify()
    assert "another secret" in AuditLog(path, secret="s3cret").verify().error


def test_forgetting_keeps_the_lines_that_stay_and_the_chain(path: Path) -> None:
    log = written(path, 3)
    time.sleep(0.01)
    before = path.read_bytes().splitlines()
    assert log.forget(days=1) == 0
    assert log.forget(days=0) == 3
    log.write({"check": "abuse"})
    done = log.verify()
    assert done
    assert done.lines == 2
    assert b"forgotten" in path.read_bytes().splitlines()[0]
    assert before[2] not in path.read_bytes()


def test_old_lines_go_and_new_ones_stay_untouched(path: Path) -> None:
    log = written(path, 2)
    time.sleep(0.2)
    log.write({"check": "late"})
    late = path.read_bytes().splitlines()[-1]
    assert log.forget(days=0.1 / 86_400) == 2
    assert path.read_bytes().splitlines()[-1] == late
    assert log.verify()


def test_a_broken_chain_is_not_deleted_from(path: Path) -> None:
    log = written(path, 3)
    path.write_bytes(path.read_bytes().replace(b'"number": 1', b'"number": 7'))
    with pytest.raises(StoreError, match="nothing was deleted"):
        log.forget(days=0)


def test_what_is_no_json_or_marks_the_head_is_refused(path: Path) -> None:
    log = AuditLog(path)
    for event in ({"a": object()}, {"a": float("nan")}, {"forgotten": 3}, {"a": "x" * 70_000}):
        with pytest.raises(OptionError):
            log.write(event)
    assert not path.exists() or log.verify()


def test_a_line_cut_short_by_a_crash_is_removed_by_the_next_event(path: Path) -> None:
    log = written(path, 2)
    with path.open("ab") as file:
        file.write(b'{"n": 3, "ti')
    assert not log.verify()
    log.write({"check": "after"})
    assert log.verify().lines == 3


def _write_many(path: str) -> None:
    written(Path(path), 40)


def test_several_processes_write_one_chain(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(str(path),)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    done = AuditLog(path).verify()
    assert done, done.error
    assert done.lines == 120


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9 on Windows")
def test_a_killed_writer_leaves_a_log_that_goes_on(path: Path) -> None:
    program = (
        "import sys\nfrom promptkit.adapters.audit_log import AuditLog\n"
        "log = AuditLog(sys.argv[1])\n"
        "while True:\n    log.write({'check': 'x' * 500})\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", program, str(path)])
    while not path.exists() or path.stat().st_size < 20_000:
        time.sleep(0.01)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    log = AuditLog(path)
    log.write({"check": "after"})
    assert log.verify()


def test_a_log_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written"):
        AuditLog(tmp_path / "file" / "audit.jsonl").write({"check": "x"})
    with pytest.raises(StoreError, match="cannot be read"):
        AuditLog(tmp_path / "none.jsonl").verify()


def test_only_its_owner_reads_it(path: Path) -> None:
    written(path, 1)
    assert path.stat().st_mode & 0o077 == 0


def test_the_log_can_be_shortened_again_and_again(path: Path) -> None:
    log = written(path, 2)
    for _ in range(3):
        time.sleep(0.15)
        log.write({"check": "late"})
        assert log.forget(days=0.1 / 86_400) >= 1
        assert log.verify()
    assert path.read_bytes().count(b"forgotten") == 1
    assert b'"forgotten": 4' in path.read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a file's size are POSIX's")
def test_an_event_that_does_not_fit_on_the_disk_is_an_error_and_leaves_no_torn_line(
    path: Path,
) -> None:
    program = (
        "import resource, signal, sys\n"
        "from promptkit.adapters.audit_log import AuditLog\n"
        "from promptkit.errors import StoreError\n"
        "log = AuditLog(sys.argv[1])\n"
        "log.write({'check': 'fits'})\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (log.path.stat().st_size + 50,) * 2)\n"
        "try:\n    log.write({'check': 'does not'})\n"
        "except StoreError:\n    print('refused')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "refused\n"
    assert AuditLog(path).verify().lines == 1


def test_a_hash_of_other_letters_is_no_hash(path: Path) -> None:
    log = written(path, 1)
    line = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(line | {"hash": "é"}) + "\n", "utf-8")
    assert "was changed" in log.verify().error
