"""Plotly figures from a report's facts, for the dashboard; all of them are drawn from aggregates, never from rows."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from synthdata.reporting import numbers
from synthdata.reporting.palette import SANS, Theme, colours
from synthdata.reporting.series import (
    DISTANCE_LABELS,
    SAMPLE_LABELS,
    SAMPLES,
    BarRow,
    bar_rows,
    histogram_curves,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from synthdata.reporting.cross_tables import CrossTable
    from synthdata.reporting.report import ColumnFacts

_CLEAR = "rgba(0,0,0,0)"
#: columns up to which the cells of a matrix can be clicked
CLICKABLE = 40


def column_overlay(column: ColumnFacts, theme: Theme = "light") -> go.Figure | None:
    """A column's histogram, real as an area and synthetic as a line over it; None where there is none to draw."""
    chart = column.chart
    if not chart or chart["type"] != "histogram":
        return None
    curves = histogram_curves(chart)
    if not curves:
        return None
    labels = chart.get("labels")
    edges = labels if labels and len(labels) == len(chart["edges"]) else chart["edges"]
    shares = {SAMPLE_LABELS[sample]: chart[sample] for sample in curves}
    return _overlay(
        edges, {SAMPLE_LABELS[sample]: (sample, heights) for sample, heights in curves.items()}, shares, theme, 260
    )


def column_bars(column: ColumnFacts, theme: Theme = "light") -> go.Figure | None:
    """A column's categories, spikes and nulls as bars; None where it has none."""
    rows = bar_rows(column.chart, column.missing)
    return _bars(rows, theme) if rows else None


def distance_overlay(distances: dict[str, Any], theme: Theme = "light") -> go.Figure | None:
    """How far the closest real row is: synthetic to train, synthetic to holdout, train to holdout."""
    curves = histogram_curves(distances, tuple(DISTANCE_LABELS))
    if not curves:
        return None
    named = {DISTANCE_LABELS[name][1]: (DISTANCE_LABELS[name][0], heights) for name, heights in curves.items()}
    shares = {DISTANCE_LABELS[name][1]: distances[name] for name in curves}
    return _overlay(distances["edges"], named, shares, theme, 320)


