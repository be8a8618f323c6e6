"""Singling out: descriptions made from synthetic rows that fit exactly one real person (Cohen and Nissim 2020).

An attacker takes some columns of a synthetic row and says "this value, or one further out". A description that fits
one synthetic row only is tried on real rows. Descriptions that are rare enough fit one real row now and then whatever
they were made from; so the same ones are tried on rows that the generator never saw, and others are made from rows
whose columns were shuffled.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from synthdata.random import SeedTree
from synthdata.validation.base import Figure, NotComputable
from synthdata.validation.privacy.attack import Attack, Test
from synthdata.validation.privacy.pool import Pool
from synthdata.validation.statistics import wilson

#: descriptions to be tried, and how many are made to get them
DESCRIPTIONS, TRIES = 1_500, 9_000
#: the most columns in one description
COLUMNS = 6

#: which of some rows (m,) a description fits
Fits = Callable[[list[np.ndarray]], np.ndarray]


def singling_out(pool: Pool, seed: SeedTree) -> Attack:
    """Try descriptions on members and others.

    The figure is the share of descriptions that fit exactly one member, of as many members as others; its reference
    the same for others. The test takes those that fit exactly one row of the pool, and counts each such row once.

    Raises:
        NotComputable: no description fits a single synthetic row.
    """
    views = pool.comparison.views
    made = [view.values("synthetic", pool.synthetic) for view in views]
    real = [pool.real_values(index) for index in range(len(views))]
    generator = seed.generator("descriptions")
    described = _descriptions(made, made, generator)
    if not described:
        raise NotComputable("No description of up to six columns fits a single synthetic row.")
    shuffled = [generator.permutation(values) for values in made]
    naive = _descriptions(shuffled, made, generator)

    size = min(int(pool.member.sum()), int((~pool.member).sum()))
    members, others = np.flatnonzero(pool.member)[:size], np.flatnonzero(~pool.member)[:size]
    alone: list[int] = []
    hits = misses = 0
    for fits in described:
        fitting = fits(real)
        hits += int(fitting[members].sum()) == 1
        misses += int(fitting[others].sum()) == 1
        if int(fitting.sum()) == 1:
            alone.append(int(fitting.argmax()))
    naive_hits = sum(int(fits([values[members] for values in real]).sum()) == 1 for fits in naive)
    chosen = np.zeros(len(pool), bool)
    chosen[alone] = True
    found = int(pool.member[chosen].sum())
    test = Test(
        "singling out: rows that one description fits alone are members",
        pool.excess(chosen),
        found / max(1, int(chosen.sum())),
        pool.chance,
        int(chosen.sum()),
    )
    n = len(described)
    figure = Figure(hits / n, wilson(hits, n), misses / n, "lower", n=len(pool.synthetic))
    facts = {
        "descriptions": n,
        "members": size,
        "members_hit": hits,
        "others": size,
        "others_hit": misses,
        "baseline": naive_hits / len(naive) if naive else None,
    }
    return Attack(
        "singling_out",
        "singling out",
        "Does a description taken from a synthetic row fit one real row?",
        figure,
        (test,),
        facts,
    )


def _descriptions(source: list[np.ndarray], made: list[np.ndarray], generator: np.random.Generator) -> list[Fits]:
    """Descriptions of rows of ``source`` that fit exactly one row of the synthetic table ``made``."""
    middles = [
        np.nanmedian(values) if values.dtype.kind == "f" and not np.isnan(values).all() else 0.0 for values in made
    ]
    columns = np.arange(len(made))
    found: list[Fits] = []
    for _ in range(TRIES):
        row = int(generator.integers(len(made[0])))
        few = min(len(columns), int(generator.integers(1, COLUMNS + 1)))
        fits = _description(source, middles, row, generator.choice(columns, few, replace=False))
        if int(fits(made).sum()) == 1:
            found.append(fits)
            if len(found) == DESCRIPTIONS:
                break
    return found


def _description(source: list[np.ndarray], middles: list[float], row: int, columns: np.ndarray) -> Fits:
    """A description by some columns of one row: a category or a null as it is, a number or one further out."""
    cells = [(int(column), source[column][row], middles[column]) for column in columns]

    def fits(table: list[np.ndarray]) -> np.ndarray:
        good = np.ones(len(table[0]), bool)
        for column, value, middle in cells:
            values = table[column]
            if values.dtype.kind != "f":
                good &= values == value
            elif np.isnan(value):
                good &= np.isnan(values)
            else:
                good &= values >= value if value >= middle else values <= value
        return good

    return fits
