"""Static drawings of whole tables and of models as inline SVG: density maps, latent maps, graphs, curves.

As in `svg`, every colour is a class, and all text handed in is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

from markupsafe import Markup

from synthdata.reporting import numbers
from synthdata.reporting.cross_tables import CrossTable

SHADES = 10
#: a graph's box, and the space between boxes across and down
BOX, ACROSS, DOWN, ROW = 132, 16, 46, 26
#: the width of names beside a cross table, and the size of its cells
NAMES, CELL, CELL_HIGH = 112, 26, 20
#: how many boxes stand side by side
BESIDE = 7
#: how far a graph may shrink before it has to be scrolled
READABLE = 0.8


def density(shares: Sequence[Sequence[float]], style: str, description: str, *, largest: float) -> Markup:
    """A map of shares by cell, the darker the more, on a scale of square roots so that thin places are seen as well.

    ``style`` is the class that colours it: ``real``, ``synthetic`` or ``holdout``; ``largest`` gets the full shade.
    """
    size = len(shares)
    paths: dict[int, list[str]] = {}
    for row, cells in enumerate(shares):
        for column, share in enumerate(cells):
            shade = min(round(sqrt(share / largest) * SHADES), SHADES) if share > 0 and largest > 0 else 0
            if shade:
                paths.setdefault(shade, []).append(f"M{column} {row}h1v1h-1z")
    drawn = Markup("").join(
        Markup('<path class="{}" fill-opacity="{}" d="{}"/>').format(style, shade / SHADES, "".join(path))
        for shade, path in sorted(paths.items())
    )
    return Markup(
        '<svg class="landscape" viewBox="0 0 {0} {0}" shape-rendering="crispEdges" role="img"><title>{1}</title>'
        '<rect class="ground" width="{0}" height="{0}"/>{2}</svg>'
    ).format(size, description, drawn)


def cross_table(table: CrossTable, which: str) -> Markup:
    """One side of a cross table, ``real`` or ``synthetic``, or the ``difference``, its values named at the edges.

    Shares are on a scale of square roots, so that thin cells are seen as well; differences are not.
    """
    cells = getattr(table, which)
    drawn = [
        Markup(
            '<rect class="{}" fill-opacity="{:.2f}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>'
        ).format(
            which if which != "difference" else "p" if (share or 0) > 0 else "n",
            min(
                1.0,
                abs(share or 0.0) / table.widest
                if which == "difference"
                else sqrt((share or 0.0) / (table.largest or 1.0)),
            ),
            NAMES + column * CELL,
            row * CELL_HIGH,
            CELL - 1,
            CELL_HIGH - 1,
            f"{table.down[row]}, {table.across[column]}: {numbers.percent(share)}",
        )
        for row, shares in enumerate(cells)
        for column, share in enumerate(shares)
        if share
    ]
    wide, high = len(table.across) * CELL, len(table.down) * CELL_HIGH
    down = [
        Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(
            NAMES - 6, row * CELL_HIGH + 14, clipped(label, 16)
        )
        for row, label in enumerate(table.down)
    ]
    across = [
        Markup('<text transform="translate({} {}) rotate(40)">{}</text>').format(
            NAMES + column * CELL + CELL / 2 - 4, high + 13, clipped(label, 13)
        )
        for column, label in enumerate(table.across)
    ]
    told = f"{table.names[0]} by {table.names[1]}, {which}{f', {table.panel}' if table.panel else ''}"
    return Markup(
        '<svg class="cross" viewBox="0 0 {0} {1}" style="max-width:{0}px" role="img"><title>{2}</title>'
        '<rect class="ground" x="{3}" width="{4}" height="{5}"/>{6}</svg>'
    ).format(
        NAMES + max(wide, 5 * CELL) + 44, high + 78, told, NAMES, wide, high, Markup("").join([*drawn, *down, *across])
    )


def clipped(text: str, most: int) -> str:
    """A text that is not longer than so many letters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def difference(one: Sequence[Sequence[float]], other: Sequence[Sequence[float]]) -> list[list[float | None]]:
    """How many more rows the first of two maps has in each cell, by their roots so that thin places count, too."""
    return [
        [sqrt(left) - sqrt(right) for left, right in zip(upper, lower, strict=True)]
        for upper, lower in zip(one, other, strict=True)
    ]


def fullest(maps: Mapping[str, Any]) -> float:
    """The largest share of any cell of a landscape, so that all its maps are read on one scale."""
    sides = (maps.get(side) or [] for side in ("train", "synthetic", "holdout"))
    return max((share for side in sides for row in side for share in row), default=0.0)


def widest(cells: Sequence[Sequence[float | None]], maps: Mapping[str, Any]) -> float:
    """The number that gets the full shade in a map of differences: half the fullest cell, so that chance stays pale."""
    largest = max((abs(cell) for row in cells for cell in row if cell is not None), default=0.0)
    return max(largest, sqrt(fullest(maps)) / 2)


