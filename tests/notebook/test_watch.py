"""Which call counts for which cell, on a screen that remembers what it was shown."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

import promptkit as pk
from promptkit.notebook.cell import ROWS, running
from promptkit.notebook.watch import Watcher
from promptkit.trace import observe_everywhere

pytestmark = pytest.mark.anyio


class Page:
    """A screen: the latest text of each area, in the order they first appeared."""

    def __init__(self, *, can_update=True):
        self.can_update = can_update
        self.areas = {}
        self.times_shown = 0

    def show(self, area, html, text):
        self.times_shown += html != area.content
        area.content = html
        self.areas[id(area)] = text

    @property
    def texts(self):
        return list(self.areas.values())


@dataclass
class Ended:
    """What a shell tells of a cell that has ended."""

    info: object
    error_in_exec: BaseException | None = None


@pytest.fixture
def page():
    return Page()


@pytest.fixture
def watcher(page):
    watcher = Watcher(page)
    undo = observe_everywhere(watcher)
    yield watcher
    undo()
    running.set(None)


@pytest.fixture
def session():
    return pk.connect(transport=pk.testing.Scripted("four"), model="gpt-4o-mini", budget="$1")


async def ask_number(session, number):
    return await session.ask(f"Is {number} nice?")


async def test_cells_inside_a_cell_have_their_own_readouts(watcher, page, session):
    outer, inner = object(), object()
    watcher.pre_run_cell(outer)
    await session.ask("a")
    watcher.pre_run_cell(inner)
    await session.ask("b")
    await session.ask("c")
    watcher.post_run_cell(Ended(inner))
    await session.ask("d")
    watcher.post_run_cell(Ended(outer))
    assert [text.split(" · ")[0] for text in page.texts] == ["promptkit: 2 calls"] * 2


async def test_an_extension_loaded_before_any_cell_waits_for_the_first(watcher, page, session):
    watcher.begin(provisional=True)
    first = object()
    watcher.pre_run_cell(first)
    await session.ask("a")
    watcher.post_run_cell(Ended(first))
    watcher.post_run_cell(None)
    assert [text.split(" · ")[0] for text in page.texts] == ["promptkit: 1 call"]


async def test_a_cell_with_very_many_maps_shows_the_latest_rows(watcher, page, session):
    info = object()
    watcher.pre_run_cell(info)
    for _ in range(ROWS + 5):
        await session.map(ask_number, range(2))
    watcher.post_run_cell(Ended(info))
    (text,) = page.texts
    assert text.startswith("5 earlier maps\nmap ask_number [")
    assert text.count("2 of 2") == ROWS


async def test_an_interrupted_cell_may_have_no_result(watcher, page, session):
    watcher.pre_run_cell(object())
    await session.ask("a")
    watcher.post_run_cell(None)
    assert page.texts[0].endswith("interrupted")


async def test_a_hook_without_a_cell_does_nothing(watcher, page):
    watcher.post_run_cell(None)
    watcher.post_run_cell(Ended(object()))
    assert page.texts == []


async def test_where_nothing_can_be_updated_late_calls_are_told_under_the_next_cell(session):
    page = Page(can_update=False)
    watcher = Watcher(page)
    undo = observe_everywhere(watcher)
    try:
        first, second = object(), object()
        watcher.pre_run_cell(first)
        task = asyncio.create_task(session.ask("a"))
        watcher.post_run_cell(Ended(first))
        await task
        assert page.texts == []
        watcher.pre_run_cell(second)
        watcher.post_run_cell(Ended(second))
        assert len(page.texts) == 1
        assert page.texts[0].startswith("promptkit, an earlier cell: 1 call · ")
    finally:
        undo()
        running.set(None)


async def test_a_map_of_many_quick_items_is_drawn_a_few_times_only(watcher, page, session):
    async def nothing(_session, item):
        return item

    info = object()
    watcher.pre_run_cell(info)
    await session.map(nothing, range(20_000))
    await session.ask("a")
    watcher.post_run_cell(Ended(info))
    assert page.times_shown < 50
    assert "20,000 of 20,000" in "\n".join(page.texts)


async def test_a_cell_that_maps_without_calling_has_no_readout(watcher, page, session):
    async def nothing(_session, item):
        return item

    info = object()
    watcher.pre_run_cell(info)
    await session.map(nothing, range(5))
    watcher.post_run_cell(Ended(info))
    assert page.texts == []