def pair_heatmap(pairs: dict[str, Any], which: str, theme: Theme = "light") -> go.Figure | None:
    """One matrix of associations: ``real``, ``synthetic`` or ``difference``; violet above zero, green below."""
    import plotly.graph_objects as go

    matrix, names = pairs.get(which), pairs.get("columns") or []
    if not matrix or not names:
        return None
    shade = colours(theme)
    largest = 1.0
    if which == "difference":
        largest = max(0.1, *(abs(cell) for row in matrix for cell in row if cell is not None))
    labels = [_clip(name) for name in names]
    figure = go.Figure(
        go.Heatmap(
            z=matrix,
            x=list(range(len(names))),
            y=list(range(len(names))),
            customdata=[[[escaped(row), escaped(column)] for column in names] for row in names],
            zmin=-largest,
            zmax=largest,
            colorscale=[[0, shade["negative"]], [0.5, shade["surface"]], [1, shade["positive"]]],
            hovertemplate="%{customdata[0]} with %{customdata[1]}<br>%{z:.2f}<extra></extra>",
            showscale=False,
            xgap=1 if len(names) <= 40 else 0,
            ygap=1 if len(names) <= 40 else 0,
        )
    )
    if len(names) <= CLICKABLE:
        # Plotly tells of clicks on marks, not on cells of a heatmap: an unseen mark lies on each.
        places = [(row, column) for row in range(len(names)) for column in range(len(names)) if row != column]
        figure.add_trace(
            go.Scatter(
                x=[column for _, column in places],
                y=[row for row, _ in places],
                mode="markers",
                marker={"symbol": "square", "size": max(5, 300 // len(names)), "color": _CLEAR},
                selected={"marker": {"opacity": 0}},
                unselected={"marker": {"opacity": 0}},
                customdata=[
                    [escaped(names[row]), escaped(names[column]), matrix[row][column]] for row, column in places
                ],
                hovertemplate="%{customdata[0]} with %{customdata[1]}<br>%{customdata[2]:.2f}<extra></extra>",
                showlegend=False,
            )
        )
    readable = len(names) <= 12
    ticks = {
        "tickmode": "array",
        "tickvals": list(range(len(names))),
        "ticktext": labels,
        "showticklabels": readable,
        "ticks": "",
    }
    figure.update_xaxes(**ticks, tickangle=-60, showgrid=False, constrain="domain")
    figure.update_yaxes(**ticks, autorange="reversed", scaleanchor="x", showgrid=False, constrain="domain")
    return dressed(figure, theme, 440 if readable else 350)


def cross_heatmap(table: CrossTable, which: str, theme: Theme = "light") -> go.Figure:
    """A cross table's ``real`` or ``synthetic`` shares, or their ``difference``; violet above zero, green below."""
    import plotly.graph_objects as go

    shade = colours(theme)
    shares = getattr(table, which)
    if which == "difference":
        looks = {"zmin": -table.widest, "zmax": table.widest}
        scale = [[0, shade["negative"]], [0.5, shade["surface"]], [1, shade["positive"]]]
        told = [[f"{100 * share:+.2f} percentage points" for share in row] for row in shares]
    else:
        # Square roots, so that thin cells are seen as well.
        looks = {"zmin": 0, "zmax": table.largest**0.5 or 1}
        scale = [[0, shade["surface"]], [1, shade[which]]]
        told = [[f"{numbers.percent(share)} of all rows" for share in row] for row in shares]
        shares = [[share**0.5 for share in row] for row in shares]
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=list(range(len(table.across))),
            y=list(range(len(table.down))),
            customdata=[
                [[escaped(down), escaped(across), text] for across, text in zip(table.across, row, strict=True)]
                for down, row in zip(table.down, told, strict=True)
            ],
            **looks,
            colorscale=scale,
            hovertemplate="%{customdata[0]}<br>%{customdata[1]}<br>%{customdata[2]}<extra></extra>",
            showscale=False,
            xgap=1,
            ygap=1,
        )
    )
    axis = {"tickmode": "array", "showgrid": False, "ticks": ""}
    figure.update_xaxes(
        **axis, tickvals=list(range(len(table.across))), ticktext=[_clip(label, 16) for label in table.across],
        tickangle=-40, title_text=_clip(table.names[1], 32),
    )  # fmt: skip
    figure.update_yaxes(
        **axis, tickvals=list(range(len(table.down))), ticktext=[_clip(label, 16) for label in table.down],
        autorange="reversed", title_text=_clip(table.names[0], 32), title_standoff=12,
    )  # fmt: skip
    return dressed(figure, theme, 170 + 26 * len(table.down))


def importance_bars(columns: list[dict[str, Any]], theme: Theme = "light") -> go.Figure | None:
    """What a classifier leans on to tell synthetic rows from real ones."""
    import plotly.graph_objects as go

    if not columns:
        return None
    figure = go.Figure(
        go.Bar(
            x=[each["importance"] for each in columns],
            y=list(range(len(columns))),
            orientation="h",
            marker_color=colours(theme)["synthetic"],
            hovertemplate="AUC falls by %{x:.3f}<extra></extra>",
        )
    )
    _name_rows(figure, [each["name"] for each in columns])
    return dressed(figure, theme, 60 + 26 * len(columns))


