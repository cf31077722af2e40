from __future__ import annotations

import asyncio
import sys
import traceback
from pathlib import Path
from typing import Any

import openai
import pytest

import promptkit as pk
from promptkit.errors import OptionError, ProfileError, StoreError
from promptkit.profile import load_profile
from promptkit.testing import Scripted

pytestmark = pytest.mark.anyio
KEY = "sk-proj-abcdefghijklmnop1234"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project" / "notebooks"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def profiles(text: str, name: str = "promptkit.toml") -> None:
    Path(name).write_text(text)


BOTH = """
default = "staging"
[profiles.staging]
base_url = "https://staging.example/v1"
organization = "org-s"
model = "small"
key = { env = "STAGING_KEY" }
budget = { soft = 1, hard = 2 }
[profiles.production]
base_url = "https://api.example/v1"
project = "proj-p"
model = "large"
key = { env = "PRODUCTION_KEY" }
limits = { concurrency = 7 }
"""


def test_arguments_come_before_a_profile_before_the_environment(monkeypatch: Any) -> None:
    monkeypatch.setenv("STAGING_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_ORG_ID", "org-env")
    monkeypatch.setenv("PROMPTKIT_MODEL", "from-env")
    from_environment = pk.connect()
    assert "api.openai.com" in from_environment.defaults.endpoint
    assert "org-env" in from_environment.defaults.endpoint
    assert from_environment.defaults.model == "from-env"
    profiles(BOTH)
    from_profile = pk.connect()
    assert "staging.example" in from_profile.defaults.endpoint
    assert "org-s" in from_profile.defaults.endpoint
    assert from_profile.defaults.model == "small"
    from_arguments = pk.connect(base_url="https://other.example/v1", api_key=KEY, model="m")
    assert "other.example" in from_arguments.defaults.endpoint
    assert "org" not in from_arguments.defaults.endpoint


def test_a_profile_is_found_in_the_folders_above_and_in_pyproject(monkeypatch: Any) -> None:
    table = BOTH.replace("[profiles", "[tool.promptkit.profiles").replace(
        "default =", "[tool.promptkit]\ndefault ="
    )
    profiles(table, "../pyproject.toml")
    found = load_profile()
    assert found is not None
    assert found.model == "small"
    monkeypatch.setenv("PROMPTKIT_PROFILE", "production")
    found = load_profile()
    assert found is not None
    assert found.model == "large"


def test_staging_and_production_share_no_file_no_budget_and_no_key(monkeypatch: Any) -> None:
    monkeypatch.setenv("STAGING_KEY", KEY)
    monkeypatch.setenv("PRODUCTION_KEY", "sk-other-0123456789")
    profiles(BOTH)
    staging, production = pk.connect("staging"), pk.connect("production")
    question = staging.request("Hi", model="m"), production.request("Hi", model="m")
    assert question[0].key != question[1].key
    home = Path(sys.modules["os"].environ["PROMPTKIT_HOME"])
    folders = sorted(path.parent.name for path in home.rglob("cache.sqlite"))
    assert folders == ["production", "staging"]
    assert staging.trace.meters
    assert not production.trace.meters
    assert pk.connect("staging").trace.meters == staging.trace.meters, "one budget per profile"
    assert production.defaults.concurrency == 7


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('[profiles.a]\nmodle = "x"', "unknown field 'modle': did you mean 'model'"),
        (f'[profiles.a]\napi_key = "{KEY}"', "holds a key itself"),
        (f'[profiles.a]\nkey = "{KEY}"', "holds a key itself"),
        (f'[profiles.a]\nkey = {{ env = "{KEY}" }}', "holds a key where a variable's name"),
        ("[profiles.a]\nkey = { file = 'x' }", "source is not understood"),
        ("[profiles.a]\nbudget = { hard = -1 }", "budget hard=-1"),
        ("[profiles.a]\nbudget = 'lots'", "budget='lots'"),
        ("[profiles.a]\nlimits = { rpm = 5 }", "limits="),
        ("[profiles.a]\nmodel = 5", "model is not a text"),
        ("[profiles.a]\nconstraints = 'magic'", "constraints='magic'"),
        ("[profiles.a.prices.m]\ninput = 1", "price of 'm'"),
        ("[profiles.b]\nmodel = 'm'", "no profile 'a': it has b"),
        ("profiles = 5", "no profile 'a'"),
        ("[profile.a]", "unknown field 'profile'"),
        ("[profiles.a", "cannot be read"),
        ("\udcff", "cannot be read"),
    ],
)
def test_a_bad_profile_is_named_and_shows_no_key(table: str, message: str) -> None:
    Path("promptkit.toml").write_bytes(table.encode("utf-8", "surrogateescape"))
    with pytest.raises(ProfileError) as caught:
        pk.connect("a")
    assert message in str(caught.value)
    assert KEY not in str(caught.value)


