"""Plotly figures of the pages that look beyond one report, in the report's palette and type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from synthdata.reporting import numbers
from synthdata.reporting.charts import dressed, escaped
from synthdata.reporting.glossary import term
from synthdata.reporting.palette import Theme, colours

if TYPE_CHECKING:
    import plotly.graph_objects as go

Span = tuple[float, float] | None
#: names of points may stand out above and to the right
MARGIN = (24, 24)
SYMBOLS = {"pass": "circle", "warn": "diamond", "fail": "x"}


@dataclass(frozen=True)
class Point:
    """A run in a plane of two metrics: values, 95% intervals where there are any, seconds spent, tone, on the front."""

    name: str
    x: float
    y: float
    x_interval: tuple[float, float] | None
    y_interval: tuple[float, float] | None
    seconds: float | None
    tone: str
    front: bool


def quality_curve(curves: Mapping[str, Sequence[Sequence[float]]], theme: Theme) -> go.Figure | None:
    """Held-out figures over the share of the training that is done; None where a run reports none."""
    import plotly.graph_objects as go

    shade = colours(theme)
    figure = go.Figure()
    for name, points in curves.items():
        figure.add_trace(
            go.Scatter(
                x=[100 * share for share, _ in points],
                y=[value for _, value in points],
                name=escaped(name.replace("_", " ")),
                mode="lines+markers",
                line={"color": shade["accent"], "width": 2},
                marker={"size": 5},
                hovertemplate="%{x:.0f}% done: %{y:.4g}<extra></extra>",
            )
        )
    if not figure.data:
        return None
    figure.update_xaxes(ticksuffix="%", title_text="of the training", rangemode="tozero")
    if len(figure.data) == 1:
        figure.update_yaxes(title_text=figure.data[0].name)
    return dressed(figure, theme, 260, margin=MARGIN)


def plane(points: Sequence[Point], axes: tuple[str, str], marks: tuple[Span, Span], theme: Theme) -> Any:
    """Runs in a plane of two metrics; ``marks`` are fresh real rows, or the ideal; larger marks took longer."""
    import plotly.graph_objects as go

    shade = colours(theme)
    middle = sorted(point.x for point in points)[len(points) // 2]
    longest = max((point.seconds or 0.0 for point in points), default=0.0) or 1.0
    figure = go.Figure()
    for point in points:
        told = f"{numbers.seconds(point.seconds)} to fit and draw" if point.seconds is not None else ""
        figure.add_trace(
            go.Scatter(
                x=[point.x],
                y=[point.y],
                error_x=_whiskers(point.x, point.x_interval, shade["soft"]),
                error_y=_whiskers(point.y, point.y_interval, shade["soft"]),
                mode="markers+text",
                text=[escaped(point.name)],
                textposition="top left" if point.x > middle else "top right",
                textfont={"color": shade["ink"]},
                marker={
                    "symbol": SYMBOLS.get(point.tone, "circle"),
                    "size": 10 + 22 * ((point.seconds or 0.0) / longest) ** 0.5,
                    "color": shade["synthetic"],
                    "opacity": 0.9,
                    "line": {"width": 2.5 if point.front else 0, "color": shade["ink"]},
                },
                hovertemplate=f"{escaped(point.name)}<br>{told}<extra></extra>",
                cliponaxis=False,
            )
        )
    for span, band, line in zip(
        marks, (figure.add_vrect, figure.add_hrect), (figure.add_vline, figure.add_hline), strict=True
    ):
        if span is not None:
            line(span[0], line={"color": shade["real"], "dash": "dash", "width": 1.5})
        if span is not None and span[0] < span[1]:
            band(*span, fillcolor=shade["real"], opacity=0.18, line_width=0, layer="below")
    for axis, metric in zip((figure.update_xaxes, figure.update_yaxes), axes, strict=True):
        axis(title_text=term(metric).label, tickformat=".1%" if term(metric).unit == "percent" else ".2f")
    figure.update_layout(showlegend=False)
    return dressed(figure, theme, 460, margin=MARGIN)


def column_dots(errors: Mapping[str, Mapping[str, float]], columns: Sequence[str], theme: Theme) -> Any:
    """Shape errors of columns (rows) for several runs (marks of their own shape)."""
    import plotly.graph_objects as go

    shade = colours(theme)
    looks = [
        ("synthetic", "circle"),
        ("positive", "diamond"),
        ("negative", "square"),
        ("accent", "cross"),
        ("soft", "x"),
    ]
    figure = go.Figure()
    for place, (run, found) in enumerate(errors.items()):
        colour, symbol = looks[place % len(looks)]
        at = [position for position, column in enumerate(columns) if column in found]
        figure.add_trace(
            go.Scatter(
                x=[found[columns[position]] for position in at],
                y=at,
                name=escaped(run),
                mode="markers",
                marker={"symbol": symbol, "size": 10, "color": shade[colour]},
                cliponaxis=False,
                hovertemplate="%{x:.2%}<extra>" + escaped(run) + "</extra>",
            )
        )
    figure.update_xaxes(tickformat=".1%", rangemode="tozero", title_text="Shape error")
    figure.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(columns))),
        ticktext=[escaped(name if len(name) <= 26 else name[:25] + "…") for name in columns],
        autorange="reversed",
        showgrid=True,
        ticklabelstandoff=8,
    )
    return dressed(figure, theme, 110 + 24 * len(columns), margin=MARGIN)


def _whiskers(value: float, interval: tuple[float, float] | None, colour: str) -> dict[str, Any]:
    if interval is None:
        return {"visible": False}
    low, high = interval
    return {
        "type": "data",
        "symmetric": False,
        "array": [max(0.0, high - value)],
        "arrayminus": [max(0.0, value - low)],
        "color": colour,
        "thickness": 1.2,
        "width": 3,
    }
