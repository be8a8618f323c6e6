"""The report in a terminal: the verdict, the alerts, the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synthdata.reporting import words
from synthdata.reporting.guarantee import promise

if TYPE_CHECKING:
    from rich.console import RenderableType

    from synthdata.reporting.report import Report

_STYLES = {"pass": "green", "warn": "yellow", "fail": "red", "info": "cyan", "met": "green"}
_SIGNS = {"pass": "✓", "warn": "!", "fail": "✗", "info": "i", "met": "✓", None: " "}


def terminal_summary(report: Report) -> RenderableType:
    """What `synthdata run` prints at its end; names of columns are shown as text, never read as markup."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    opening = words.opening(report)
    style = _STYLES[words.tone(report)]
    parts: list[RenderableType] = [
        Text.assemble(("\n" + opening.answer, f"bold {style}"), " ", opening.sentence),
        Text(words.privacy_sentence(report), style="dim"),
    ]
    if promised := promise(report):
        parts.append(Text(promised, style="dim"))
    for alert in report.alerts:
        level = str(alert.get("level"))
        line = Text.assemble(
            (f"\n{_SIGNS.get(level, '·')} {alert.get('title', '')}", f"bold {_STYLES.get(level, '')}"),
            f"\n  {alert.get('text', '')}",
        )
        if alert.get("advice"):
            line.append(f"\n  → {alert['advice']}", style="italic")
        parts.append(line)
    figures = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", title_justify="left")
    for heading in ("", "value", "mark", "in words"):
        figures.add_column(heading, justify="right" if heading in ("value", "mark") else "left")
    for score in report.scores():
        figures.add_row(Text(score.label, style="bold"))
        for figure in score.figures:
            standing = report.standing(figure.metric)
            label = Text(f"{_SIGNS[standing]} {figure.term.label}", style=_STYLES.get(standing or "", ""), no_wrap=True)
            figures.add_row(label, figure.shown, figure.show(figure.mark), Text(figure.reading(), style="dim"))
    parts += [Text(), figures]
    worst = report.worst_columns()[:3]
    if worst:
        listed = ", ".join(f"{column.name} {column.shape.shown}" for column in worst if column.shape)
        parts.append(Text(f"\nLeast faithful columns: {listed}"))
    return Group(*parts)
