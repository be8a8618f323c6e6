"""Several models on one table, several seeds each, on the same split: how they stand, and which one to take."""

from __future__ import annotations

from synthdata.comparison.compare import Comparison, compare

__all__ = ["Comparison", "compare"]
