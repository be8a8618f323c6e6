"""Persons with several rows: so many of each are kept, chosen at random, and all of them are protected together."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthdata.errors import PrivacyError
from synthdata.privacy.ledger import Ledger
from synthdata.table.schema import Schema
from synthdata.table.table import Table


def person_key(schema: Schema) -> str | None:
    """The name of the column that says whose a row is: the one with the role ``sequence key``."""
    return next((column.name for column in schema if column.role == "sequence key"), None)


def numbered_persons(keys: pd.Series) -> np.ndarray:
    """The number of each row's person (n,), -1 where the key is null.

    >>> numbered_persons(pd.Series(["b", None, "a", "b"])).tolist()
    [0, -1, 1, 0]
    """
    return np.asarray(pd.factorize(keys)[0], dtype=np.int64)


def bounded(table: Table, ledger: Ledger) -> Table:
    """The table with at most `Privacy.rows_per_person` rows of each person, and a ledger that counts persons.

    Which rows a person keeps is drawn without regard to anybody else, so that one person more or less changes at most
    so many rows. Rows without a key are left out, since nobody can say whose they are. A table whose schema names no
    key stays as it is.

    Raises:
        PrivacyError: rows per person are asked for, but no column says whose they are; or the key is to be learnt.
    """
    key, most = person_key(table.schema), ledger.privacy.rows_per_person
    if key is None:
        if most > 1:
            raise PrivacyError(
                f"{most} rows per person are to be kept, but no column says whose a row is.",
                'Give that column the role "sequence key" and the kind "id" in the schema.',
            )
        return table
    column = table.schema[key]
    if not (column.generated or column.drop):
        raise PrivacyError(
            f"Column {key!r} says whose a row is, and must not be learnt as one of kind {column.kind!r}.",
            f'Declare it in the schema: {{"name": "{key}", "kind": "id", "role": "sequence key"}}.',
        )
    if ledger.unit != "person":
        ledger.protect_persons(key)
    persons = numbered_persons(table.frame[key])
    # Each person's rows in random order, by one draw a row; the first of them stay.
    along = np.lexsort((ledger.entropy.generator().random(len(persons)), persons))
    ordered = persons[along]
    rank = np.arange(len(ordered)) - np.searchsorted(ordered, ordered, side="left")
    return table.take(np.sort(along[(rank < most) & (ordered >= 0)]))
