"""A real JupyterLab in a real Chromium."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

HOST = "http://127.0.0.1:"
TOKEN = "t" * 16

_DIRECTORIES = [
    f"JUPYTER{name}_DIR" for name in ("_CONFIG", "_DATA", "_RUNTIME", "LAB_SETTINGS", "LAB_WORKSPACES")
]

# The indicator of an idle kernel is true before the kernel is connected, and a cell run then is lost.
_KERNEL_READY = """() => {
    const kernel = window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel;
    return kernel?.connectionStatus === 'connected' && kernel.status === 'idle';
}"""
_RUN_CELL = """index => {
    const panel = window.jupyterapp.shell.currentWidget;
    panel.content.activeCellIndex = index;
    panel.content.deselectAll();
    window.jupyterapp.commands.execute('notebook:run-cell');
}"""
_CELL_RAN = """index => {
    const cell = document.querySelectorAll('.jp-Notebook .jp-Cell')[index];
    return /\\[\\d+\\]/.test(cell.querySelector('.jp-InputPrompt').textContent);
}"""


@dataclass
class Lab:
    """A notebook open in a browser.

    Attributes
    ----------
    page : Page
        The browser's page.
    file : Path
        The notebook's file.
    errors : list of str
        What the browser's console called an error.
    outside : list of str
        Addresses off this machine that the page asked for.
    """

    page: Page
    file: Path
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def start(self, cell: int) -> None:
        """Run a cell without waiting for it."""
        self.page.evaluate(_RUN_CELL, cell)

    def run(self, cell: int) -> None:
        """Run a cell to its end."""
        self.start(cell)
        self.page.wait_for_function(_CELL_RAN, arg=cell, timeout=60_000)

    def output(self, cell: int) -> str:
        """Return the text of a cell's output area as it is now."""
        return self._area(cell).inner_text()

    def wait_for(self, cell: int, text: str) -> None:
        """Wait until a cell's output holds `text`."""
        self._area(cell).get_by_text(text).first.wait_for(timeout=30_000)

    def command(self, name: str) -> None:
        """Run a command of JupyterLab's and wait for it."""
        self.page.evaluate("name => window.jupyterapp.commands.execute(name)", name)

    def saved(self) -> dict[str, list[dict[str, object]]]:
        """Save the notebook and return the file's content."""
        self.command("docmanager:save")
        content: dict[str, list[dict[str, object]]] = json.loads(self.file.read_text("utf-8"))
        return content

    def _area(self, cell: int):  # type: ignore[no-untyped-def]
        return self.page.locator(".jp-Notebook .jp-Cell").nth(cell).locator(".jp-OutputArea").first


def notebook(*cells: str) -> str:
    """Return the source of a notebook of code cells."""
    return json.dumps(
        {
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"cell-{number}",
                    "metadata": {},
                    "source": source,
                    "outputs": [],
                    "execution_count": None,
                }
                for number, source in enumerate(cells)
            ],
            "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    )


@contextlib.contextmanager
def jupyterlab(root: Path) -> Iterator[str]:
    """Run a JupyterLab that writes nothing outside `root`; give its address."""
    settings = root / ".jupyter" / "JUPYTERLAB_SETTINGS_DIR"
    quiet = settings / "@jupyterlab/apputils-extension/notification.jupyterlab-settings"
    quiet.parent.mkdir(parents=True)
    quiet.write_text(json.dumps({"fetchNews": "false", "checkForUpdates": False}))  # a pop-up covers the page
    env = os.environ | {name: str(root / ".jupyter" / name) for name in [*_DIRECTORIES, "IPYTHONDIR"]}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root",
        "--ip=127.0.0.1", f"--port={port}",
        "--ServerApp.port_retries=0", f"--ServerApp.root_dir={root}", f"--IdentityProvider.token={TOKEN}",
        "--expose-app-in-browser", "--LabApp.extension_manager=readonly",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", "--log-level=WARN",
    ]  # fmt: skip
    with (root / ".jupyter" / "server.log").open("w") as log:
        server = subprocess.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait_until_up(f"{HOST}{port}/api?token={TOKEN}", server)
            yield f"{HOST}{port}"
        finally:
            server.terminate()
            server.wait(15)


def _wait_until_up(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=1).read()
            return
        time.sleep(0.1)
    raise AssertionError("JupyterLab did not start; its log is in .jupyter/server.log")


@contextlib.contextmanager
def lab(
    root: Path, source: str, *, width: int = 1280, height: int = 900, dark: bool = False
) -> Iterator[Lab]:
    """Open a notebook in JupyterLab in Chromium, its kernel ready."""
    file = root / "notebook.ipynb"
    file.write_text(source, "utf-8")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    assert chromium, "install Debian's package chromium: these tests need a real browser"
    with jupyterlab(root) as address, sync_playwright() as playwright:
        if dark:
            theme = (
                root
                / ".jupyter/JUPYTERLAB_SETTINGS_DIR/@jupyterlab/apputils-extension/themes.jupyterlab-settings"
            )
            theme.write_text(json.dumps({"theme": "JupyterLab Dark"}))
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=[
                "--no-sandbox",
                "--disable-dev-shm-usage",
                "--disable-gpu",
                "--disable-background-networking",
            ],
        )
        page = browser.new_page(viewport={"width": width, "height": height})
        opened = Lab(page, file)
        page.on("console", lambda note: opened.errors.append(note.text) if note.type == "error" else None)
        page.on("pageerror", lambda error: opened.errors.append(str(error)))
        page.on("request", lambda request: _note_outside(opened, request.url))
        page.goto(f"{address}/lab/tree/{file.name}?reset&token={TOKEN}")
        page.locator(".jp-NotebookPanel .jp-Cell").first.wait_for(timeout=60_000)
        page.wait_for_function(_KERNEL_READY, timeout=60_000)
        yield opened
        browser.close()


def _note_outside(opened: Lab, url: str) -> None:
    if not url.startswith((HOST, "data:", "blob:")):
        opened.outside.append(url)