def _overlay(
    edges: list[Any],
    curves: dict[str, tuple[str, list[float]]],
    shares: dict[str, list[float | None]],
    theme: Theme,
    height: int,
) -> go.Figure:
    """Step lines over common edges; hovering tells the share of each bin."""
    import plotly.graph_objects as go

    shade = colours(theme)
    figure = go.Figure()
    order = {"real": 0, "holdout": 1, "synthetic": 2}
    for label, (sample, heights) in sorted(curves.items(), key=lambda curve: order[curve[1][0]]):
        told = [numbers.percent(share) for share in shares[label]]
        figure.add_trace(
            go.Scatter(
                x=edges,
                y=[*heights, heights[-1]],
                customdata=[*told, told[-1]],
                name=label,
                mode="lines",
                line={
                    "shape": "hv",
                    "color": shade[sample],
                    "width": 2 if sample == "synthetic" else 1.2,
                    "dash": "dot" if sample == "holdout" else "solid",
                },
                fill="tozeroy" if sample == "real" else None,
                fillcolor=_alpha(shade["real"], 0.2),
                hovertemplate="%{customdata}",
            )
        )
    figure.update_yaxes(showticklabels=False, showgrid=False, rangemode="tozero")
    figure.update_layout(hovermode="x unified")
    return dressed(figure, theme, height)


def _bars(rows: list[BarRow], theme: Theme) -> go.Figure:
    import plotly.graph_objects as go

    shade = colours(theme)
    figure = go.Figure()
    places = list(range(len(rows)))
    for sample in SAMPLES:
        values = [getattr(row, sample) for row in rows]
        if all(value is None for value in values):
            continue
        told = [numbers.percent(value) for value in values]
        common = {"name": SAMPLE_LABELS[sample], "customdata": told, "hovertemplate": "%{customdata}"}
        if sample == "holdout":
            marker = {"symbol": "line-ns-open", "size": 13, "color": shade["ink"], "line": {"width": 1.5}}
            figure.add_trace(go.Scatter(x=values, y=places, mode="markers", marker=marker, **common))
        else:
            figure.add_trace(go.Bar(x=values, y=places, orientation="h", marker_color=shade[sample], **common))
    _name_rows(figure, [row.label for row in rows])
    figure.update_xaxes(tickformat=".1~%", rangemode="tozero")
    figure.update_layout(barmode="group", bargap=0.28, bargroupgap=0.08, hovermode="y unified")
    return dressed(figure, theme, 90 + 30 * len(rows))


def _name_rows(figure: go.Figure, names: list[str]) -> None:
    """Write names beside rows counted from the top; equal names stay rows of their own."""
    figure.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(names))),
        ticktext=[_clip(name) for name in names],
        autorange="reversed",
        showgrid=False,
        ticklabelstandoff=6,
    )


def dressed(figure: go.Figure, theme: Theme, height: int, *, margin: tuple[int, int] = (8, 8)) -> go.Figure:
    """A figure in the palette and type of the report; ``margin`` is the space at its top and right, in pixels."""
    top, right = margin
    figure.update_layout(height=height, margin={"l": 8, "r": right, "t": top, "b": 8}, template=_template(theme))
    return figure


@cache
def _template(theme: Theme) -> go.layout.Template:
    """What all figures share; made once, because Plotly takes longer to check each setting than to draw it."""
    import plotly.graph_objects as go

    shade = colours(theme)
    axis = {
        "automargin": True,
        "zeroline": False,
        "gridcolor": shade["rule"],
        "linecolor": shade["rule"],
        "fixedrange": True,
    }
    return go.layout.Template(
        layout={
            "paper_bgcolor": _CLEAR,
            "plot_bgcolor": _CLEAR,
            "font": {"family": SANS, "size": 13, "color": shade["ink"]},
            "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
            "hoverlabel": {"bgcolor": shade["surface"], "font": {"color": shade["ink"], "family": SANS}},
            "xaxis": axis,
            "yaxis": axis,
        }
    )


def escaped(text: str) -> str:
    """Plotly reads a little HTML in labels: names are to be shown as they are."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clip(text: str, most: int = 26) -> str:
    return escaped(text if len(text) <= most else text[: most - 1] + "…")


def _alpha(colour: str, share: float) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share})"
