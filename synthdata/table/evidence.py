"""What is looked at when a column's kind is guessed: counts, distinct values, and the words of its name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from synthdata.table.dtypes import dtype_name
from synthdata.table.schema import Column

#: how many distinct values a pattern is tried on before it is held against all of them
SAMPLE = 1_000
WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_]+")


@dataclass(frozen=True)
class Guess:
    """What one column is taken for: ``reason`` in plain words with figures, ``confidence`` from 0 to 1.

    ``advice`` says what a person may want to do about the column; it is empty where there is nothing to do.
    """

    column: Column
    reason: str
    confidence: float
    advice: str = ""


class Evidence:
    """One column under examination.

    >>> Evidence("playerID", pd.Series(["a", "b", "a", None])).words
    ('player', 'id')
    """

    def __init__(self, name: str, series: pd.Series) -> None:
        self.name = name
        self.series = series
        self.dtype = dtype_name(series)
        self.rows = len(series)
        missing = series.isna().to_numpy(dtype=bool)
        self.missing = int(missing.sum())
        self.present = series[~missing] if self.missing else series

    @property
    def n(self) -> int:
        """The number of cells that are not null."""
        return self.rows - self.missing

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The words of the column's name, in lower case."""
        return tuple(word.lower() for word in WORD.findall(self.name))

    @cached_property
    def title(self) -> str:
        """The words of the name with single spaces: ``nameFirst`` is ``name first``."""
        return " ".join(self.words)

    @cached_property
    def _counted(self) -> tuple[np.ndarray, np.ndarray]:
        present = self.present.astype(object) if isinstance(self.series.dtype, pd.CategoricalDtype) else self.present
        if self.dtype.startswith(("int", "uint", "float")) and not self.dtype.endswith("[pyarrow]"):
            values, counts = np.unique(present.to_numpy(), return_counts=True)
            return values, counts
        counted = present.value_counts(sort=False)
        return counted.index.to_numpy(dtype=object), counted.to_numpy(dtype=np.int64)

    @property
    def values(self) -> np.ndarray:
        """The distinct values that are not null, (k,)."""
        return self._counted[0]

    @property
    def counts(self) -> np.ndarray:
        """How often each distinct value occurs, (k,)."""
        return self._counted[1]

    @property
    def distinct(self) -> int:
        """The number of distinct values."""
        return len(self.values)

    @property
    def ratio(self) -> float:
        """Distinct values per cell: 1 where every value differs."""
        return self.distinct / max(self.n, 1)

    @property
    def unique(self) -> bool:
        """Whether all values differ, in enough rows for that to mean something."""
        return self.distinct == self.n >= 20

    @cached_property
    def sample(self) -> list[Any]:
        """Up to a thousand distinct values, spread evenly over the order in which they are counted."""
        step = max(1, self.distinct // SAMPLE)
        return list(self.values[::step][:SAMPLE])

    def has_word(self, *words: str) -> bool:
        """Whether the name contains one of some words."""
        return not set(words).isdisjoint(self.words)

    def has_title(self, *titles: str) -> bool:
        """Whether the name contains one of some phrases as whole words, or is one written together."""
        padded = f" {self.title} "
        compact = self.title.replace(" ", "")
        return any(f" {title} " in padded or title.replace(" ", "") == compact for title in titles)

    def guess(self, kind: str, reason: str, confidence: float, advice: str = "", **more: Any) -> Guess:
        """A guess about this column; ``more`` are further keys of `Column`."""
        column = {"name": self.name, "kind": kind, "dtype": self.dtype, "nullable": self.missing > 0, **more}
        nulls = f"; {figure(self.missing)} of {figure(self.rows)} cells are null" if self.missing else ""
        return Guess(Column.model_validate(column), f"{reason}{nulls}.", confidence, advice)


def figure(number: int) -> str:
    """A count with thousands set apart.

    >>> figure(32561)
    '32,561'
    """
    return f"{number:,}"


def share(sample: list[Any], pattern: re.Pattern[str]) -> float:
    """The part of some texts that a pattern matches from end to end."""
    return sum(pattern.fullmatch(text) is not None for text in sample) / max(len(sample), 1)
