"""Independent pieces of work on all cores, one core each.

Nested threads of BLAS and OpenMP would wait for each other: on a busy machine that is many times slower.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def side_by_side(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """``function`` of every item, in their order; the work must release the interpreter's lock to gain from it.

    >>> side_by_side(abs, [-1, 2])
    [1, 2]
    """
    from threadpoolctl import ThreadpoolController

    controller = ThreadpoolController()

    def alone(item: Item) -> Result:
        with controller.limit(limits=1, user_api="openmp"):  # a setting of the thread it is made in
            return function(item)

    # Both are settings of the process.
    with filters_kept(), controller.limit(limits=1, user_api="blas"), ThreadPoolExecutor(cores()) as pool:
        return list(pool.map(alone, items))


@contextmanager
def filters_kept() -> Iterator[None]:
    """Warnings from threads come out at the end, and the filters of warnings are then as they were.

    scikit-learn sets the filters of the whole process for each of its steps. Two threads that do so at a time leave
    them in disorder, and one of them complains of the other (`sklearn.utils.parallel`), which helps nobody.
    """
    with warnings.catch_warnings(record=True) as caught:
        yield
    for each in caught:
        if "sklearn.utils.parallel" not in str(each.message):
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
