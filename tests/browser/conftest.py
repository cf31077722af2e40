"""JupyterLab on this machine, seen by a headless Chromium."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

READY = """async () => {
  const panel = window.jupyterapp.shell.currentWidget;
  await panel.context.ready;
  await panel.sessionContext.ready;
  const end = Date.now() + 60000;
  while (panel.sessionContext.session?.kernel?.status !== 'idle') {
    if (Date.now() > end) throw new Error('the kernel is not idle after a minute');
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}"""
# The promise of running all cells is not returned: a dialog would keep it open for ever.
RUN_ALL = "() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); return 1 }"
INTERRUPT = "() => { window.jupyterapp.commands.execute('notebook:interrupt-kernel'); return 1 }"
SAVE = "() => window.jupyterapp.commands.execute('docmanager:save').then(() => 1)"
ALL_NUMBERED = """() => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]
  .every(prompt => /\\[\\d+\\]/.test(prompt.innerText))"""


# Per module, not per session: while it is open, an event loop runs in the main thread, and the
# async tests of other modules could not run theirs.
@pytest.fixture(scope="module")
def chromium():
    """A headless browser."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: install it, or name it in the variable CHROMIUM")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield browser
        browser.close()


class Lab:
    """A JupyterLab server with folders of its own."""

    def __init__(self, root):
        self.root = root
        self.notebooks = root / "notebooks"
        self.token = secrets.token_hex(16)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._write_settings()
        self._log = (root / "lab.log").open("wb")
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1"),
                *(f"--port={port}", f"--IdentityProvider.token={self.token}"),
                *(f"--ServerApp.root_dir={self.notebooks}", "--ServerApp.allow_root=True"),
                f"--LabApp.user_settings_dir={root / 'user-settings'}",
                f"--LabApp.workspaces_dir={root / 'workspaces'}",
                "--expose-app-in-browser",
            ],
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _write_settings(self):
        self.notebooks.mkdir()
        folder = self.root / "user-settings" / "@jupyterlab"
        settings = {
            "apputils-extension/notification": (
                '{"fetchNews": "false", "checkForUpdates": false, "doNotDisturbMode": true}'
            ),
            # All cells are in the page, also those that are not in sight.
            "notebook-extension/tracker": '{"windowingMode": "none"}',
        }
        for name, text in settings.items():
            path = folder / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True)
            path.write_text(text)

    def _environment(self):
        folders = {
            "JUPYTER_CONFIG_DIR": self.root / "config",
            "JUPYTER_DATA_DIR": self.root / "data",
            "JUPYTER_RUNTIME_DIR": self.root / "runtime",
            "IPYTHONDIR": self.root / "ipython",
            "PROMPTKIT_HOME": self.root / "home",
        }
        clean = {name: value for name, value in os.environ.items() if "PROMPTKIT" not in name}
        return {**clean, **{name: str(folder) for name, folder in folders.items()}}

    def wait_until_up(self):
        end = time.monotonic() + 60
        while time.monotonic() < end and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/api?token={self.token}", timeout=2):  # noqa: S310 -- our own server
                    return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError((self.root / "lab.log").read_text()[-2000:])

    def write(self, name, *cells):
        """Write a notebook; return its path."""
        spec = {"name": "python3", "display_name": "Python 3"}
        notebook = nbformat.v4.new_notebook(metadata={"kernelspec": spec})
        notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
        nbformat.write(notebook, self.notebooks / name)
        return self.notebooks / name

    def close(self):
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)
        self._log.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory, chromium):
    """A running JupyterLab."""
    server = Lab(tmp_path_factory.mktemp("lab"))
    try:
        server.wait_until_up()
        yield server
    finally:
        server.close()


class View:
    """One notebook in one browser page."""

    def __init__(self, page):
        self.page = page

    def run_all(self):
        self.page.evaluate(RUN_ALL)

    def wait_until_run(self):
        self.page.wait_for_function(ALL_NUMBERED)

    def interrupt(self):
        self.page.evaluate(INTERRUPT)

    def save(self):
        self.page.evaluate(SAVE)

    def outputs(self, cell):
        """The texts of a cell's outputs, as a person sees them."""
        found = self.page.locator(".jp-CodeCell").nth(cell).locator(".jp-OutputArea-output")
        return found.all_inner_texts()

    def wait_for_text(self, cell, text):
        self.page.locator(".jp-CodeCell").nth(cell).get_by_text(text).first.wait_for()


@pytest.fixture
def open_notebook(lab, chromium):
    """Open notebooks of the lab in pages that are closed after the test."""
    contexts = []

    def go(path: Path, *, theme="JupyterLab Light"):
        context = chromium.new_context(viewport={"width": 1100, "height": 760})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(f"{lab.url}/lab/tree/{path.name}?reset&token={lab.token}")
        page.wait_for_selector(".jp-Notebook .jp-Cell")
        page.evaluate(READY)
        change = "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})"
        page.evaluate(f"theme => ({change})(theme).then(() => 1)", theme)
        return View(page)

    yield go
    for context in contexts:
        context.close()
