"""How long the dashboard takes to draw over many runs, beside an empty Streamlit application in the same minutes.

    python tests/benchmarks/dashboard_speed.py --runs 200 --rounds 7

First paint is from asking for an address to seeing the page's last heading or link; a page change from the click. The
two servers take turns, so that whatever else the machine does weighs on both. It leaves with 1 where a median is more
than three times that of the empty application.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from unit.dashboards.sample_runs import make_run  # noqa: E402
from unit.reporting.sample_report import sample_facts  # noqa: E402

from dashboards.home import PAGE_SIZE  # noqa: E402
from dashboards.launch import command, environment  # noqa: E402
from scripts.browser import launch  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LIMIT = 3.0
EMPTY = """
import streamlit as st

st.set_page_config(page_title="empty", layout="wide", initial_sidebar_state="collapsed")
one = st.Page(lambda: st.title("One"), title="First", url_path="one", default=True)
two = st.Page(lambda: st.title("Two"), title="Second", url_path="two")
chosen = st.navigation([one, two], position="hidden")
st.page_link(one)
st.page_link(two)
chosen.run()
"""


def main() -> int:
    """Make runs, start both servers, take turns, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=7)
    told = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as place:
        runs = Path(place) / "runs"
        make_store(runs, told.runs)
        (Path(place) / "empty.py").write_text(EMPTY, encoding="utf-8")
        with (
            served(runs) as address,
            served(runs, Path(place) / "empty.py") as empty,
            sync_playwright() as playwright,
        ):
            browser = launch(playwright)
            measured = measure(browser, address, empty, told.rounds)
            browser.close()
    return print_table(measured)


def make_store(root: Path, number: int) -> None:
    """So many runs with a report, of two kinds, and one that is going."""
    kinds = [make_run(root, f"made-{kind}", facts=sample_facts(verdict=kind)) for kind in ("pass", "fail")]
    for count in range(number - len(kinds)):
        folder = root / f"run-{count:03}"
        shutil.copytree(kinds[count % 2], folder)
        about = (
            (folder / "run.json")
            .read_text(encoding="utf-8")
            .replace("14:07:00", f"{count // 60:02}:{count % 60:02}:00")
        )
        (folder / "run.json").write_text(about, encoding="utf-8")


@contextmanager
def served(runs: Path, app: Path | None = None) -> Iterator[str]:
    """The dashboard, or another application with the same settings of the server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = command(port)
    if app is not None:
        words[words.index("run") + 1] = str(app)
    server = subprocess.Popen(words, env=environment(runs), stdout=subprocess.DEVNULL)
    try:
        for _ in range(240):
            try:
                with urllib.request.urlopen(f"http://localhost:{port}/_stcore/health", timeout=5):
                    break
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.25)
        yield f"http://localhost:{port}"
    finally:
        server.terminate()
        server.wait(timeout=30)


def measure(browser: Browser, address: str, empty: str, rounds: int) -> dict[str, list[float]]:
    """Seconds of every round by what was measured; the first round of each server, which imports, is not counted."""
    found: dict[str, list[float]] = {}

    def note(name: str, began: float) -> None:
        found.setdefault(name, []).append(time.perf_counter() - began)

    for turn in range(rounds + 1):
        with page_of(browser) as page:
            note("empty: first paint", paint(page, empty, "One"))
            note("empty: page change", press(page, "Second", lambda: heading(page, "Two")))
            note("empty: page change", press(page, "First", lambda: heading(page, "One")))
        with page_of(browser) as page:
            note("runs: first paint", paint(page, address, None))
            note("to a run", press(page, "Open made-pass", lambda: heading(page, "Yes, under the policy applied.")))
            page.wait_for_load_state("networkidle")
            for part, there in (("Columns", "All columns"), ("Privacy", "How far is the closest real row?")):
                began = time.perf_counter()
                page.get_by_role("radio", name=part, exact=True).click()
                heading(page, there)
                note(f"to the part {part}", began)
                page.locator(".js-plotly-plot").first.wait_for()
            note("to all runs", press(page, "All runs", lambda: cards(page)))
            note("to new run", press(page, "New run", lambda: heading(page, "1. The table")))
            note("to compare", press(page, "Compare", lambda: heading(page, "What one gives for the other")))
            note("to generate", press(page, "Generate", lambda: heading(page, "Generate")))
        if turn == 0:
            found.clear()
    return found


@contextmanager
def page_of(browser: Browser) -> Iterator[Page]:
    """A fresh page of a fresh context, so that nothing is cached by the browser."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    yield page
    context.close()


def paint(page: Page, address: str, title: str | None) -> float:
    """Ask for an address; return when that was."""
    began = time.perf_counter()
    page.goto(address, wait_until="commit")
    heading(page, title) if title else cards(page)
    return began


def press(page: Page, link: str, until: Callable[[], None]) -> float:
    """Press a link and wait; return when it was pressed."""
    found = page.get_by_role("link", name=link, exact=True)
    found.wait_for()
    began = time.perf_counter()
    found.click()
    until()
    return began


def heading(page: Page, text: str) -> None:
    """Wait for a heading."""
    page.get_by_role("heading", name=text, exact=True).first.wait_for()


def cards(page: Page) -> None:
    """Wait for the last card of the list's first part."""
    page.locator("article.run").nth(PAGE_SIZE - 1).wait_for()


def print_table(measured: dict[str, list[float]]) -> int:
    """Medians and what they are of the empty application's."""
    bases = {kind: median(measured[f"empty: {kind}"]) for kind in ("first paint", "page change")}
    worst = 0.0
    print(f"| {'what':<28} | median s | of the empty page's | spread s |\n|---|---|---|---|")
    for name, taken in measured.items():
        base = bases["first paint" if "first paint" in name else "page change"]
        times = median(taken) / base
        worst = max(worst, times)
        print(f"| {name:<28} | {median(taken):.3f} | {times:.2f} | {min(taken):.3f}-{max(taken):.3f} |")
    print(f"load {os.getloadavg()[0]:.1f}; worst {worst:.2f} times, at most {LIMIT:g} wanted")
    return int(worst > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
