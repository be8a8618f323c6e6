"""Columns learnt in another form, such that whatever is drawn keeps a rule.

    Gap        a column that is never below others (`Inequality`) is learnt as its distance from the highest of them
    Remainder  a total (`Total`) is learnt as what its parts leave over: nothing, unless a part is null
    Joint      columns in fixed combinations (`Combination`) are learnt as one column
    Follows    a column that follows from others (`Dependence`) is looked up

Each is exact in both directions and has the Jacobian 1, so densities stay those of the table. What is stored of the
real table are values that enough rows share, and a mean.
"""

from __future__ import annotations

from collections.abc import Mapping

from synthdata.encoders.base import State
from synthdata.encoders.grid import Grid
from synthdata.encoders.rule_lookups import Follows, Joint, unpacked
from synthdata.encoders.rule_steps import Gap, Remainder
from synthdata.table.schema import Column

Part = Gap | Remainder | Joint | Follows


def restore_part(state: State, columns: Mapping[str, Column]) -> Part:
    """What a part's `state` gave, as a part again."""
    config = state.config
    if config["part"] == "joint":
        return Joint(tuple(columns[name] for name in config["columns"]), frozenset(unpacked(state.arrays["kept"])))
    column = columns[config["column"]]
    if config["part"] == "follows":
        lookup = dict(unpacked(state.arrays["lookup"]))
        return Follows(column, tuple(columns[name] for name in config["on"]), lookup)
    grid = Grid(column, config["stepped"])
    if config["part"] == "gap":
        lows = tuple(columns[name] for name in config["lows"])
        return Gap(column, lows, tuple(config["strict"]), grid, config["anchor"])
    return Remainder(column, tuple(columns[name] for name in config["parts"]), config["tolerance"], grid)
