from __future__ import annotations

import json
from pathlib import Path

import pytest

from promptkit import Message, Options, Request, Response
from promptkit.errors import ReplayError, StoreError
from promptkit.response import Choice, Usage
from promptkit.testing import Recorder, Replay
from promptkit.transport import FunctionTransport

pytestmark = pytest.mark.anyio


def asked(text: str = "What is 2 + 2?", **fields: object) -> Request:
    fields = {"model": "m", "endpoint": "here"} | fields
    return Request(messages=(Message("user", text),), **fields)  # type: ignore[arg-type]


@pytest.fixture
async def recording(tmp_path: Path) -> Path:
    answer = Response((Choice("4", "stop"),), Usage(9, 1), "m-1", 0.01)
    recorder = Recorder(FunctionTransport(lambda request: answer), tmp_path / "r.jsonl", "m")
    await recorder(asked())
    await recorder(asked(sample=1))
    return tmp_path / "r.jsonl"


async def test_a_replay_answers_as_recorded_wherever_it_runs(recording: Path) -> None:
    replay = Replay(recording)
    pieces: list[str] = []
    response = await replay(asked(endpoint="elsewhere"), pieces.append)
    assert (response.text, response.usage.input_tokens, response.cost_usd) == ("4", 9, 0.01)
    assert pieces == ["4"]
    assert response.log.source == "replay"
    assert response.paid_usd == 0.0
    assert replay.model == "m"


@pytest.mark.parametrize(
    ("request_", "difference"),
    [
        (
            asked("What is 2 + 3?"),
            r"message 1 \(user\) differs at character 12: recorded …'.*2 \+ 2",
        ),
        (asked(sample=7), r"sample: recorded .*, asked 7"),
        (asked(model="other"), r"model: recorded 'm', asked 'other'"),
        (asked(options=Options(temperature=1.0)), r"temperature: recorded 'unset', asked 1\.0"),
        (asked("What is 2 + 2?", api="responses"), r"api: recorded 'chat', asked 'responses'"),
    ],
)
async def test_a_request_that_is_not_there_is_an_error_that_names_what_differs(
    recording: Path, request_: Request, difference: str
) -> None:
    with pytest.raises(ReplayError, match=difference):
        await Replay(recording)(request_)


async def test_recording_again_goes_on_and_the_later_answer_holds(recording: Path) -> None:
    recorder = Recorder(FunctionTransport(lambda request: "four"), recording, "m")
    await recorder(asked())
    assert (await Replay(recording)(asked())).text == "four"
    assert (await Replay(recording)(asked(sample=1))).text == "4"


async def test_a_last_line_cut_off_by_a_kill_is_passed_over(recording: Path) -> None:
    recording.write_bytes(recording.read_bytes()[:-20])
    assert (await Replay(recording)(asked())).text == "4"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no promptkit recording"),
        (b'{"format": "har"}\n', "is no promptkit recording"),
        (b"[1]\n[2]\n", "is no promptkit recording"),
        (b"\xff\xfe\n{}\n", "line 1: not JSON"),
        (json.dumps({"format": "promptkit-recording", "version": 9}).encode(), "version 9"),
    ],
)
def test_a_file_that_is_no_recording_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=message):
        Replay(path)


def test_a_missing_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"none\.jsonl cannot be read"):
        Replay(tmp_path / "none.jsonl")


async def test_recording_goes_on_after_a_last_line_cut_off_by_a_kill(recording: Path) -> None:
    recording.write_bytes(recording.read_bytes()[:-20])
    recorder = Recorder(FunctionTransport(lambda request: "two"), recording, "m")
    await recorder(asked("one more"))
    again = Recorder(FunctionTransport(lambda request: "three"), recording, "m")
    await again(asked("and another"))
    replay = Replay(recording)
    assert (await replay(asked("one more"))).text == "two"
    assert (await replay(asked("and another"))).text == "three"


async def test_an_answer_that_cannot_be_recorded_is_still_returned(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    recorder = Recorder(FunctionTransport(lambda request: "paid"), folder / "r.jsonl", "m")
    (folder / "r.jsonl").unlink()
    folder.rmdir()
    with pytest.warns(UserWarning, match="not recorded"):
        assert (await recorder(asked())).text == "paid"


async def test_the_nearest_recorded_request_is_the_one_compared(tmp_path: Path) -> None:
    recorder = Recorder(FunctionTransport(lambda request: "x"), tmp_path / "r.jsonl", "m")
    await recorder(asked("Something else entirely, about the weather."))
    await recorder(asked("What is 2 + 2?", options=Options(temperature=0.5)))
    with pytest.raises(ReplayError, match=r"temperature: recorded 0\.5, asked 0\.7"):
        await Replay(tmp_path / "r.jsonl")(
            asked("What is 2 + 2?", options=Options(temperature=0.7))
        )
