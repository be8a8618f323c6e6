"""Columns of very many levels made narrow: like levels share a group, so that no network is as wide as a column.

A network then tells groups apart; inside a group a level is drawn by how frequent it is. Common levels and codes that
mean something of their own (missing, "on the number line") keep a group each; a column of few levels stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthdata.encoders.base import UNSEEN, AllowedCells, Encoded, Slot, State
from synthdata.encoders.bins import Bins
from synthdata.models.splits.cell_order import places


@dataclass(frozen=True)
class Groups:
    """The groups of one slot's codes: ``group`` (cardinality,) and ``shares`` (cardinality,) of codes in their group.

    >>> groups = Groups(Slot("x", 4, False), np.array([0, 1, 1, 2]), np.array([1.0, 0.25, 0.75, 1.0]))
    >>> groups.slot.cardinality, groups.narrow(np.array([3, 2, -1])).tolist()
    (3, [2, 1, -1])
    """

    whole: Slot
    group: np.ndarray
    shares: np.ndarray

    @property
    def slot(self) -> Slot:
        """The slot as networks see it: its codes are the groups."""
        count = int(self.group.max(initial=-1)) + 1
        if count == len(self.group):
            return self.whole
        missing, positions = self.whole.missing_code, self.whole.positions
        if positions.size:
            with np.errstate(invalid="ignore"):
                placed = np.bincount(self.group, weights=np.nan_to_num(positions) * self.shares)
            unplaced = np.bincount(self.group, weights=np.isnan(positions)) > 0
            positions = np.where(unplaced, np.nan, placed)
        return replace(
            self.whole,
            cardinality=count,
            missing_code=None if missing is None else int(self.group[missing]),
            positions=positions,
        )

    def narrow(self, codes: np.ndarray) -> np.ndarray:
        """The groups (n,) of codes; `UNSEEN` stays."""
        return np.where(codes == UNSEEN, UNSEEN, self.group[codes]).astype(np.int32)

    def widen(
        self, groups: np.ndarray, generator: np.random.Generator, allowed: np.ndarray | None = None
    ) -> np.ndarray:
        """Codes (n,) drawn inside groups, where told from among the ``allowed`` (cardinality,) ones."""
        shares = self.shares if allowed is None else self.shares * allowed
        order = np.argsort(self.group, kind="stable")
        along = np.cumsum(shares[order])
        ends = np.cumsum(np.bincount(self.group))
        low = np.concatenate([[0.0], along])[ends - np.bincount(self.group)]
        target = low[groups] + generator.random(len(groups)) * (along[ends - 1] - low)[groups]
        return order[np.minimum(np.searchsorted(along, target, side="right"), ends[groups] - 1)].astype(np.int32)

    def allowed(self, wanted: AllowedCells) -> np.ndarray:
        """Which share (groups,) of every group meets a condition."""
        return np.bincount(self.group, weights=self.shares * wanted.codes)


def group_levels(
    encoded: Encoded, counts: Sequence[np.ndarray], most: int, generator: np.random.Generator
) -> list[Groups]:
    """Groups for every slot, at most about ``most`` each, by how many rows ``counts`` (cardinality,) had each code."""
    bins = [Bins(slot, 0) for slot in encoded.slots]
    wide = [j for j, slot in enumerate(encoded.slots) if slot.cardinality > most]
    order = places(bins, np.maximum(encoded.codes, 0), generator) if wide else []
    out = []
    for j, slot in enumerate(encoded.slots):
        if slot.cardinality <= most:
            out.append(Groups(slot, np.arange(slot.cardinality), np.ones(slot.cardinality)))
            continue
        weights = np.maximum(counts[j], 1e-9)
        alone = np.zeros(slot.cardinality, dtype=bool)
        alone[np.argsort(-weights, kind="stable")[: most // 2]] = True
        if slot.continuous:
            alone[0] = True
        if slot.missing_code is not None:
            alone[slot.missing_code] = True
        out.append(_grouped(slot, weights, alone, order[j], most - int(alone.sum())))
    return out


def _grouped(slot: Slot, weights: np.ndarray, alone: np.ndarray, order: np.ndarray, rest: int) -> Groups:
    """Neighbours in the order share a group, which hold equally many rows; groups are numbered by their first code."""
    label = np.full(slot.cardinality, -1, dtype=np.int64)
    label[alone] = np.arange(int(alone.sum())) + rest
    pooled = np.flatnonzero(~alone)
    pooled = pooled[np.argsort(order[pooled], kind="stable")]
    along = np.cumsum(weights[pooled])
    label[pooled] = np.minimum((along - weights[pooled] / 2) / along[-1] * rest, rest - 1).astype(np.int64)
    _, first, group = np.unique(label, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    group = rank[group]
    return Groups(slot, group, weights / np.bincount(group, weights=weights)[group])


def narrow_rows(encoded: Encoded, groups: Sequence[Groups]) -> Encoded:
    """Encoded rows with groups for codes."""
    codes = np.empty_like(encoded.codes)
    for j, grouping in enumerate(groups):
        codes[:, j] = grouping.narrow(encoded.codes[:, j])
    return Encoded(tuple(grouping.slot for grouping in groups), codes, encoded.values)


def widen_rows(
    narrow: Encoded,
    groups: Sequence[Groups],
    generator: np.random.Generator,
    allowed: Mapping[int, AllowedCells] | None = None,
) -> Encoded:
    """Encoded rows with codes drawn inside their groups, as ``allowed``."""
    codes = narrow.codes.copy()
    for j, grouping in enumerate(groups):
        if grouping.slot is not grouping.whole:
            limit = allowed[j].codes if allowed and j in allowed else None
            codes[:, j] = grouping.widen(narrow.codes[:, j], generator, limit)
    return Encoded(tuple(grouping.whole for grouping in groups), codes, narrow.values)


def log_within(encoded: Encoded, groups: Sequence[Groups]) -> np.ndarray:
    """The log-probability (n,) of codes given their groups; `UNSEEN` cells count nothing."""
    out = np.zeros(len(encoded))
    for j, grouping in enumerate(groups):
        codes = encoded.codes[:, j]
        with np.errstate(divide="ignore"):
            out += np.where(codes == UNSEEN, 0.0, np.log(grouping.shares)[codes])
    return out


def groups_state(groups: Sequence[Groups]) -> State:
    """Groups as arrays; those of columns that stayed as they are take no room."""
    kept = {j: grouping for j, grouping in enumerate(groups) if grouping.slot is not grouping.whole}
    arrays = {f"{j}/group": grouping.group for j, grouping in kept.items()}
    return State({}, arrays | {f"{j}/shares": grouping.shares for j, grouping in kept.items()})


def groups_from_state(state: State, slots: Sequence[Slot]) -> list[Groups]:
    """What `groups_state` gave, as groups again."""
    out = []
    for j, slot in enumerate(slots):
        plain = np.arange(slot.cardinality)
        group = state.arrays.get(f"{j}/group", plain)
        out.append(Groups(slot, group, state.arrays.get(f"{j}/shares", np.ones(slot.cardinality))))
    return out
