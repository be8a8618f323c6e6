"""From which columns occur together to a tree of cliques on which beliefs can be passed along exactly."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import heapify, heappop, heappush

#: columns by position, ascending
Group = tuple[int, ...]


@dataclass(frozen=True)
class JunctionTree:
    """Cliques in an order in which each one's parent comes before it.

    ``parents`` holds the place of each clique's parent (-1 for the first clique of a connected part), ``separators``
    what it shares with it, ``cells`` how many cells each clique has.
    """

    cliques: tuple[Group, ...]
    parents: tuple[int, ...]
    separators: tuple[Group, ...]
    cells: tuple[int, ...]

    def holder(self, group: Iterable[int]) -> int | None:
        """The place of the smallest clique that holds all columns of a group, or None.

        >>> junction_tree([2, 2, 2], [(0, 1), (1, 2)]).holder((0, 2)) is None
        True
        """
        holders = [self._places.get(j, frozenset()) for j in group]
        common = frozenset.intersection(*holders or [frozenset(range(len(self.cliques)))])
        return min(common, key=lambda place: (self.cells[place], place), default=None)

    @cached_property
    def part_of(self) -> dict[int, int]:
        """The place of the first clique of the connected part that a column is in, for each column."""
        roots: list[int] = []
        for place, parent in enumerate(self.parents):
            roots.append(place if parent < 0 else roots[parent])
        return {j: root for clique, root in zip(self.cliques, roots, strict=True) for j in clique}

    @cached_property
    def _places(self) -> dict[int, frozenset[int]]:
        """The places of the cliques that hold a column, for each column."""
        places: dict[int, set[int]] = {}
        for place, clique in enumerate(self.cliques):
            for j in clique:
                places.setdefault(j, set()).add(place)
        return {j: frozenset(found) for j, found in places.items()}


def junction_tree(sizes: Sequence[int], groups: Iterable[Group]) -> JunctionTree:
    """A junction tree whose cliques hold each of the groups and each single column.

    Columns are eliminated greedily, the smallest new clique first (Koller and Friedman 2009, section 9.4.3).

    >>> junction_tree([2, 3, 2], [(0, 1), (1, 2)]).cliques
    ((0, 1), (1, 2))
    """
    cliques = [tuple(sorted(clique)) for clique in _eliminated(sizes, range(len(sizes)), groups)]
    # A maximum spanning tree by the size of what is shared has the running intersection property (Prim 1957).
    sets = [set(clique) for clique in cliques]
    order: list[int] = []
    parents: list[int] = []
    separators: list[Group] = []
    # For each clique that is not in the tree yet: the place in it of the one that it shares most with.
    nearest = dict.fromkeys(range(len(cliques)), -1)
    shares: dict[int, set[int]] = {place: set() for place in nearest}
    while nearest:
        place = max(nearest, key=lambda a: (len(shares[a]), -a))
        separators.append(tuple(sorted(shares.pop(place))))
        parents.append(nearest.pop(place))
        order.append(place)
        for rest in nearest:
            shared = sets[rest] & sets[place]
            if len(shared) > len(shares[rest]):
                nearest[rest], shares[rest] = len(order) - 1, shared
    arranged = tuple(cliques[place] for place in order)
    cells = tuple(_cells(sizes, clique) for clique in arranged)
    return JunctionTree(arranged, tuple(parents), tuple(separators), cells)


class TreeCells:
    """How many cells the cliques of the junction tree of groups have together, now and with one more group.

    Columns that no group connects do not matter to each other, so that only those connected with the new group are
    looked at again.

    >>> cells = TreeCells([2, 3, 2], [(0, 1)])
    >>> cells.now, cells.with_group((1, 2))
    (8, 12)
    """

    def __init__(self, sizes: Sequence[int], groups: Iterable[Group]) -> None:
        self._sizes = sizes
        self._part = list(range(len(sizes)))
        members = {j: [j] for j in self._part}
        known = list(groups)
        for group in known:
            for j in group[1:]:
                kept, gone = self._part[group[0]], self._part[j]
                if kept != gone:
                    members[kept] += members[gone]
                    for k in members.pop(gone):
                        self._part[k] = kept
        self._columns = members
        self._groups: dict[int, list[Group]] = {part: [] for part in members}
        for group in known:
            self._groups[self._part[group[0]]].append(group)
        self._cells = {part: self._of(members[part], self._groups[part]) for part in members}
        self.now = sum(self._cells.values())

    def with_group(self, group: Group) -> int:
        """How many there would be with this group."""
        parts = {self._part[j] for j in group}
        columns = [j for part in parts for j in self._columns[part]]
        groups = [known for part in parts for known in self._groups[part]]
        return self.now - sum(self._cells[part] for part in parts) + self._of(columns, [*groups, group])

    def _of(self, columns: Iterable[int], groups: Iterable[Group]) -> int:
        return sum(_cells(self._sizes, clique) for clique in _eliminated(self._sizes, columns, groups))


def _eliminated(sizes: Sequence[int], columns: Iterable[int], groups: Iterable[Group]) -> list[frozenset[int]]:
    """The maximal cliques of the graph of the groups of some columns, filled in so that it has no hole."""
    near: dict[int, set[int]] = {j: set() for j in columns}
    for group in groups:
        for j in group:
            near[j].update(group)
    for j, around in near.items():
        around.discard(j)
    cost = {j: sizes[j] * _cells(sizes, around) for j, around in near.items()}
    # Costs that have changed since stay in the queue, and are passed over.
    queue = [(cells, j) for j, cells in cost.items()]
    heapify(queue)
    cliques: list[frozenset[int]] = []
    holding: dict[int, list[frozenset[int]]] = {j: [] for j in near}
    while queue:
        cells, j = heappop(queue)
        if cost.get(j) != cells:
            continue
        del cost[j]
        around = near[j]
        clique = frozenset({j, *around})
        if not any(clique <= known for known in holding[j]):
            cliques.append(clique)
            for k in clique:
                holding[k].append(clique)
        for k in around:
            near[k] |= around
            near[k] -= {j, k}
        for k in around:
            cost[k] = sizes[k] * _cells(sizes, near[k])
            heappush(queue, (cost[k], k))
    return cliques


def _cells(sizes: Sequence[int], columns: Iterable[int]) -> int:
    """How many cells columns have together."""
    return math.prod(sizes[j] for j in columns)
