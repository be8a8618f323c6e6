"""How far drawn rows are from real ones in pairs of columns: what families without a likelihood are judged by."""

from __future__ import annotations

import numpy as np
import torch

from synthdata.encoders.base import Encoded

#: into how many parts a column is cut
PARTS = 8
#: a combination of two cells is common if this share of the rows has it
_COMMON = 0.01


class PairError:
    """Compares the joint frequencies of pairs of columns, each cut into at most eight parts.

    On a number line there are four parts of equally many rows (values must be normal scores); the commonest other
    codes have a part each, and the rest of them share one.
    """

    def __init__(self, encoded: Encoded) -> None:
        self.columns = len(encoded.slots)
        self.continuous = [slot.continuous for slot in encoded.slots]
        self.part = []
        for j, slot in enumerate(encoded.slots):
            first = 4 if slot.continuous else 0
            counts = np.bincount(encoded.codes[:, j], minlength=slot.cardinality)
            if slot.continuous:
                counts[0] = -1
            rank = np.empty(slot.cardinality, dtype=np.int64)
            rank[np.argsort(-counts, kind="stable")] = np.arange(slot.cardinality)
            part = first + np.minimum(rank, PARTS - 1 - first)
            if slot.continuous:
                part[0] = 0
            self.part.append(part)

    def joint(self, rows: Encoded) -> torch.Tensor:
        """The frequencies (d * 8, d * 8) of all pairs of parts in rows (n, d)."""
        marks = np.zeros((len(rows), self.columns, PARTS), dtype=np.float32)
        cuts = np.array([-0.6745, 0.0, 0.6745])
        for j, part in enumerate(self.part):
            cell = part[rows.codes[:, j]]
            if self.continuous[j]:
                cell = cell + np.where(rows.codes[:, j] == 0, np.searchsorted(cuts, rows.values[:, j]), 0)
            marks[np.arange(len(rows)), j, cell] = 1.0
        flat = torch.from_numpy(marks.reshape(len(rows), -1))
        return flat.T @ flat / max(len(rows), 1)

    def compare(self, real: torch.Tensor, drawn: torch.Tensor) -> tuple[float, float]:
        """The mean total variation distance of pairs of columns, and which share of the common combinations is drawn.

        A combination that 1 % of the rows have counts as drawn if it comes at least a fifth as often.
        """
        d = self.columns
        apart = (real - drawn).abs().view(d, PARTS, d, PARTS).sum((1, 3)) / 2
        pairs = apart[~torch.eye(d, dtype=torch.bool)] if d > 1 else apart
        common = real >= _COMMON
        covered = (drawn[common] >= real[common] / 5).float().mean() if bool(common.any()) else torch.ones(())
        return float(pairs.mean()), float(covered)
