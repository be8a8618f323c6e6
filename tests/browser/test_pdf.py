"""The report as PDF: printed by the browser of the machine, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from unit.reporting.sample_report import sample_facts

from synthdata.errors import SynthdataError
from synthdata.reporting.html import render
from synthdata.reporting.pdf import find_browser, print_pdf
from synthdata.reporting.report import Report


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "report.html"
    path.write_text(render(Report(sample_facts())), encoding="utf-8")
    return path


@pytest.mark.browser
def test_a_report_is_printed_on_a4(page: Path, tmp_path: Path) -> None:
    print_pdf(page, tmp_path / "report.pdf")
    content = (tmp_path / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    assert b"/MediaBox [0 0 594" in content or b"/MediaBox [0 0 595" in content
    assert content.count(b"/Type /Page\n") + content.count(b"/Type /Page ") + content.count(b"/Type/Page/") >= 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.pdf"]


def test_no_browser_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("SYNTHDATA_BROWSER", raising=False)
    with pytest.raises(SynthdataError, match="SYNTHDATA_BROWSER"):
        find_browser()


def test_a_browser_that_fails_leaves_nothing(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTHDATA_BROWSER", "false")
    with pytest.raises(SynthdataError, match="false could not print the report"):
        print_pdf(page, tmp_path / "report.pdf")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
