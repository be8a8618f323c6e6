"""A row as marks, one for each code of each column: where they stand, and what they mean on number lines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthdata.models.networks.modes import Modes

#: columns whose numbers of codes lie between the same two of these are computed together
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Layout:
    """Where each column's codes stand in a row of marks: ``starts`` (d,); columns of like sizes lie side by side."""

    def __init__(self, modes: Sequence[Modes]) -> None:
        self.sizes = [each.cardinality for each in modes]
        groups: dict[int, list[int]] = {}
        for j, size in enumerate(self.sizes):
            groups.setdefault(next((limit for limit in _SIZES if size <= limit), -size), []).append(j)
        #: the columns of a group, where it starts, and how many marks each has
        self.groups: list[tuple[list[int], int, int]] = []
        starts, at = np.zeros(len(self.sizes), dtype=np.int64), 0
        for group in groups.values():
            widest = max(self.sizes[j] for j in group)
            starts[group] = at + widest * np.arange(len(group))
            self.groups.append((group, at, widest))
            at += widest * len(group)
        self.starts, self.width = starts, at
        self.numbers = [j for j, each in enumerate(modes) if each.count]
        #: where every mark lies on its column's number line, and how wide its mode is (width, d)
        self.positions = np.zeros((at, len(self.sizes)), dtype=np.float32)
        self.widths = np.zeros((at, len(self.sizes)), dtype=np.float32)
        #: whether a mark stands for a code, or only fills up its group (width,)
        self.used = np.zeros(at, dtype=bool)
        for j, each in enumerate(modes):
            self.positions[starts[j] : starts[j] + each.cardinality, j] = each.positions
            self.widths[starts[j] : starts[j] + each.count, j] = each.widths
            self.used[starts[j] : starts[j] + each.cardinality] = True
