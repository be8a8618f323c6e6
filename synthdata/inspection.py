"""What a table is: its columns, why we think so, and how models will see them."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from synthdata.encoders.table_encoder import TableEncoder
from synthdata.intake import SchemaLike, Source, open_source, prepare
from synthdata.progress import Progress, silent
from synthdata.random import SeedTree
from synthdata.reporting.numbers import plural
from synthdata.table.infer import Guess, infer
from synthdata.table.schema import Schema
from synthdata.table.table import Table, require_rows


@dataclass(frozen=True)
class Inspection:
    """What `inspect_source` found; ``width`` counts codes and values of all columns, ``memory`` is in bytes."""

    display: str
    real: Table
    guesses: tuple[Guess, ...]
    widths: dict[str, str]
    width: int
    memory: int
    notes: tuple[str, ...]

    @property
    def schema(self) -> Schema:
        """What is known of each column."""
        return self.real.schema

    def renderable(self) -> RenderableType:
        """The inspection as a person reads it in a terminal."""
        columns = Grid(title="Columns", title_justify="left")
        for heading, width in (("column", 20), ("kind", 12), ("why", None), ("stored as", 9), ("encoded as", 10)):
            columns.add_column(heading, max_width=width)
        reasons = {guess.column.name: guess for guess in self.guesses}
        for column in self.schema:
            guess = reasons[column.name]
            overruled = guess.column.kind != column.kind or guess.column.pii != column.pii
            kind = column.kind + (f", {column.pii}" if column.pii else "") + (f", {column.role}" if column.role else "")
            columns.add_row(
                Text(column.name),
                kind,
                Text("declared by you" if overruled else f"{guess.reason} ({guess.confidence:.0%} sure)"),
                column.dtype + (", nulls" if column.nullable else ""),
                "left out" if column.drop else self.widths.get(column.name, "made up afresh"),
            )
        head = Text(
            f"{self.display}: {len(self.real):,} rows, {len(self.schema)} columns; encoded width {self.width:,}, "
            f"{self.memory / 2**20:,.1f} MiB in memory."
        )
        return Group(head, columns, *(Text(f"• {note}") for note in self.notes))


def inspect_source(
    source: Source,
    *,
    table: str | None = None,
    query: str | None = None,
    schema: SchemaLike = None,
    target: str | None = None,
    seed: int | None = None,
    progress: Progress | None = None,
) -> Inspection:
    """Read a table and say what it is; free text is marked, not refused.

    Raises:
        SynthdataError: the source cannot be read, or the schema does not fit.
    """
    progress = progress or silent()
    seeds = SeedTree(seed).child("inspect")
    loaded = open_source(source, table=table, query=query, progress=progress)
    with progress.stage("infer", "Understanding the columns"):
        guesses = infer(loaded.frame).guesses
        real = prepare(loaded.frame, schema, target=target, drop_text=True)
        require_rows(real)
    encoder = TableEncoder().fit(real, seeds.generator("encoder"))
    widths, width = {}, 0
    for slot in encoder.slots:
        parts = [plural(slot.cardinality, "code")] if slot.cardinality > 1 or not slot.continuous else []
        widths[slot.name] = " + ".join([*parts, "a number"] if slot.continuous else parts)
        width += slot.cardinality + slot.continuous
    return Inspection(
        loaded.display,
        real,
        guesses,
        widths,
        width,
        len(real) * len(encoder.slots) * 12,
        (*loaded.notes, *encoder.notes),
    )
