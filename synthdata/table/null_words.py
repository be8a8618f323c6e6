"""Words that stand for a null in files of text."""

from __future__ import annotations

#: null in every column
STRONG_NULLS = ("NULL", "null", "NaN", "nan", "N/A", "n/a", "#N/A", "<NA>", "\\N")
#: null in some columns, values in others (Namibia, "no alley")
WEAK_NULLS = ("NA", "None", "-", ".", "?")
