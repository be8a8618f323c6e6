"""A page that the browser tests of a file share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from browser.watched_page import Watched
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[Watched]:
    """A page; loading all of Streamlit into a fresh browser costs more than what most tests do on it."""
    from browser.serving import PATIENCE
    from browser.watched_page import watched

    with watched(browser) as seen:
        seen.page.set_default_timeout(PATIENCE)
        yield seen


@pytest.fixture
def seen(window: Watched) -> Watched:
    """That page, empty again, on which nothing has gone wrong yet."""
    window.forget()
    return window