def test_a_profiles_name_cannot_leave_its_folder() -> None:
    profiles('[profiles."../../etc"]\nmodel = "m"')
    with pytest.raises(ProfileError, match="names a folder"):
        pk.connect("../../etc")


def test_a_profile_that_is_nowhere_says_what_to_make() -> None:
    with pytest.raises(ProfileError, match=r"no profile 'staging', and no promptkit\.toml"):
        pk.connect("staging")


def test_a_missing_key_is_named_by_its_variable() -> None:
    profiles(BOTH)
    with pytest.raises(ProfileError, match="STAGING_KEY is not set"):
        pk.connect()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ([sys.executable, "-c", "raise SystemExit(3)"], "exit code 3"),
        ([sys.executable, "-c", "pass"], "it printed nothing"),
        (["no-such-program-here"], "failed"),
    ],
)
def test_a_keys_command_that_fails_is_named_without_its_output(
    command: list[str], message: str
) -> None:
    profiles(f"[profiles.a]\nkey = {{ command = {command!r} }}")
    with pytest.raises(ProfileError, match=message):
        pk.connect("a", model="m")


def test_a_keys_command_gives_the_key() -> None:
    printing = [sys.executable, "-c", f"print('{KEY}')"]
    profiles(f"[profiles.a]\nmodel = 'm'\nkey = {{ command = {printing!r} }}")
    session = pk.connect("a")
    assert KEY not in repr(session) + repr(session.transport)


def test_openai_itself_is_not_asked_without_a_key() -> None:
    with pytest.raises(ProfileError, match=r"no API key for api\.openai\.com"):
        pk.connect(base_url="https://api.openai.com/v1", model="m")


def test_a_named_model_without_anybody_to_ask_is_an_error_not_the_embedded_model() -> None:
    with pytest.raises(ProfileError, match="nobody is known who answers as 'gpt-5"):
        pk.connect(model="gpt-5-mini")


def test_with_nothing_set_the_embedded_model_answers_and_one_line_says_so(capsys: Any) -> None:
    session = pk.connect()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "the embedded model answers" in lines[0]
    assert session.defaults.endpoint.startswith("local:")


def test_azure_is_read_from_the_environment(monkeypatch: Any) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://mine.openai.azure.com")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", KEY)
    with pytest.raises(ProfileError, match="OPENAI_API_VERSION is not"):
        pk.connect(model="m")
    monkeypatch.setenv("OPENAI_API_VERSION", "2026-01-01")
    assert "mine.openai.azure.com" in pk.connect(model="m").defaults.endpoint


def test_a_client_handed_in_is_used_with_its_own_address() -> None:
    client = openai.AsyncOpenAI(api_key=KEY, base_url="https://own.example/v1")
    assert "own.example" in pk.connect(transport=client, model="m").defaults.endpoint


@pytest.mark.parametrize(
    "arguments",
    [
        {"transport": Scripted("x"), "base_url": "http://127.0.0.1:1/v1"},
        {"transport": 5},
        {"transport": Scripted("x"), "cache": 5},
        {"transport": Scripted("x"), "budget": "lots"},
        {"transport": Scripted("x"), "limits": {"rpm": 1}},
        {"replay": "a.jsonl", "record": "b.jsonl"},
        {"transport": Scripted("x"), "limits": 3},
        {"transport": Scripted("x"), "retry": 3},
        {"transport": Scripted("x"), "retry": None},
        {"transport": Scripted("x"), "hedge": "soon"},
        {"transport": Scripted("x"), "pack": 3},
        {"transport": Scripted("x"), "ledger": 3},
        {"transport": Scripted("x"), "record": 3},
        {"transport": Scripted("x"), "model": 3},
        {"replay": 3},
        {"base_url": 3, "model": "m"},
        {"base_url": "http://127.0.0.1:1/v1", "model": "m", "api_key": 3},
        {"routes": 3},
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises((OptionError, StoreError)):
        pk.connect(**arguments)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (pk.Routes, {"routes": ("a",), "breaker": 3}),
        (pk.Routes, {"routes": ("a",), "patience_s": "3"}),
        (pk.RetryPolicy, {"max_attempts": "3"}),
        (pk.RetryPolicy, {"deadline_s": "3"}),
        (pk.RetryPolicy, {"first_wait_s": -1.0}),
    ],
)
def test_settings_that_cannot_be_are_refused_when_they_are_made(kind: Any, settings: Any) -> None:
    with pytest.raises(OptionError):
        kind(**settings)


