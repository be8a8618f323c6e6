"""Mode-specific normalisation: a number as the mode of its column that it belongs to, and its place within the mode.

After Xu et al. 2019 (arXiv 1907.00503, section 4.2), over the values of our encoder: each number line gets a small
mixture of normals of its own, and a cell's code then says which of them it came from, or which other code it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthdata.encoders.base import UNSEEN, Encoded, Slot, State

#: rows on which the modes of a column are found
_ROWS = 5_000
_PASSES = 25
#: modes of fewer rows than this share of a column are given up
_LEAST = 0.01


@dataclass(frozen=True)
class Modes:
    """How a slot is seen: ``centres`` and ``widths`` (k,) of its modes, then its other codes; k is 0 without values.

    >>> Modes(Slot("x", 2, True, missing_code=1), np.array([-1.0, 1.0]), np.ones(2), np.ones(2) / 2).cardinality
    3
    """

    slot: Slot
    centres: np.ndarray
    widths: np.ndarray
    shares: np.ndarray

    @property
    def count(self) -> int:
        """How many modes there are."""
        return len(self.centres)

    @property
    def cardinality(self) -> int:
        """How many codes there are: modes, and all other codes."""
        return self.slot.cardinality - int(self.slot.continuous) + self.count

    @property
    def positions(self) -> np.ndarray:
        """Where each code lies on the number line (cardinality,), 0 where it has no place there."""
        if self.count:
            others = self.slot.positions[1:] if self.slot.positions.size else np.zeros(self.slot.cardinality - 1)
            return np.nan_to_num(np.concatenate([self.centres, others]))
        return np.nan_to_num(self.slot.positions) if self.slot.positions.size else np.zeros(self.cardinality)

    def split(
        self, codes: np.ndarray, values: np.ndarray, generator: np.random.Generator | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Codes (n,) with modes, and places within (n,) in widths of the mode.

        Modes are drawn by how likely each is; without a generator the likeliest is taken.
        """
        if not self.count:
            return codes.astype(np.int64), np.zeros(len(codes))
        out = np.where(codes == UNSEEN, UNSEEN, codes.astype(np.int64) - 1 + self.count)
        places = np.zeros(len(codes))
        rows = np.flatnonzero((codes == 0) & ~np.isnan(values))
        log_p = _log_densities(values[rows], self.centres, self.widths, self.shares)
        mode = (log_p if generator is None else log_p + generator.gumbel(size=log_p.shape)).argmax(axis=1)
        out[rows] = mode
        places[rows] = (values[rows] - self.centres[mode]) / self.widths[mode]
        return out, places

    def join(self, codes: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Codes and values (n,) of the encoder for what `split` gave."""
        if not self.count:
            return codes.astype(np.int32), np.full(len(codes), np.nan)
        on_line = (codes >= 0) & (codes < self.count)
        mode = np.where(on_line, codes, 0)
        values = np.where(on_line, self.centres[mode] + places * self.widths[mode], np.nan)
        others = np.where(codes == UNSEEN, UNSEEN, codes - self.count + 1)
        return np.where(on_line, 0, others).astype(np.int32), values

    def log_chosen(self, mode: np.ndarray, places: np.ndarray) -> np.ndarray:
        """The log-probability (n,) with which `split` would choose ``mode`` (n,) for what lies at places in it."""
        values = self.centres[mode] + places * self.widths[mode]
        log_p = _log_densities(values, self.centres, self.widths, self.shares)
        return np.asarray(log_p[np.arange(len(mode)), mode] - np.logaddexp.reduce(log_p, axis=1))


def find_modes(encoded: Encoded, most: int, least_rows: int, generator: np.random.Generator) -> list[Modes]:
    """Modes for every slot: at most ``most``, each of at least ``least_rows`` rows, by expectation maximisation."""
    out = []
    for j, slot in enumerate(encoded.slots):
        nothing = np.empty(0)
        values = encoded.values[encoded.codes[:, j] == 0, j] if slot.continuous else nothing
        if len(values) > _ROWS:
            values = generator.choice(values, _ROWS, replace=False)
        found = _mixture(values, most, least_rows) if slot.continuous else (nothing, nothing, nothing)
        out.append(Modes(slot, *found))
    return out


def _mixture(values: np.ndarray, most: int, least_rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centres, widths and shares (k,) of a mixture of normals in one dimension."""
    m = len(values)
    k = max(1, min(most, m // max(2 * least_rows, 1)))
    spread = float(values.std()) if m else 1.0
    floor = max(spread * 0.02, 1e-6)
    centres = np.quantile(values, (np.arange(k) + 0.5) / k) if m else np.zeros(1)
    widths, shares = np.full(k, max(spread / k, floor)), np.full(k, 1 / k)
    for _ in range(_PASSES if k > 1 else 0):
        log_p = _log_densities(values, centres, widths, shares)
        p = np.exp(log_p - log_p.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        mass = p.sum(axis=0)
        kept = mass >= max(_LEAST * m, least_rows)
        if not kept.any():
            break
        p, mass = p[:, kept], mass[kept]
        centres = values @ p / mass
        widths = np.sqrt(np.maximum((p * (values[:, None] - centres) ** 2).sum(axis=0) / mass, floor**2))
        shares = mass / mass.sum()
    if len(centres) == 1:
        centres, widths = np.array([float(values.mean()) if m else 0.0]), np.array([max(spread, floor)])
    return centres, widths, shares


def _log_densities(values: np.ndarray, centres: np.ndarray, widths: np.ndarray, shares: np.ndarray) -> np.ndarray:
    return np.asarray(-0.5 * ((values[:, None] - centres) / widths) ** 2 - np.log(widths) + np.log(shares))


def split_rows(
    encoded: Encoded, modes: Sequence[Modes], generator: np.random.Generator | None
) -> tuple[np.ndarray, np.ndarray]:
    """Codes and places (n, d) of encoded rows, by modes."""
    parts = [each.split(encoded.codes[:, j], encoded.values[:, j], generator) for j, each in enumerate(modes)]
    empty = np.empty((len(encoded), 0))
    return (
        np.column_stack([part[0] for part in parts]) if parts else empty.astype(np.int64),
        np.column_stack([part[1] for part in parts]) if parts else empty,
    )


def join_rows(codes: np.ndarray, places: np.ndarray, modes: Sequence[Modes]) -> Encoded:
    """Encoded rows for codes and places (n, d) by modes."""
    parts = [each.join(codes[:, j], places[:, j]) for j, each in enumerate(modes)]
    empty = np.empty((len(codes), 0))
    return Encoded(
        tuple(each.slot for each in modes),
        np.column_stack([part[0] for part in parts]) if parts else empty.astype(np.int32),
        np.column_stack([part[1] for part in parts]) if parts else empty,
    )


def modes_state(modes: Sequence[Modes]) -> State:
    """The modes of all columns that have any, as arrays."""
    found = {j: each for j, each in enumerate(modes) if each.count}
    return State({}, {f"{j}": np.stack([each.centres, each.widths, each.shares]) for j, each in found.items()})


def modes_from_state(state: State, slots: Sequence[Slot]) -> list[Modes]:
    """What `modes_state` gave, as modes again."""
    empty = np.empty((3, 0))
    return [Modes(slot, *state.arrays.get(str(j), empty)) for j, slot in enumerate(slots)]
