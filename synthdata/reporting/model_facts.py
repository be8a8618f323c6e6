"""What a report shows of the model itself, told by its parameters and by synthetic rows, never by real ones.

Only the training curve, which the run has logged, was measured on rows that were held out of the training.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from synthdata.progress import LONGER
from synthdata.random import SeedTree
from synthdata.reporting import numbers

if TYPE_CHECKING:
    from synthdata.models.bayesnet import BayesNet
    from synthdata.models.gmm import GaussianMixture
    from synthdata.table.table import Table

#: how many synthetic rows are looked at
ROWS = 4_000
#: how many places of a latent map are kept, and how many groups of rows are told apart on it
PLACES, GROUPS = 1_200, 5
#: how many components of a mixture are told of, and by how many columns each
COMPONENTS, MARKS = 12, 4
#: the share that a category must have within a component to stand for it
TYPICAL = 0.1
#: how many points of a training curve are kept
POINTS = 200


def model_facts(model: Any, synthetic: Table, events: Iterable[Mapping[str, Any]], seed: SeedTree) -> dict[str, Any]:
    """The parts that there are: ``training`` (curves), ``graph``, ``components``, ``latent``.

    ``model`` is the fitted one that drew the rows; ``events`` are those of the run so far.
    """
    from synthdata.models.abilities import HasLatent
    from synthdata.models.bayesnet import BayesNet
    from synthdata.models.gmm import GaussianMixture

    size = min(ROWS, len(synthetic))
    chosen = np.sort(seed.generator("rows").choice(len(synthetic), size, replace=False))
    drawn = synthetic.take(chosen)
    found: dict[str, Any] = {"training": curves(events)}
    if isinstance(model, BayesNet):
        found["graph"] = graph(model)
    if isinstance(model, GaussianMixture):
        found["components"] = components(model, drawn)
    if isinstance(model, HasLatent) and size > 2:
        found["latent"] = latent_map(model.latent(drawn), drawn)
    return {name: part for name, part in found.items() if part}


def curves(events: Iterable[Mapping[str, Any]]) -> dict[str, list[list[float]]]:
    """Held-out figures in the events of a run: by name, pairs of the share done and the value, at most `POINTS`.

    Shares are of training as it was in the end, where it took longer than was planned.
    """
    found: dict[str, list[list[float]]] = {}
    before = 0.0
    for event in events:
        share = event.get("fraction")
        if event.get("stage") == "fit" and isinstance(share, int | float):
            if event.get("message") == LONGER and before:
                for points in found.values():
                    points[:] = [[round(place * share / before, 4), value] for place, value in points]
            before = share
            for name, value in (event.get("figures") or {}).items():
                if isinstance(value, int | float) and isfinite(value):
                    found.setdefault(str(name), []).append([round(float(share), 4), float(value)])
    return {
        name: points
        if len(points) <= POINTS
        else [points[i] for i in np.linspace(0, len(points) - 1, POINTS, dtype=int)]
        for name, points in found.items()
    }


def graph(model: BayesNet) -> dict[str, Any]:
    """The columns in the order in which they are drawn, and which look at which."""
    names = [slot.name for slot in model.encoder_.slots]
    return {"nodes": [names[place] for place in model.order_], "edges": [list(edge) for edge in model.edges]}


def components(model: GaussianMixture, synthetic: Table) -> dict[str, Any]:
    """The largest components: weight, and what sets their synthetic rows apart from all synthetic rows."""
    memberships = model.memberships(synthetic).argmax(axis=1)
    weights = model.mixture_.weights
    frame = synthetic.frame[[slot.name for slot in model.encoder_.slots]]
    return {
        "count": len(weights),
        "largest": [
            {"weight": float(weights[place]), "marks": marks(frame, memberships == place)}
            for place in np.argsort(-weights, kind="stable")[:COMPONENTS]
        ],
    }


def marks(frame: pd.DataFrame, inside: np.ndarray) -> list[dict[str, Any]]:
    """By which columns some rows (n,) differ most from all rows: the typical value within and among all, and how far.

    ``distance`` is the one of Kolmogorov and Smirnov between the two for numbers, in total variation for categories.
    """
    if inside.sum() < 2:
        return []
    found = []
    for name in frame.columns:
        column = frame[name]
        within = column[inside]
        if pd.api.types.is_numeric_dtype(column.dtype) and column.dtype != bool:
            known, some = column.dropna().astype(float), within.dropna().astype(float)
            if known.empty or some.empty:
                continue
            at = np.sort(known.to_numpy())
            shares = [np.searchsorted(np.sort(each.to_numpy()), at, "right") / len(each) for each in (known, some)]
            told = numbers.plain(float(some.median())), numbers.plain(float(known.median()))
            found.append((float(np.abs(shares[0] - shares[1]).max()), name, told))
        elif not pd.api.types.is_datetime64_any_dtype(column.dtype) and column.dtype.kind != "m":
            whole, part = (each.astype("object").value_counts(normalize=True) for each in (column, within))
            # Of a column with hundreds of values none is typical.
            if part.empty or part.iloc[0] < TYPICAL:
                continue
            distance = float(part.sub(whole, fill_value=0.0).abs().sum() / 2)
            common = part.index[0]
            told = (
                f"{common} ({numbers.percent(float(part.iloc[0]))})",
                f"{numbers.percent(float(whole.get(common, 0.0)))}",
            )
            found.append((distance, name, told))
    found.sort(key=lambda each: (-each[0], str(each[1])))
    return [
        {"column": str(name), "here": here, "all": everywhere, "distance": distance}
        for distance, name, (here, everywhere) in found[:MARKS]
    ]


def latent_map(places: np.ndarray, synthetic: Table) -> dict[str, Any]:
    """Places (n, d) of synthetic rows on the plane of their first two principal components, by groups of a column."""
    from synthdata.validation.fidelity.landscape import principal_plane

    dimensions = places.shape[1]
    if dimensions == 1:
        places = np.column_stack([places, np.zeros(len(places))])
    directions, explained = principal_plane(places)
    flat = ((places - places.mean(axis=0)) @ directions.T)[:PLACES]
    flat = flat / (np.abs(flat).max() or 1.0)
    column, names, codes = groups_of(synthetic)
    return {
        "dimensions": dimensions,
        "explained": float(explained.sum()),
        "column": column,
        "groups": names,
        "points": [
            [round(float(x), 3), round(float(y), 3), int(code)] for (x, y), code in zip(flat, codes, strict=False)
        ],
    }


def groups_of(synthetic: Table) -> tuple[str | None, list[str], np.ndarray]:
    """A column to tell rows apart by: the target, or the first with few values; its groups and each row's (n,)."""
    schema = synthetic.schema
    kinds = ("categorical", "boolean")
    names: list[str] = [column.name for column in schema if column.kind in kinds and not column.drop]
    if schema.target is not None and schema.target in names:
        names.insert(0, schema.target)
    few = [name for name in names if 2 <= synthetic.frame[name].nunique() <= GROUPS] or names[:1]
    if not few:
        return None, ["all rows"], np.zeros(len(synthetic), dtype=np.int64)
    cells: Mapping[Any, int] = synthetic.frame[few[0]].value_counts().to_dict()
    common = list(cells)[:GROUPS]
    order = {value: place for place, value in enumerate(common)}
    codes = np.array([order.get(cell, len(common)) for cell in synthetic.frame[few[0]]], dtype=np.int64)
    return few[0], [*map(numbers.plain, common), *(["other or no value"] if codes.max() == len(common) else [])], codes
