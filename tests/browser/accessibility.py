"""axe-core, which finds what keyboards, screen readers and weak eyes cannot use on a page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: where `make test` puts it; scripts/setup.sh names the version
AXE = Path(sys.prefix) / "axe-core" / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = ("serious", "critical")


MISSING = f"axe-core is not at {AXE}; `make test` fetches it from the npm registry where there is npm"


def axe_text() -> str | None:
    """The text of axe-core; None where it was not installed."""
    return AXE.read_text(encoding="utf-8") if AXE.is_file() else None


def grave_findings(page: Page, axe: str, *, rules: list[str] | None = None) -> list[str]:
    """What axe-core finds serious or critical on a page: rule, what it is, and where; of all rules, or of these."""
    page.evaluate(axe)
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = {"type": "rule", "values": rules}
    found = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{finding['id']}: {node['html'][:160]} {' '.join(each['message'] for each in node['any'][:1])}"
        for finding in found["violations"]
        if finding["impact"] in GRAVE
        for node in finding["nodes"][:4]
    ]