async def test_a_transport_of_ones_own_leaves_nothing_on_disk(tmp_path: Path) -> None:
    async with pk.connect(transport=Scripted("a secret"), model="m") as session:
        await session.ask("another secret")
    assert not (tmp_path / "home").exists()


async def test_answers_asked_to_be_kept_are_there_in_the_next_session(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    for expected in (1, 0):
        model = Scripted("x")
        async with pk.connect(transport=model, model="m", cache=path) as session:
            await session.ask("Hi")
        assert len(model.requests) == expected


async def test_without_a_cache_equal_requests_are_not_joined() -> None:
    model = Scripted("x")
    session = pk.connect(transport=model, model="m", cache=None)
    await asyncio.gather(*(session.ask("Hi") for _ in range(3)))
    assert len(model.requests) == 3


async def test_a_recorded_session_is_replayed_without_naming_a_model(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    async with pk.connect(transport=Scripted("4"), model="gpt-4o-mini", record=path) as session:
        await session.ask("2 + 2?", temperature=0)
    replayed = pk.connect(replay=path)
    assert (await replayed.ask("2 + 2?", temperature=0)).text == "4"
    assert replayed.usage.cost_usd == 0.0
    assert replayed.usage.cached == 1


async def test_a_price_of_ones_own_wins() -> None:
    profiles("[profiles.a.prices.gpt-4o-mini]\ninput = 1000\noutput = 0")
    session = pk.connect(load_profile("a"), transport=Scripted("x"), model="gpt-4o-mini")
    response = await session.ask("Hi")
    assert response.cost_usd == pytest.approx(response.usage.input_tokens * 0.001)


def test_a_profile_takes_neither_key_nor_model_from_the_environment(monkeypatch: Any) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("PROMPTKIT_MODEL", "somebody-elses")
    profiles('[profiles.a]\nproject = "proj-a"')
    with pytest.raises(ProfileError, match="no API key"):
        pk.connect("a")
    profiles('[profiles.a]\nkey = { env = "OPENAI_API_KEY" }')
    assert pk.connect("a").defaults.model is None


@pytest.mark.parametrize(
    "table",
    [
        "prices = 3",
        "prices = { m = 3 }",
        "ledger = 3",
        "cache = 7",
        "budget = true",
        "limits = { concurrency = 1.5 }",
        "prices = { m = { input = true, output = 1 } }",
        "prices = { m = { input = 1, output = nan } }",
    ],
)
def test_a_value_of_the_wrong_type_is_a_profile_error(table: str) -> None:
    profiles(f"[profiles.a]\n{table}")
    with pytest.raises(ProfileError):
        pk.connect("a", model="m", base_url="http://127.0.0.1:1/v1")


def test_a_transport_has_no_key_to_be_given() -> None:
    with pytest.raises(OptionError, match="transport and api_key together"):
        pk.connect(transport=Scripted("x"), api_key=KEY)


async def test_scripted_transports_need_no_model() -> None:
    response = await pk.connect(transport=Scripted(pk.Response((pk.Choice("x"),)))).ask("Hi")
    assert (response.text, response.model) == ("x", "scripted")


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: pk.connect(api_key=KEY, model="m", cache="/proc/nowhere/x"),
        lambda: pk.connect(model="gpt-5-mini"),
        lambda: pk.connect("keyed"),
    ],
    ids=["argument", "environment", "command"],
)
def test_no_traceback_of_connect_shows_a_key_even_with_its_locals(
    attempt: Any, monkeypatch: Any
) -> None:
    monkeypatch.setenv("SOMEBODYS_TOKEN", KEY)
    failing = [sys.executable, "-c", f"print('{KEY}'[::1]); raise SystemExit(1)"]
    profiles(f"[profiles.keyed]\nkey = {{ command = {failing!r} }}")
    with pytest.raises(pk.PromptkitError) as caught:
        attempt()
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [f for f in shown.stack if "promptkit" in f.filename and "tests" not in f.filename]
    values = [
        v for f in frames for n, v in (f.locals or {}).items() if n not in ("command", "self")
    ]
    assert KEY not in repr(
        [v for v in values if "profiles.keyed" not in v and "KeySource" not in v]
    )
