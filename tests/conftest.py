"""What all tests share: the sample tables, a browser, and quiet libraries."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    import pandas as pd
    from browser.watched_page import Watched
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "data"

# No test may depend on how fast the machine is, so examples have no deadline; the same examples are tried each time.
settings.register_profile("synthdata", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("synthdata")

# Inherited by the processes that tests start, too.
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
os.environ.setdefault("STREAMLIT_BROWSER_GATHER_USAGE_STATS", "false")
# What tests spend of a privacy budget is not the user's.
os.environ["SYNTHDATA_BUDGET"] = str(Path(tempfile.mkdtemp(prefix="synthdata-tests-")) / "budget.sqlite")


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are processors: a good part of the tests wait for browsers and servers."""
    return 1 + (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder of the project."""
    return ROOT


@pytest.fixture(scope="session")
def _admissions() -> pd.DataFrame:
    import pandas as pd

    return pd.read_csv(DATA / "admissions.csv", parse_dates=["admitted", "discharged"])


@pytest.fixture(scope="module")
def admissions(_admissions: pd.DataFrame) -> pd.DataFrame:
    """The sample table of admissions as CSV gives it: 20,000 rows, 20 columns, dates parsed."""
    return _admissions.copy()


@pytest.fixture(scope="module")
def breast_cancer() -> pd.DataFrame:
    """The sample table that ships with scikit-learn: 569 rows, 31 columns."""
    import pandas as pd

    return pd.read_csv(DATA / "breast_cancer.csv")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium; a test that asks for it is skipped where there is none.

    Each file of tests has its own, so that none is left open, with an event loop of its own, while other tests run.
    """
    playwright = pytest.importorskip("playwright.sync_api")
    from scripts.browser import launch

    with playwright.sync_playwright() as running:
        try:
            opened = launch(running)
        except playwright.Error as error:
            pytest.skip(f"no Chromium can be started: {str(error).splitlines()[0]}")
        yield opened
        opened.close()


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
