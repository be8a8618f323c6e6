"""A schema in which all but the rows is public, for tests of what one row more may change."""

from __future__ import annotations

import pandas as pd

SCHEMA = {
    "columns": [
        {"name": "age", "public": {"bounds": [0, 99], "nullable": False}},
        {"name": "city", "public": {"categories": ["Bonn", "Oslo", "Rome"], "nullable": False}},
        {"name": "ill", "kind": "boolean", "public": {"nullable": True}},
    ]
}
#: an outlier and a new category, beyond all that is declared
STRANGER = pd.DataFrame({"age": [10**6], "city": ["Atlantis"], "ill": [True]})
