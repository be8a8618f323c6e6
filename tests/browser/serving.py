"""A dashboard that tests start as its users start it, and manners that hold on a slow machine."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sync_api = pytest.importorskip("playwright.sync_api")

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: how long a page may take to draw on a machine that does much else, in milliseconds; no test depends on it being fast
PATIENCE = 60_000
sync_api.expect.set_options(timeout=PATIENCE)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(runs: Path, *, port: int | None = None, start_in: Path | None = None) -> Iterator[str]:
    """A dashboard over a folder of runs; its address. ``start_in`` is the folder in which it looks for its secrets."""
    port = port or free_port()
    starting = [sys.executable, "-m", "synthdata", "dashboard", "--runs", str(runs), "--port", str(port)]
    server = subprocess.Popen(starting, cwd=start_in, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(f"http://localhost:{port}/_stcore/health", server)
        yield f"http://localhost:{port}"
    finally:
        server.terminate()
        server.wait(timeout=30)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0, "the server outlived its starter"


def wait_for(url: str, server: subprocess.Popen[str]) -> None:
    """Wait until the server answers."""
    for _ in range(240):
        if server.poll() is not None:
            pytest.fail(f"the dashboard ended: {server.stderr.read() if server.stderr else ''}")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.25)
    pytest.fail("the dashboard did not answer")


def has_count(page: Page, selector: str, number: int) -> None:
    """Wait until there are so many; a page is drawn piece by piece, and what is left over goes last."""
    sync_api.expect(page.locator(selector)).to_have_count(number)


def choose(page: Page, label: str, option: str) -> None:
    """Choose from a list: the option itself is clicked, since Enter may come before the list was narrowed down."""
    box = page.get_by_role("combobox", name=label)
    box.click()
    box.fill(option)
    page.get_by_role("option", name=option, exact=True).click()
    sync_api.expect(box).to_have_value(option)
