"""Take the README's pictures: a run on data/admissions.csv, seen in the dashboard. They go to docs/pictures."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from browser import launch
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
RUNS = {"admissions": "trees", "admissions-mixture": "gmm"}
#: by the picture's name: the address, a text that is there once the page is drawn, and how high it may be
PAGES = {
    "runs": ("", "Open admissions-mixture", 720),
    "verdict": ("?run=admissions&tab=verdict", "May it be shared?", 1240),
    "columns": ("?run=admissions&tab=fidelity", "What gives synthetic rows away", 2100),
    "relations": ("?run=admissions&tab=relations", "Whole rows on one map", 1966),
    "privacy": ("?run=admissions&tab=privacy", "The tests behind the finding", 2400),
    "model": ("?run=admissions-mixture&tab=model", "The groups of rows that it found", 1300),
    "compare": ("compare", "What changed between two", 2800),
    "new-run": ("new-run", "Where is it?", 2100),
    "generate": ("generate?model=admissions", "learnt columns", 900),
    "review": ("?run=admissions&tab=review", "Your decision", 1240),
}


def main() -> None:
    """Run, look, keep."""
    with tempfile.TemporaryDirectory() as place:
        for name, model in RUNS.items():
            command = ["run", "data/admissions.csv", "--model", model, "--schema", "data/admissions.schema.json"]
            out = ["--seed", "1", "--out", f"{place}/{name}"]
            done = subprocess.run([sys.executable, "-m", "synthdata", *command, *out], cwd=ROOT, check=False)  # noqa: S603
            # 1 is a verdict.
            if done.returncode > 1:
                sys.exit(done.returncode)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        dashboard = ["dashboard", "--runs", place, "--port", str(port)]
        server = subprocess.Popen([sys.executable, "-m", "synthdata", *dashboard], cwd=ROOT)  # noqa: S603
        try:
            wait_for(f"http://localhost:{port}/_stcore/health")
            take(f"http://localhost:{port}")
        finally:
            server.terminate()
            server.wait(timeout=30)


def wait_for(address: str) -> None:
    """Wait until the dashboard answers."""
    for _ in range(240):
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.25)
    sys.exit("The dashboard did not answer.")


def take(address: str) -> None:
    """Keep a picture of each page."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": 1280, "height": 860}, color_scheme="light")
        page.set_default_timeout(90_000)
        for name, (query, landmark, most) in PAGES.items():
            page.set_viewport_size({"width": 1280, "height": 860})
            page.goto(f"{address}/{query}")
            page.get_by_text(landmark).first.wait_for()
            begin(page, name)
            page.wait_for_load_state("networkidle")
            page.wait_for_function("document.querySelectorAll('[data-testid=stSkeleton]').length == 0")
            high = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
            page.set_viewport_size({"width": 1280, "height": min(high, most)})
            page.wait_for_timeout(2500)
            page.screenshot(path=PICTURES / f"{name}.png")
            print(PICTURES / f"{name}.png")
        browser.close()


def begin(page: Page, name: str) -> None:
    """Do on a page what its users do first."""
    if name == "new-run":
        page.locator("input[type=file]").set_input_files(ROOT / "data" / "admissions.csv")
        page.get_by_text("6. Start").wait_for()
    elif name == "generate":
        page.get_by_role("button", name="Draw rows").click()
        page.get_by_text("The first 200 of").wait_for()
    elif name == "review":
        page.get_by_text("Put figures of the real table beside").click()
        page.get_by_text("so random noise is added").wait_for()


if __name__ == "__main__":
    main()
