"""Tables as files to download."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from synthdata.connectors.writing import writer_for

if TYPE_CHECKING:
    import pandas as pd

FORMATS = {"csv": "CSV", "parquet": "Parquet"}
TYPES = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}
# What a spreadsheet may take for the start of a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def as_file(frame: pd.DataFrame, ending: str, *, guard: bool = False) -> bytes:
    """A frame as the content of a file; with ``guard``, texts that a spreadsheet would run are made harmless."""
    content = io.BytesIO()
    writer_for(f"table.{ending}", f"table.{ending}")(guarded(frame) if guard else frame, content)
    return content.getvalue()


def guarded(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with an apostrophe before every text, and name of a column, that looks like a formula.

    Numbers stay as they are, negative ones too.

    >>> import pandas as pd
    >>> guarded(pd.DataFrame({"=a": ["=1+1", "b", None], "n": [-1, 2, 3]})).to_dict("list")
    {"'=a": ["'=1+1", 'b', None], 'n': [-1, 2, 3]}
    """
    out = frame.copy()
    for name in out.columns:
        if out[name].dtype.kind not in "iufbmM":
            cells = out[name].astype(object)
            out[name] = cells.where(cells.isna(), cells.map(_harmless, na_action="ignore"))
    return out.rename(columns={name: _harmless(name) for name in out.columns})


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell
