"""Moments written as text with several offsets, as clocks that change twice a year leave them, are brought to one.

A column of text has one look, and rows that are made up follow it: with two offsets in it they could not say which.
"""

from __future__ import annotations

import re
from typing import Literal

import pandas as pd

_MOMENT = r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?P<fraction>\.\d+)?)? ?(?P<offset>Z|[+-]\d{2}:?\d{2})"


def in_one_offset(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """A frame whose columns of moments with several offsets are in UTC, and notes that say so.

    Only columns of which every cell is such a moment, or null, are changed.

    >>> frame, notes = in_one_offset(pd.DataFrame({"at": ["2024-03-30 12:00:00+01:00", "2024-03-31 12:00:00+02:00"]}))
    >>> frame["at"].tolist()
    ['2024-03-30 11:00:00+00:00', '2024-03-31 10:00:00+00:00']
    >>> notes
    ["brought to UTC, as its moments have 2 different offsets: 'at'"]
    """
    changed, notes = frame, []
    for name, cells in frame.items():
        # The first cell tells most columns from moments, without a copy of any.
        label = cells.first_valid_index() if pd.api.types.is_string_dtype(cells.dtype) else None
        first = None if label is None else cells[label]
        if not isinstance(first, str) or not re.fullmatch(_MOMENT, first):
            continue
        filled = cells.dropna()
        found = filled.str.extract(f"^{_MOMENT}$")
        offsets = found["offset"].nunique()
        if offsets < 2 or found["offset"].isna().any():
            continue
        moments = pd.to_datetime(filled, format="ISO8601", utc=True, errors="coerce")
        if moments.isna().any():  # beyond what pandas can count
            continue
        finest: Literal["microseconds", "seconds"] = "microseconds" if found["fraction"].notna().any() else "seconds"
        words = [moment.isoformat(first[10], finest) for moment in moments]
        changed = changed.copy() if changed is frame else changed
        changed[name] = pd.Series(words, index=filled.index, dtype=cells.dtype).reindex(cells.index)
        notes.append(f"brought to UTC, as its moments have {offsets} different offsets: {str(name)!r}")
    return changed, notes
