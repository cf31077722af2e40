from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from promptkit.adapters.lease import LeaseWarning, SqliteLease, part_of

PLACE = "https://api.example.com owner model"

SHARER = """
import sys, time
from promptkit.adapters.lease import SqliteLease
lease = SqliteLease(sys.argv[1])
end = time.monotonic() + float(sys.argv[2])
parts = set()
while time.monotonic() < end:
    parts.add(lease.share(sys.argv[3], "1", 5.0, is_waiting=True))
    time.sleep(0.05)
print(min(part for part in parts if part > 0.02), flush=True)
if len(sys.argv) > 4:
    import os, signal
    os.kill(os.getpid(), signal.SIGKILL)
"""


def sharer(path: Path, seconds: float, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SHARER, str(path), str(seconds), PLACE, *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_who_is_alone_has_the_whole_limit(tmp_path: Path) -> None:
    lease = SqliteLease(tmp_path / "limits.sqlite")
    assert lease.share(PLACE, "1", 0.0, is_waiting=True) == 1.0
    lease.close()


def test_processes_that_have_more_to_send_get_equal_parts(tmp_path: Path) -> None:
    path = tmp_path / "limits.sqlite"
    sharers = [sharer(path, 2.5) for _ in range(3)]
    parts = [float(each.communicate(timeout=30)[0]) for each in sharers]
    assert parts == pytest.approx([1 / 3] * 3)


def test_who_joins_others_begins_with_little(tmp_path: Path) -> None:
    path = tmp_path / "limits.sqlite"
    first, second = SqliteLease(path), SqliteLease(path)
    assert first.share(PLACE, "1", 5.0, is_waiting=True) == 1.0
    time.sleep(0.01)
    assert second.share(PLACE, "1", 0.0, is_waiting=True) < 0.1
    assert first.share(PLACE, "1", 5.0, is_waiting=True) == 0.5
    time.sleep(0.7)
    assert second.share(PLACE, "1", 5.0, is_waiting=True) == 0.5
    first.close()
    assert second.share(PLACE, "1", 5.0, is_waiting=True) == 1.0
    second.close()


def test_the_part_of_a_killed_process_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "limits.sqlite"
    killed = sharer(path, 0.2, "kill")
    killed.communicate(timeout=30)
    lease = SqliteLease(path)
    lease.share(PLACE, "1", 5.0, is_waiting=True)
    deadline = time.monotonic() + 10
    while lease.share(PLACE, "1", 5.0, is_waiting=True) < 1.0:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    lease.close()


def test_other_limits_are_not_divided(tmp_path: Path) -> None:
    path = tmp_path / "limits.sqlite"
    first, second = SqliteLease(path), SqliteLease(path)
    assert first.share(PLACE, "1", 5.0, is_waiting=True) == 1.0
    assert second.share(PLACE + "-mini", "1", 5.0, is_waiting=True) == 1.0
    first.close()
    second.close()


def test_a_file_that_cannot_be_used_warns_once_and_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / "limits.sqlite"
    path.write_bytes(b"this is no database at all, but a text of some length" * 30)
    lease = SqliteLease(path)
    with pytest.warns(LeaseWarning, match="not shared"):
        assert lease.share(PLACE, "1", 5.0, is_waiting=True) == 1.0
    assert lease.share(PLACE, "1", 5.0, is_waiting=True) == 1.0
    lease.close()


def test_the_file_tells_nobody_which_endpoint_it_is_about(tmp_path: Path) -> None:
    path = tmp_path / "limits.sqlite"
    lease = SqliteLease(path)
    lease.share(PLACE, "1", 5.0, is_waiting=True)
    written = b"".join(each.read_bytes() for each in tmp_path.iterdir())
    assert b"example.com" not in written
    assert b"owner" not in written
    lease.close()


def test_one_that_uses_little_leaves_the_rest_to_who_waits() -> None:
    users = {"a": (9.0, True), "b": (1.0, False), "c": (9.0, True)}
    parts = {name: part_of(name, users) for name in users}
    assert parts["b"] < 0.1 < parts["a"] == parts["c"]
    assert sum(parts.values()) == pytest.approx(1.0)
