"""Cross tables as a report holds them: of a pair of columns, and of three, with a panel for each value of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Cells = list[list[float | None]]


@dataclass(frozen=True)
class CrossTable:
    """Two columns: names and labels down and across, and shares (r, c) of all rows, real and synthetic.

    ``panel`` is the value of a third column that these rows have; empty where there is none.
    """

    names: tuple[str, str]
    down: tuple[str, ...]
    across: tuple[str, ...]
    real: Cells
    synthetic: Cells
    panel: str = ""

    @property
    def difference(self) -> Cells:
        """Synthetic less real."""
        return [
            [(made or 0.0) - (real or 0.0) for real, made in zip(*rows, strict=True)]
            for rows in zip(self.real, self.synthetic, strict=True)
        ]

    @property
    def largest(self) -> float:
        """The fullest cell of either side, so that both are read on one scale."""
        return max((share or 0.0 for side in (self.real, self.synthetic) for row in side for share in row), default=0.0)

    @property
    def widest(self) -> float:
        """The difference with the full shade: at least a quarter of the fullest cell, so that chance stays pale."""
        return max(self.largest / 4, *(abs(share or 0.0) for row in self.difference for share in row), 1e-9)


def of_pair(facts: dict[str, Any] | None) -> CrossTable | None:
    """The table of a pair; the column with more values stands down. None where there is none to draw.

    >>> facts = {"columns": ["a", "b"], "labels": [["x"], ["1", "2"]], "real": [[0.4, 0.6]], "synthetic": [[0.5, 0.5]]}
    >>> of_pair(facts).down, of_pair(facts).real
    (('1', '2'), [[0.4], [0.6]])
    """
    if not facts or not facts.get("real") or not facts.get("synthetic"):
        return None
    (first, second), (down, across) = facts["columns"], facts["labels"]
    real, synthetic = facts["real"], facts["synthetic"]
    if len(across) > len(down):
        first, second, down, across = second, first, across, down
        real, synthetic = _turned(real), _turned(synthetic)
    return CrossTable((first, second), tuple(down), tuple(across), real, synthetic)


def of_triple(triple: dict[str, Any]) -> list[CrossTable]:
    """The tables of three columns: a panel for each value of the column that has the fewest."""
    facts = triple.get("table")
    if not facts or not facts.get("real") or not facts.get("synthetic"):
        return []
    labels, names = facts["labels"], triple["columns"]
    apart = min(range(3), key=lambda place: len(labels[place]))
    rest = [place for place in range(3) if place != apart]
    panels = []
    for value, label in enumerate(labels[apart]):
        found = of_pair(
            {
                "columns": [names[place] for place in rest],
                "labels": [labels[place] for place in rest],
                "real": _sliced(facts["real"], apart, value),
                "synthetic": _sliced(facts["synthetic"], apart, value),
            }
        )
        if found is not None:
            panels.append(CrossTable(**{**vars(found), "panel": f"{names[apart]}: {label}"}))
    return panels


def _sliced(cells: Sequence[Any], axis: int, at: int) -> Any:
    """The plane of a nested list of three levels in which one index is fixed."""
    if axis == 0:
        return cells[at]
    return [_row(rows, axis, at) for rows in cells]


def _row(rows: Sequence[Any], axis: int, at: int) -> Any:
    return rows[at] if axis == 1 else [row[at] for row in rows]


def _turned(cells: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(row) for row in zip(*cells, strict=True)]
