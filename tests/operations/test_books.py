"""The calls of a profile as a DataFrame."""

from __future__ import annotations

import subprocess
import sys

import pytest

import promptkit as pk
from promptkit.adapters.ledger import Ledger
from promptkit.errors import StoreError
from promptkit.folders import data_folder
from promptkit.operations import ledger

pytestmark = pytest.mark.anyio


async def ask(profile: str, *questions: str) -> None:
    path = data_folder() / "profiles" / profile / "ledger.sqlite"
    async with pk.connect(transport=pk.testing.Scripted("yes"), model="gpt-4o-mini") as session:
        book = Ledger(path, profile=profile)
        session.trace.observers.append(book)
        for question in questions:
            await session.ask(question)
        await book.aclose()


async def test_the_calls_of_a_profile_are_rows_in_their_order():
    await ask("default", "one?", "two?", "one?")
    await ask("staging", "three?")
    found = ledger()
    assert found["cached"].tolist() == [False, False, True]
    assert found["model"].tolist() == ["gpt-4o-mini"] * 3
    assert str(found["time"].dt.tz) == "UTC"
    assert found["cost_usd"].sum() > 0
    assert ledger("staging")["profile"].tolist() == ["staging"]


async def test_a_profile_without_calls_is_told_by_name():
    with pytest.raises(StoreError, match=r"no ledger of the profile 'default' .* first call"):
        ledger()
    await ask("staging", "one?")
    with pytest.raises(StoreError, match="did you mean 'staging'"):
        ledger("stagging")
    with pytest.raises(StoreError, match="there are those of staging"):
        ledger("production")
    with pytest.raises(StoreError, match="there are those of staging"):
        ledger("../profiles/staging")


def test_importing_it_loads_no_pandas():
    program = "import sys, promptkit.operations; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