def latent(facts: Mapping[str, Any]) -> Markup:
    """The places of synthetic rows, a sign of its own for each group."""
    signs = Markup("").join(
        Markup('<path class="group g{0}" d="{1}"/>').format(
            group, "".join(_sign(group, x, y) for x, y, g in facts["points"] if g == group)
        )
        for group in range(len(facts["groups"]))
    )
    told = f"Latent places of {numbers.plural(len(facts['points']), 'synthetic row')}"
    return Markup('<svg class="latent" viewBox="-104 -104 208 208" role="img"><title>{}</title>{}</svg>').format(
        told, signs
    )


def _sign(group: int, x: float, y: float) -> str:
    """A small sign at a place between -1 and 1: dot, square, triangle, diamond, cross and bar by turns."""
    across, up = round(100 * x, 1), round(-100 * y, 1)
    shapes = (
        f"M{across - 1.3:g} {up:g}a1.3 1.3 0 1 0 2.6 0a1.3 1.3 0 1 0 -2.6 0z",
        f"M{across - 1.2:g} {up - 1.2:g}h2.4v2.4h-2.4z",
        f"M{across:g} {up - 1.6:g}l1.6 2.8h-3.2z",
        f"M{across:g} {up - 1.7:g}l1.7 1.7l-1.7 1.7l-1.7 -1.7z",
        f"M{across - 1.5:g} {up - 0.5:g}h1v-1h1v1h1v1h-1v1h-1v-1h-1z",
        f"M{across - 0.5:g} {up - 1.8:g}h1v3.6h-1z",
    )
    return shapes[group % len(shapes)]


def key(group: int) -> Markup:
    """The sign of a group on a latent map, for its legend."""
    return Markup('<path class="group g{}" d="{}"/>').format(group, _sign(group, 0.0, 0.0))


def graph(facts: Mapping[str, Any]) -> Markup:
    """Columns as boxes, each below all that it looks at, and the looks as lines."""
    levels = layers(facts["nodes"], facts["edges"])
    rows = [level[at : at + BESIDE] for level in levels for at in range(0, len(level), BESIDE)]
    width = max(len(row) for row in rows) * (BOX + ACROSS) - ACROSS
    places = {}
    for down, row in enumerate(rows):
        start = (width - (len(row) * (BOX + ACROSS) - ACROSS)) / 2
        for place, name in enumerate(row):
            places[name] = (start + place * (BOX + ACROSS), down * (ROW + DOWN))
    lines = []
    for parent, child in facts["edges"]:
        if parent not in places or child not in places:
            continue
        (left, top), (right, low) = places[parent], places[child]
        start, end = left + BOX / 2, right + BOX / 2
        lines.append(
            Markup('<path d="M{:g} {:g}C{:g} {:g} {:g} {:g} {:g} {:g}"><title>{} → {}</title></path>').format(
                start, top + ROW, start, top + ROW + 28, end, low - 28, end, low, parent, child
            )
        )
    boxes = [
        Markup(
            '<g><title>{}</title><rect x="{:g}" y="{:g}" width="{}" height="{}" rx="4"/>'
            '<text x="{:g}" y="{:g}">{}</text></g>'
        ).format(name, x, y, BOX, ROW, x + BOX / 2, y + ROW / 2 + 4, name if len(name) <= 18 else f"{name[:17]}…")
        for name, (x, y) in places.items()
    ]
    height = len(rows) * (ROW + DOWN) - DOWN
    told = (
        f"{numbers.plural(len(facts['nodes']), 'column')}, {numbers.plural(len(facts['edges']), 'link')} between them"
    )
    return Markup(
        '<svg class="graph" viewBox="-2 -2 {:g} {:g}" style="max-width:{:g}px;min-width:{:g}px" role="img">'
        "<title>{}</title>{}{}</svg>"
    ).format(width + 4, height + 4, width + 4, READABLE * width, told, Markup("").join(lines), Markup("").join(boxes))


def layers(nodes: Sequence[str], edges: Sequence[Sequence[str]]) -> list[list[str]]:
    """The nodes, which are in an order of drawing, by the longest way down to each.

    >>> layers(["a", "b", "c"], [["a", "b"], ["b", "c"], ["a", "c"]])
    [['a'], ['b'], ['c']]
    """
    depth: dict[str, int] = {}
    for node in nodes:
        above = (depth.get(parent, -1) for parent, child in edges if child == node)
        depth[node] = max(above, default=-1) + 1
    found: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for node, level in depth.items():
        found[level].append(node)
    return found


def curve(points: Sequence[Sequence[float]], description: str) -> Markup:
    """One line over the share of the training that is done."""
    low, high = min(value for _, value in points), max(value for _, value in points)
    span = (high - low) or 1.0
    line = "L".join(f"{300 * share:g} {81 - 78 * (value - low) / span:.1f}" for share, value in points)
    return Markup(
        '<svg class="histogram" viewBox="0 0 300 84" preserveAspectRatio="none" role="img"><title>{}</title>'
        '<path class="line accent" d="M{}"/><path class="base" d="M0 84h300"/></svg>'
    ).format(description, line)
