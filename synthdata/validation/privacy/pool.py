"""The real rows that attacks are tried on, members and others mixed, and the synthetic rows that attackers hold.

Which real rows were trained on is the secret. An attack sees the mixed rows and the synthetic table but never the
secret, so that under the null hypothesis (the generator learnt nothing about single rows) the members are a simple
random part of the pool whatever the attack computed. All p-values of attacks rest on that and on nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
from scipy import stats

from synthdata.random import SeedTree
from synthdata.validation.base import Comparison, NotComputable, Side
from synthdata.validation.privacy.space import Space

#: the most real rows, members and others together, and the most synthetic rows that attacks work with
REAL_ROWS, SYNTHETIC_ROWS = 8_000, 10_000
#: members and others that an attack needs at least
FEWEST = 20


@dataclass(frozen=True)
class Pool:
    """Real rows in random order: ``member`` (m,) bool, and ``positions`` (m,) in the table that each comes from."""

    comparison: Comparison
    space: Space
    member: np.ndarray
    positions: np.ndarray
    synthetic: np.ndarray

    @classmethod
    def draw(cls, comparison: Comparison, seed: SeedTree) -> Pool:
        """Draw as many members as others where that is possible, and synthetic rows.

        Raises:
            NotComputable: there is no column to judge, no holdout, or too few rows.
        """
        if not comparison.views:
            raise NotComputable("No column is judged, so nothing can be attacked.")
        train, others = comparison.rows("train"), comparison.rows("holdout")
        if not others:
            raise NotComputable("There is no holdout, so an attack's success has nothing to be compared with.")
        if min(train, others) < FEWEST:
            raise NotComputable(f"An attack needs at least {FEWEST} train rows and as many holdout rows.")
        kept = min(others, REAL_ROWS // 2)
        held = comparison.draw("holdout", kept, seed.generator("holdout rows"))
        members = comparison.draw("train", min(train, REAL_ROWS - kept), seed.generator("train rows"))
        order = seed.generator("order").permutation(len(members) + len(held))
        return cls(
            comparison,
            Space.of(comparison, seed.generator("directions")),
            np.repeat([True, False], [len(members), len(held)])[order],
            np.concatenate([members, held])[order],
            comparison.draw("synthetic", SYNTHETIC_ROWS, seed.generator("synthetic rows")),
        )

    def __len__(self) -> int:
        return len(self.member)

    @property
    def chance(self) -> float:
        """The share of members."""
        return float(self.member.mean())

    def real_points(self, only: Collection[str] | None = None) -> np.ndarray:
        """The real rows as points (m, d)."""
        return self._mixed(lambda side, rows: self.space.encode(side, rows, only))

    def synthetic_points(self, only: Collection[str] | None = None) -> np.ndarray:
        """The synthetic rows as points (n, d)."""
        return self.space.encode("synthetic", self.synthetic, only)

    def real_values(self, index: int) -> np.ndarray:
        """The cells (m,) of the judged column at ``index``, as its view has them."""
        view = self.comparison.views[index]
        return self._mixed(view.values)

    def real_features(self, without: str | None = None) -> np.ndarray:
        """The real rows as features (m, c) for tree models."""
        return self._mixed(lambda side, rows: self.comparison.features(side, rows, without))

    def _mixed(self, read: Callable[[Side, np.ndarray], np.ndarray]) -> np.ndarray:
        """What ``read`` gives for rows of each side, in the pool's order."""
        members, others = read("train", self.positions[self.member]), read("holdout", self.positions[~self.member])
        out = np.empty((len(self), *members.shape[1:]), members.dtype)
        out[self.member], out[~self.member] = members, others
        return out

    def excess(self, chosen: np.ndarray) -> float:
        """The one-sided exact p-value of as many members among ``chosen`` (m,) bool rows, were they a random part."""
        hits = int(self.member[chosen].sum())
        return float(stats.hypergeom.sf(hits - 1, len(self), int(self.member.sum()), int(chosen.sum())))

    def surplus(self, scores: np.ndarray) -> float:
        """The one-sided p-value of as high a mean of ``scores`` (m,) among members, were they a random part.

        By the normal law of the mean of a simple random sample (Hájek 1960).
        """
        members = int(self.member.sum())
        spread = float(scores.std(ddof=1))
        if spread == 0:
            return 1.0
        deviation = spread * np.sqrt((1 - members / len(self)) / members)
        return float(stats.norm.sf((scores[self.member].mean() - scores.mean()) / deviation))
