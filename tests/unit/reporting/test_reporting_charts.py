"""Charts: drawn from the facts alone, right in their numbers, told apart by everybody."""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np
import pytest
from unit.reporting.sample_report import sample_facts

from synthdata.errors import SynthdataError
from synthdata.reporting import charts, palette, plots, series, svg
from synthdata.reporting.cross_tables import of_pair, of_triple
from synthdata.reporting.figure import Figure
from synthdata.reporting.report import Report


def report() -> Report:
    return Report(sample_facts())


def test_a_heatmap_covers_each_cell_once() -> None:
    matrix = [[1.0, -0.5, 0.01], [-0.5, 1.0, None], [0.01, None, 1.0]]
    drawing = svg.heatmap(matrix, "three columns")
    cells = re.findall(r"M(\d) (\d)h(\d)", drawing)
    covered = [(int(x) + step, int(y)) for x, y, length in cells for step in range(int(length))]
    assert sorted(covered) == [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 1), (2, 2)]
    assert drawing.count('class="p"') == 1
    assert 'class="n" fill-opacity="0.5"' in drawing
    assert 'class="x"' in drawing


def test_wide_bins_are_drawn_lower() -> None:
    chart = {"type": "histogram", "edges": [0, 1, 3], "real": [0.5, 0.5], "synthetic": [0.5, 0.5]}
    heights = [float(y) for y in re.findall(r"V([\d.]+)H", svg.histogram(chart, "x"))][:2]
    base, top = svg.HEIGHT - 1, 2
    assert heights == pytest.approx([top, (base + top) / 2], abs=1)


def test_a_modest_spike_is_part_of_the_curve_and_a_huge_one_is_not() -> None:
    chart = {"type": "histogram", "edges": [0, 1, 2, 3], "real": [0.3, 0.0, 0.3], "synthetic": [0.3, 0.1, 0.3]}
    modest = chart | {"spikes": [{"at": 1.5, "real": 0.4, "synthetic": 0.3, "holdout": None}]}
    assert series.folded(modest) == modest | {"real": [0.3, 0.4, 0.3], "synthetic": [0.3, 0.4, 0.3], "spikes": []}
    huge = chart | {"spikes": [{"at": 1.5, "real": 40.0, "synthetic": 40.0, "holdout": None}]}
    assert series.folded(huge) == huge
    assert [row.label for row in series.bar_rows(huge)] == ["exactly 1.5"]
    many = huge | {"spikes": huge["spikes"] * 3}
    assert series.folded(many)["spikes"] == []


@pytest.mark.parametrize(("at", "place"), [(-9, 0), (0, 0), (1, 1), (3, 2), (9, 2), ("1970-01-01T00:00:02", 2)])
def test_a_spike_goes_into_its_bin(at: object, place: int) -> None:
    chart = {"type": "histogram", "edges": [0, 1, 2, 3], "real": [0.3] * 3, "synthetic": None}
    drawn = series.folded(chart | {"spikes": [{"at": at, "real": 0.1}]})
    assert drawn is not None
    assert [share > 0.3 for share in drawn["real"]] == [position == place for position in range(3)]


def test_nothing_is_drawn_of_nothing() -> None:
    flat = {"type": "histogram", "edges": [1, 1], "real": [1.0], "synthetic": [1.0]}
    assert svg.histogram(flat, "flat") == ""
    assert svg.histogram({"type": "histogram", "edges": [0, 1], "real": [0.0], "synthetic": None}, "empty") == ""
    assert svg.distances({"edges": [0, 1]}, "none") == ""


def test_titles_of_drawings_are_escaped() -> None:
    chart = {"type": "histogram", "edges": [0, 1, 2], "real": [0.5, 0.5], "synthetic": [0.5, 0.5]}
    assert "<b>" not in svg.histogram(chart, "<b>")
    assert "<b>" not in svg.heatmap([[1.0]], "<b>")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_column_has_a_figure(theme: palette.Theme) -> None:
    for column in report().worst_columns():
        overlay, bars = charts.column_overlay(column, theme), charts.column_bars(column, theme)
        assert overlay is not None or bars is not None
        if overlay is not None:
            assert [trace.name for trace in overlay.data] == ["Real", "Holdout", "Synthetic"]
            assert [trace.line.color for trace in overlay.data] == [
                palette.colours(theme)[sample] for sample in ("real", "holdout", "synthetic")
            ]
        if bars is not None:
            assert [trace.name for trace in bars.data] == ["Real", "Synthetic", "Holdout"]
            assert list(bars.data[0].x) == [row.real for row in series.bar_rows(column.chart, column.missing)]


def test_figures_hold_aggregates_only() -> None:
    for column in report().worst_columns():
        overlay = charts.column_overlay(column)
        if overlay is not None:
            assert all(len(trace.x) == len(column.chart["edges"]) for trace in overlay.data)


def test_names_in_figures_are_escaped() -> None:
    whole = report()
    drawing = charts.pair_heatmap(whole.pairs, "difference")
    assert drawing is not None
    assert "<b>" not in drawing.to_json()
    facts = sample_facts()
    facts["detection"]["columns"][0]["name"] = "<a href='x'>"
    shown = charts.importance_bars(facts["detection"]["columns"])
    assert shown is not None
    assert "<a" not in shown.layout.yaxis.ticktext[0]


def test_what_is_missing_gives_no_figure() -> None:
    assert charts.pair_heatmap({}, "real") is None
    assert charts.importance_bars([]) is None
    assert charts.distance_overlay({}) is None
    assert charts.distance_overlay(report().facts["privacy"]["details"]["distances"]) is not None


