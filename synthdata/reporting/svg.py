"""Small static charts as inline SVG; every colour is a class, so that one stylesheet serves light, dark and print.

All text handed in is escaped; the results are markup that a template may insert as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

from synthdata.reporting.series import DISTANCE_LABELS, histogram_curves

WIDTH, HEIGHT = 300, 84
SHADES = 10


def histogram(chart: dict[str, Any], description: str) -> Markup:
    """Real as an area, synthetic as a line, holdout dashed; nothing where the column has no spread."""
    curves = histogram_curves(chart)
    if not curves:
        return Markup("")
    return _overlay(
        chart["edges"], {sample: (sample, heights) for sample, heights in curves.items()}, description, HEIGHT
    )


def distances(facts: dict[str, Any], description: str) -> Markup:
    """The distances to the closest record, laid over one another."""
    curves = histogram_curves(facts, tuple(DISTANCE_LABELS))
    if not curves:
        return Markup("")
    named = {name: (DISTANCE_LABELS[name][0], heights) for name, heights in curves.items()}
    return _overlay(facts["edges"], named, description, 2 * HEIGHT)


def heatmap(matrix: Sequence[Sequence[float | None]], description: str, *, largest: float = 1.0) -> Markup:
    """A square matrix, one path for each shade: violet above zero, green below, as strong as the number is large.

    ``largest`` is the number that gets the full shade. A cell that could not be computed stays hatched.
    """
    size = len(matrix)
    paths: dict[str, list[str]] = {}
    for row, cells in enumerate(matrix):
        column = 0
        while column < size:
            shade = _shade(cells[column], largest)
            length = 1
            while column + length < size and _shade(cells[column + length], largest) == shade:
                length += 1
            if shade:
                paths.setdefault(shade, []).append(f"M{column} {row}h{length}v1h-{length}z")
            column += length
    drawn = Markup("").join(
        Markup('<path class="{}" fill-opacity="{}" d="{}"/>').format(shade[0], _opacity(shade), "".join(path))
        for shade, path in sorted(paths.items())
    )
    return Markup(
        '<svg class="heatmap" viewBox="0 0 {0} {0}" shape-rendering="crispEdges" role="img"><title>{1}</title>'
        '<rect class="ground" width="{0}" height="{0}"/>{2}</svg>'
    ).format(size, description, drawn)


def _shade(value: float | None, largest: float) -> str:
    """A class letter (p, n, or x for unknown) and the shade's number, or nothing for about zero."""
    if value is None:
        return "x"
    level = min(round(abs(value) / largest * SHADES), SHADES) if largest else 0
    return f"{'p' if value > 0 else 'n'}{level}" if level else ""


def _opacity(shade: str) -> float:
    return int(shade[1:]) / SHADES if shade[1:] else 0.35


def _overlay(
    edges: Sequence[float], curves: dict[str, tuple[str, list[float]]], description: str, height: int
) -> Markup:
    """Step outlines over common edges; the tallest bin of any curve reaches the top."""
    top = max(max(heights) for _, heights in curves.values())
    start, span = edges[0], edges[-1] - edges[0]
    places = [round((edge - start) / span * WIDTH, 1) for edge in edges]
    order = {"real": 0, "holdout": 1, "synthetic": 2}
    parts = []
    for style, heights in sorted(curves.values(), key=lambda curve: order.get(curve[0], 3)):
        ups = [round((height - 3) * (1 - density / top) + 2, 1) for density in heights]
        steps = "".join(f"V{up:g}H{right:g}" for up, right in zip(ups, places[1:], strict=True))
        if style == "real":
            parts.append(Markup('<path class="area real" d="M0 {}{}V{}z"/>').format(height, steps, height))
        parts.append(Markup('<path class="line {}" d="M0 {}{}V{}"/>').format(style, height, steps, height))
    return Markup(
        '<svg class="histogram" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img"><title>{}</title>{}'
        '<path class="base" d="M0 {}h{}"/></svg>'
    ).format(WIDTH, height, escape(description), Markup("").join(parts), height, WIDTH)
