"""What a trial's process is told on its standard input: what to fit, and the table where it is a frame in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from synthdata.comparison.budget import Reservations
from synthdata.comparison.plan import Trial
from synthdata.comparison.pool import Order
from synthdata.connectors import Loaded
from synthdata.errors import SynthdataError
from synthdata.intake import Source
from synthdata.table.schema import Schema
from synthdata.table.table import fingerprint


def orders(
    source: Source,
    loaded: Loaded,
    schema: Schema | Mapping[str, Any] | None,
    folder: Path,
    options: dict[str, Any],
    threads: int,
    account: Reservations,
) -> Callable[[Trial], Order]:
    """What each trial's process is handed; a frame in memory travels through a pipe and touches no disk."""
    frame = as_arrow(loaded.frame) if isinstance(source, pd.DataFrame) else None
    columns = json.loads(schema.to_json()) if isinstance(schema, Schema) else schema

    def order(trial: Trial) -> Order:
        own = {"out": str(folder / trial.name), "seed": trial.seed, "settings": list(trial.settings), **options}
        said = {"source": None if frame is not None else str(source), "model": trial.model, "schema": columns}
        said |= {"budget": account.handed_over(trial), "bytes": len(frame) if frame else 0}
        line = json.dumps({**said, "options": own, "threads": threads})
        return Order(line.encode(), frame)

    return order


def as_arrow(frame: pd.DataFrame) -> bytes:
    """The frame as an Arrow stream.

    Raises:
        SynthdataError: it would not come back as it is.
    """
    import pyarrow

    refusal = SynthdataError(
        "This DataFrame has cells that other processes cannot be handed.", "Write it to a file, and compare that."
    )
    try:
        table = pyarrow.Table.from_pandas(frame, preserve_index=False)
        sink = pyarrow.BufferOutputStream()
        with pyarrow.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        data = sink.getvalue().to_pybytes()
        back = pyarrow.ipc.open_stream(data).read_pandas()
    except (pyarrow.ArrowException, TypeError, ValueError, OverflowError):
        raise refusal from None
    if fingerprint(back) != fingerprint(frame):
        raise refusal
    return bytes(data)
