"""Even draws: codes and places that come as often as expected up to a row, instead of as often as chance has it.

Systematic sampling within strata (Cochran 1977, "Sampling Techniques", chapter 5A): each draw by itself has the
distribution asked for, and the sampling noise of a column's frequencies all but vanishes.
"""

from __future__ import annotations

import numpy as np


def even_places(n: int, generator: np.random.Generator) -> np.ndarray:
    """Uniform numbers (n,), one in each nth of the unit interval, in random order.

    >>> sorted(int(place * 4) for place in even_places(4, np.random.default_rng(0)))
    [0, 1, 2, 3]
    """
    return (generator.permutation(n) + generator.random(n)) / max(n, 1)


def even_draws(shares: np.ndarray, n: int, generator: np.random.Generator) -> np.ndarray:
    """Codes (n,) by their shares (m,), each as often as expected up to a row, in random order.

    Shares need not add up to one; where none is above 0, all codes are alike.

    >>> np.bincount(even_draws(np.array([1.0, 0.0, 3.0]), 8, np.random.default_rng(0))).tolist()
    [2, 0, 6]
    """
    total = np.cumsum(shares, dtype=np.float64)
    if not total[-1] > 0:
        total = np.cumsum(np.ones(len(shares)))
    last = int(np.flatnonzero(np.diff(total, prepend=0.0) > 0)[-1])
    return np.minimum(np.searchsorted(total, even_places(n, generator) * total[-1], side="right"), last)


def even_places_in_groups(groups: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Uniform numbers (n,) that are even among the rows of each group; ``groups`` (n,) are whole numbers.

    >>> places = even_places_in_groups(np.array([7, 3, 7, 3]), np.random.default_rng(0))
    >>> sorted(int(place * 2) for place in places[[0, 2]]), sorted(int(place * 2) for place in places[[1, 3]])
    ([0, 1], [0, 1])
    """
    n = len(groups)
    order = np.lexsort((generator.random(n), groups))
    grouped = groups[order]
    first = np.searchsorted(grouped, grouped, side="left")
    size = np.searchsorted(grouped, grouped, side="right") - first
    places = np.empty(n)
    places[order] = (np.arange(n) - first + generator.random(n)) / np.maximum(size, 1)
    return places


def even_draws_by_group(shares: np.ndarray, groups: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """One code (n,) for each row by the shares (g, m) of its group (n,), each as often as expected up to a row a group.

    >>> shares = np.array([[1.0, 0.0], [0.5, 0.5]])
    >>> even_draws_by_group(shares, np.array([0, 1, 0, 1]), np.random.default_rng(0))[[0, 2]].tolist()
    [0, 0]
    """
    if not len(groups):
        return np.zeros(0, dtype=np.int64)
    used, index = np.unique(groups, return_inverse=True)
    total = np.cumsum(shares[used], axis=1, dtype=np.float64)
    total /= total[:, -1:]
    # One ascending list for all groups: group i's shares lie between i and i + 1.
    places = index + np.minimum(even_places_in_groups(index, generator), 1 - 1e-9)
    found = np.searchsorted((total + np.arange(len(used))[:, None]).ravel(), places, side="right")
    code = np.minimum(found - index * shares.shape[1], shares.shape[1] - 1)
    # Rounding must not let a place fall behind the last code that has a share.
    last = shares.shape[1] - 1 - np.argmax(shares[used][:, ::-1] > 0, axis=1)
    return np.minimum(code, last[index])
