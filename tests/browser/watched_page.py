"""A browser's page that notes every error in its console and every request, and keeps pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

PICTURES = Path(__file__).resolve().parents[2] / "artefacts" / "browser"

#: milliseconds in which a page has taken a new width, and in which a click has reached the server
SLOW, _A_MOMENT = 20_000, 1_000
_BEYOND = """() => {
    const within = document.querySelector('[data-testid=stMain]') ?? document.documentElement;
    const beyond = document.documentElement.scrollWidth - innerWidth;
    return Math.max(beyond, within.scrollWidth - within.clientWidth);
}"""


class Watched:
    """A page and what went wrong on it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("websocket", lambda connection: self.requests.append(connection.url))

    def _note(self, message: ConsoleMessage) -> None:
        # Opened by its own address, a page of Streamlit first looks for its server below that address.
        probing = "/_stcore/" in message.location.get("url", "") and "404" in message.text
        if message.type == "error" and not probing:
            self.errors.append(message.text)

    def forget(self) -> None:
        """Start anew: an empty page, wide and light, on which nothing has happened yet."""
        self.page.goto("about:blank")
        self.page.set_viewport_size({"width": 1280, "height": 900})
        self.page.emulate_media(color_scheme="light")
        self.errors.clear()
        self.requests.clear()

    def settle(self) -> None:
        """Wait until a page of Streamlit is drawn to its end and nothing on it is still fading in."""
        self.page.wait_for_function(
            """() => document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'
            && !document.querySelector('[data-testid=stSkeleton]')
            && document.getAnimations().every(each => each.playState !== 'running')"""
        )

    def rerun(self) -> None:
        """Wait until Streamlit has drawn the page anew after a click, which reaches its server a moment later.

        A button or list that is clicked before that is replaced, and the click lost.
        """
        self.page.wait_for_timeout(_A_MOMENT)
        self.settle()

    def foreign(self, *hosts: str) -> list[str]:
        """Requests that left for somewhere else than these hosts."""
        return [
            url
            for url in self.requests
            if urlsplit(url).scheme not in ("data", "blob") and urlsplit(url).netloc not in hosts
        ]

    def picture(self, name: str) -> None:
        """Keep a picture of the whole page."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        screen = self.page.viewport_size
        # Streamlit's pages scroll inside a window of their own.
        height = self.page.evaluate("document.querySelector('[data-testid=stMain]')?.scrollHeight ?? 0")
        if screen and height > screen["height"]:
            self.page.set_viewport_size({"width": screen["width"], "height": height})
            self.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            self.page.screenshot(path=PICTURES / f"{name}.png")
            self.page.set_viewport_size(screen)
        else:
            self.page.screenshot(path=PICTURES / f"{name}.png", full_page=True)

    def unfold(self, unfolded: bool = True) -> None:
        """Open whatever of a report is folded, or close it."""
        self.page.evaluate(
            "open => document.querySelectorAll('.synthdata-view details').forEach(each => { each.open = open })",
            unfolded,
        )

    def overflow(self) -> int:
        """How many pixels the page is wider than the screen, or than the window in it in which Streamlit scrolls.

        Charts and tables take the new width a while after the page has it; that long is waited for.
        """
        from playwright.sync_api import TimeoutError as Overdue

        with suppress(Overdue):
            self.page.wait_for_function(f"({_BEYOND})() <= 0", timeout=SLOW)
        return int(self.page.evaluate(_BEYOND))


@contextmanager
def watched(
    browser: Browser, *, width: int = 1280, height: int = 900, theme: Literal["light", "dark"] = "light", **options: Any
) -> Iterator[Watched]:
    """A fresh page of its own context."""
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme, **options)
    try:
        yield Watched(context.new_page())
    finally:
        context.close()
