"""From which columns occur together to a tree of cliques on which beliefs can be passed along exactly."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: columns by position, ascending
Group = tuple[int, ...]


@dataclass(frozen=True)
class JunctionTree:
    """Cliques in an order in which each one's parent comes before it.

    ``parents`` holds the place of each clique's parent (-1 for the first clique of a connected part), ``separators``
    what it shares with it.
    """

    cliques: tuple[Group, ...]
    parents: tuple[int, ...]
    separators: tuple[Group, ...]

    def holder(self, group: Iterable[int]) -> int | None:
        """The place of the first clique that holds all columns of a group, or None.

        >>> junction_tree([2, 2, 2], [(0, 1), (1, 2)]).holder((0, 2)) is None
        True
        """
        wanted = set(group)
        return next((place for place, clique in enumerate(self.cliques) if wanted <= set(clique)), None)


def junction_tree(sizes: Sequence[int], groups: Iterable[Group]) -> JunctionTree:
    """A junction tree whose cliques hold each of the groups and each single column.

    Columns are eliminated greedily, the smallest new clique first (Koller and Friedman 2009, section 9.4.3).

    >>> junction_tree([2, 3, 2], [(0, 1), (1, 2)]).cliques
    ((0, 1), (1, 2))
    """
    cliques = [tuple(sorted(clique)) for clique in _eliminated(sizes, groups)]
    # A maximum spanning tree by the size of what is shared has the running intersection property.
    order = [0] if cliques else []
    parents = [-1] if cliques else []
    separators: list[Group] = [()] if cliques else []
    rest = list(range(1, len(cliques)))
    while rest:
        shared, near, place = max(
            ((set(cliques[a]) & set(cliques[order[b]]), b, a) for a in rest for b in range(len(order))),
            key=lambda found: (len(found[0]), -found[2], -found[1]),
        )
        order.append(place)
        parents.append(near if shared else -1)
        separators.append(tuple(sorted(shared)))
        rest.remove(place)
    return JunctionTree(tuple(cliques[place] for place in order), tuple(parents), tuple(separators))


def tree_cells(sizes: Sequence[int], groups: Iterable[Group]) -> int:
    """How many cells the cliques of the junction tree have together.

    >>> tree_cells([2, 3, 2], [(0, 1), (1, 2)])
    12
    """
    return sum(math.prod(sizes[j] for j in clique) for clique in _eliminated(sizes, groups))


def _eliminated(sizes: Sequence[int], groups: Iterable[Group]) -> list[frozenset[int]]:
    """The maximal cliques of the graph of the groups, filled in so that it has no hole."""
    near: list[set[int]] = [set() for _ in sizes]
    for group in groups:
        for j in group:
            near[j].update(group)
    for j, around in enumerate(near):
        around.discard(j)
    left = set(range(len(sizes)))
    cliques: list[frozenset[int]] = []
    cost = {j: _cells(sizes, j, near[j]) for j in left}
    while left:
        j = min(left, key=lambda k: (cost[k], k))
        around = near[j]
        clique = frozenset({j, *around})
        if not any(clique <= known for known in cliques):
            cliques.append(clique)
        left.remove(j)
        for k in around:
            near[k] |= around - {k}
            near[k].discard(j)
        for k in around:
            cost[k] = _cells(sizes, k, near[k])
    return cliques


def _cells(sizes: Sequence[int], j: int, around: set[int]) -> float:
    return sizes[j] * math.prod(sizes[k] for k in around)
