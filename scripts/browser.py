"""Open Chromium: the machine's own where there is one, otherwise the one that Playwright downloaded.

Run as a program it opens an empty page and says which Chromium did, or ends with an error.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def launch(playwright: Playwright) -> Browser:
    """A headless browser.

    Raises:
        playwright.sync_api.Error: no Chromium can be started.
    """
    from playwright.sync_api import Error

    for name in NAMES:
        path = shutil.which(name)
        if path is not None:
            try:
                return playwright.chromium.launch(executable_path=path)
            except Error:
                # A distribution may put a placeholder there that only says how to install the browser.
                continue
    return playwright.chromium.launch()


def main() -> None:
    """Open an empty page."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = launch(playwright)
        browser.new_page().goto("about:blank")
        print(f"Chromium {browser.version}")
        browser.close()


if __name__ == "__main__":
    main()
