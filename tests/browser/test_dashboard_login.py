"""Login by OpenID Connect against a provider of our own, and what each role may see and do, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser.oidc_provider import CLIENT, SECRET, provider
from browser.serving import free_port, served
from unit.dashboards.sample_runs import make_run
from unit.reporting.sample_report import sample_facts

pytest.importorskip("streamlit")
pytest.importorskip("authlib")
pytest.importorskip("joserfc")

from dashboards.access import FILE
from synthdata.runs.audit_log import verify

if TYPE_CHECKING:
    from browser.watched_page import Watched
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

PEOPLE = {
    "Vera": {"email": "Vera@clinic.example", "email_verified": True},
    "Rita": {"email": "rita@clinic.example", "email_verified": True},
    "Rob": {"email": "rob@lab.example", "email_verified": True},
    "Eve": {"email": "eve@elsewhere.example", "email_verified": True},
    "Unverified": {"email": "rita@clinic.example", "email_verified": False},
}
LISTS = 'viewer = ["*@clinic.example"]\nreviewer = ["rita@clinic.example"]\nrunner = ["rob@lab.example"]\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("login")


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """A dashboard with a login, started where its secrets lie."""
    make_run(folder / "runs", "good", facts=sample_facts())
    (folder / "runs" / FILE).write_text(LISTS, encoding="utf-8")
    port = free_port()
    with provider(PEOPLE) as server:
        (folder / ".streamlit").mkdir()
        (folder / ".streamlit" / "secrets.toml").write_text(
            f'[auth]\nredirect_uri = "http://localhost:{port}/oauth2callback"\ncookie_secret = "{"x" * 40}"\n'
            f'client_id = "{CLIENT}"\nclient_secret = "{SECRET}"\n'
            f'server_metadata_url = "{server.issuer}/.well-known/openid-configuration"\n',
            encoding="utf-8",
        )
        with served(Path("runs"), port=port, start_in=folder) as address:
            yield address


def log_in(page: Page, address: str, name: str) -> None:
    page.context.clear_cookies()
    page.goto(address)
    page.get_by_role("heading", name="Log in first").wait_for()
    assert "good" not in page.inner_text("body")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name=name, exact=True).click()


def menu(page: Page) -> list[str]:
    return page.locator(".st-key-menu a").all_inner_texts()


def test_a_viewer_reads_and_every_other_page_refuses(seen: Watched, address: str) -> None:
    page = seen.page
    log_in(page, address, "Vera")
    page.get_by_role("link", name="Open good").wait_for()
    assert menu(page) == ["Runs", "Compare"]
    seen.picture("dashboard-logged-in")
    for path in ("new-run", "generate"):
        page.goto(f"{address}/{path}")
        page.get_by_role("heading", name="Not for you").wait_for()
    page.goto(f"{address}/?run=good&tab=review")
    page.get_by_text("You may read this; a reviewer decides.").wait_for()
    assert page.get_by_text("Your decision").count() == 0
    assert page.get_by_text("Delete this run").count() == 0
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("heading", name="Log in first").wait_for()


def test_a_reviewer_decides_under_the_address_of_the_login(seen: Watched, address: str, folder: Path) -> None:
    page = seen.page
    log_in(page, address, "Rita")
    page.get_by_role("link", name="Open good").wait_for()
    page.goto(f"{address}/?run=good&tab=review")
    page.get_by_text("Your decision").wait_for()
    seen.settle()
    page.get_by_role("radio", name="Comment").click()
    assert page.get_by_label("Your name").count() == 0
    page.get_by_label("Why? It is kept in the log.").fill("Read.")
    page.get_by_role("button", name="Write it into the log").click()
    page.get_by_text("entry 1").wait_for()
    assert [entry.name for entry in verify(folder / "runs" / "good").entries] == ["rita@clinic.example"]


def test_a_runner_starts_runs(seen: Watched, address: str) -> None:
    page = seen.page
    log_in(page, address, "Rob")
    page.get_by_role("link", name="Open good").wait_for()
    assert menu(page) == ["Runs", "New run", "Generate", "Compare"]
    page.get_by_role("link", name="New run", exact=True).click()
    page.get_by_text("Where is it?").wait_for()


@pytest.mark.parametrize("name", ["Eve", "Unverified"])
def test_whoever_is_on_no_list_sees_nothing(seen: Watched, address: str, name: str) -> None:
    page = seen.page
    log_in(page, address, name)
    page.get_by_role("heading", name="Not for you").wait_for()
    page.goto(f"{address}/compare")
    page.get_by_role("heading", name="Not for you").wait_for()
    assert menu(page) == []
    assert page.get_by_text("census.csv").count() == 0
