from __future__ import annotations

import pytest
from faults.campaign import Settings, campaign


@pytest.mark.parametrize(("client", "items"), [("httptools", 1000), ("aiohttp", 400)])
def test_items_survive_every_fault_and_two_kills(client, items):
    pytest.importorskip(client)
    report = campaign(
        Settings(items=items, kills=2, seed=5, concurrency=64, deadline_s=3.0, client=client)
    )
    assert not report.wrong, str(report)
    print(report)  # noqa: T201 -- shown when the test fails, or with -s


def test_a_budget_too_small_for_all_items_is_used_and_never_overrun():
    settings = Settings(
        items=300, kills=0, seed=6, concurrency=16, deadline_s=3.0, budget=0.006, total_budget=1.0
    )
    report = campaign(settings)
    assert not report.wrong, str(report)
    assert report.lines["failed, by error"]["BudgetError"] > 0
    assert report.lines["answered"] > 50


def test_a_profile_s_budget_holds_over_processes_that_were_killed():
    """Room for about half of the items; what the dead had reserved stays spent."""
    settings = Settings(
        items=400, kills=2, seed=7, concurrency=16, deadline_s=3.0, budget=1.0, total_budget=0.01
    )
    report = campaign(settings)
    assert not report.wrong, str(report)
    assert report.lines["failed, by error"]["BudgetError"] > 0
    assert report.lines["answered"] > 50
