"""A report as PDF, printed by the browser that is on the machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from synthdata.atomic import replacing
from synthdata.errors import SynthdataError

#: programs that can print a page, the first that is there is taken; SYNTHDATA_BROWSER names another
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
#: seconds after which a browser that does not end is ended
PATIENCE = 120
QUIET = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-pdf-header-footer",
)


def find_browser() -> str:
    """The path of a browser that prints.

    Raises:
        SynthdataError: there is none.
    """
    for name in (os.environ.get("SYNTHDATA_BROWSER"), *BROWSERS):
        path = shutil.which(name) if name else None
        if path is not None:
            return path
    raise SynthdataError(
        "There is no browser on this machine that could print the report.",
        "Install Chromium or Chrome, name one in SYNTHDATA_BROWSER, or open report.html anywhere and print it there.",
    )


def print_pdf(page: str | Path, target: str | Path) -> None:
    """Print an HTML file on A4; the PDF appears whole or not at all.

    Raises:
        SynthdataError: there is no browser, or it could not print.
    """
    browser = find_browser()
    # Chromium refuses to run as root inside its own sandbox; the page is ours and fetches nothing.
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as profile, replacing(Path(target)) as partial:
        command = [browser, *QUIET, *root, f"--user-data-dir={profile}", f"--print-to-pdf={partial}"]
        try:
            done = subprocess.run(  # noqa: S603 - the program is the machine's browser, the page our own
                [*command, Path(page).resolve().as_uri()], capture_output=True, timeout=PATIENCE, check=False
            )
        except (subprocess.TimeoutExpired, OSError) as error:
            raise _failed(browser, type(error).__name__) from None
        if done.returncode or not partial.exists() or partial.read_bytes()[:5] != b"%PDF-":
            raise _failed(browser, f"it ended with {done.returncode}")


def _failed(browser: str, why: str) -> SynthdataError:
    return SynthdataError(
        f"{Path(browser).name} could not print the report ({why}).",
        "Open report.html in a browser and print it there, or name another browser in SYNTHDATA_BROWSER.",
    )