@pytest.mark.parametrize(
    "figure",
    [
        Figure("fidelity.shape", 0.0, 0.0, 0.0, 0.0),
        Figure("fidelity.shape", 0.4, 0.3, 0.5, 0.1),
        Figure("utility.tstr", -2.0, -3.0, -1.0, 0.8, "higher"),
        Figure("privacy.dcr_share", 1.0, 0.9, 1.0, None, "target", 0.5),
    ],
)
def test_gauges_stay_inside_their_axis(figure: Figure) -> None:
    scale = series.gauge(figure)
    assert scale is not None
    places = [scale.value, *(scale.interval or ()), *(scale.band or ()), *filter(None, [scale.mark])]
    assert all(0 <= place <= 100 for place in places)
    assert scale.start < scale.end


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_on_every_ground(theme: palette.Theme) -> None:
    shade = palette.colours(theme)
    for ground in ("page", "surface", "sunken"):
        assert contrast(shade["ink"], shade[ground]) >= 7
        assert contrast(shade["soft"], shade[ground]) >= 4.5
    for tone in ("pass", "warn", "fail"):
        assert contrast(shade[tone], shade[f"{tone}_tint"]) >= 4.5
        assert contrast(shade[tone], shade["page"]) >= 4.5
        assert contrast(shade["ink"], shade[f"{tone}_tint"]) >= 7
    for sample in ("real", "synthetic", "holdout"):
        assert contrast(shade[sample], shade["page"]) >= 3


# Viénot, Brettel and Mollon (1999): what a colour looks like without the red or the green cones, in linear RGB.
DICHROMACIES = {
    "protanopia": ((0.1121, 0.8853, -0.0005), (0.1127, 0.8897, -0.0001), (0.0045, 0.0, 1.0019)),
    "deuteranopia": ((0.2920, 0.7054, -0.0003), (0.2934, 0.7089, 0.0), (-0.0210, 0.0256, 1.0)),
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("kind", list(DICHROMACIES))
def test_samples_are_told_apart_without_red_or_green(theme: palette.Theme, kind: str) -> None:
    def seen(colour: str) -> list[float]:
        linear = [(int(colour[at : at + 2], 16) / 255) ** 2.2 for at in (1, 3, 5)]
        rows = DICHROMACIES[kind]
        return [255 * max(sum(w * part for w, part in zip(row, linear, strict=True)), 0) ** (1 / 2.2) for row in rows]

    shade = palette.colours(theme)
    for pair in (("real", "synthetic"), ("synthetic", "holdout"), ("real", "holdout"), ("positive", "negative")):
        one, other = (seen(shade[name]) for name in pair)
        assert sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5 > 45, pair


def test_both_themes_name_the_same_colours() -> None:
    assert list(palette.LIGHT) == list(palette.DARK)
    assert all(
        re.fullmatch("#[0-9a-f]{6}", colour)
        for colour in itertools.chain(palette.LIGHT.values(), palette.DARK.values())
    )


def pair() -> dict[str, Any]:
    cells = {"real": [[0.1, 0.2, 0.0], [0.3, 0.4, 0.0]], "synthetic": [[0.1, 0.1, 0.1], [0.3, 0.4, 0.0]]}
    return {"columns": ["<b>a</b>", "b"], "labels": [["<i>x</i>", "y"], ["1", "2", "3"]], "least": 5, **cells}


def test_a_pair_is_drawn_with_the_longer_side_down() -> None:
    table = of_pair(pair())
    assert table is not None
    assert table.names == ("b", "<b>a</b>")
    assert table.real == [[0.1, 0.3], [0.2, 0.4], [0.0, 0.0]]
    assert np.allclose(table.difference, [[0, 0], [-0.1, 0], [0.1, 0]])
    for theme in ("light", "dark"):
        figure = charts.cross_heatmap(table, "difference", theme)
        assert np.allclose(figure.data[0].z, table.difference)
        assert figure.data[0].customdata[1][0][2] == "-10.00 percentage points"
        assert "<b>" not in figure.layout.yaxis.title.text + figure.layout.xaxis.title.text
    drawn = plots.cross_table(table, "difference")
    assert drawn.count('<rect class="n"') == drawn.count('<rect class="p"') == 1
    assert "<i>" not in drawn
    assert "<b>a" not in drawn


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (1, 2, 0)])
def test_three_columns_have_a_panel_for_each_value_of_one(order: tuple[int, ...]) -> None:
    cells = np.random.default_rng(1).dirichlet(np.ones(24)).reshape(4, 2, 3)
    labels, names = [list("pqrs"), list("xy"), list("uvw")], ["long", "short", "middle"]
    moved = cells.transpose(order).tolist()
    table = {"labels": [labels[i] for i in order], "real": moved, "synthetic": moved}
    panels = of_triple({"columns": [names[i] for i in order], "table": table})
    assert [panel.panel for panel in panels] == ["short: x", "short: y"]
    for value, panel in enumerate(panels):
        assert panel.names == ("long", "middle")
        assert np.allclose(panel.real, cells[:, value, :])


@pytest.mark.parametrize(
    "damage",
    [
        {"labels": [["x"], ["1"]]},
        {"columns": ["a"]},
        {"real": [[1.0]]},
        {"synthetic": [["one"] * 3] * 2},
        {"labels": 3},
    ],
)
def test_a_damaged_pair_is_named(damage: dict[str, Any]) -> None:
    facts = sample_facts()
    facts["pairs"]["tables"] = [{**pair(), **damage}]
    with pytest.raises(SynthdataError, match=r"pairs\.tables\[0\]"):
        Report(facts)
