"""Checks of what every call promises: shapes, seeds, files, small tables, and errors that say what is wrong."""

# Checks are assertions, whoever runs them; pytest is not needed for it.
# ruff: noqa: S101, PT017
from __future__ import annotations

import hashlib
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from synthdata.errors import ModelError, SynthdataError, TableError
from synthdata.models.base import Synthesizer
from synthdata.testing.other_process import digest_elsewhere
from synthdata.testing.tables import MIXED_SCHEMA, mixed

Factory = Callable[[], Synthesizer]

_FITTED: dict[str, Synthesizer] = {}


def digest(frame: pd.DataFrame) -> str:
    """A text that two frames share only if they have the same columns, dtypes and cells."""
    parts = [repr([(str(name), str(dtype)) for name, dtype in frame.dtypes.items()])]
    parts += [repr(frame[name].astype(object).where(frame[name].notna(), None).tolist()) for name in frame.columns]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def fitted(factory: Factory) -> Synthesizer:
    """A model that has learnt the mixed table; checks that follow one another are given the same one to draw from."""
    model = factory()
    known = repr((type(model), model.name, model.parameters()))
    if known not in _FITTED:
        _FITTED.clear()
        _FITTED[known] = fitted_anew(factory)
    return _FITTED[known]


def fitted_anew(factory: Factory) -> Synthesizer:
    """A model that has just learnt the mixed table."""
    return factory().fit(mixed(), schema=MIXED_SCHEMA, seed=0)


def check_shape_and_columns(factory: Factory) -> None:
    """As many rows as asked for, the table's columns in its order, a fresh index; `fit` returns the model."""
    model = factory()
    table = mixed()
    table.index = pd.Index(np.arange(len(table))[::-1] * 7, name="row")
    assert model.fit(table, schema=MIXED_SCHEMA, seed=0) is model
    for n in (1, 17, 1000):
        sample = model.sample(n, seed=1)
        assert len(sample) == n
        assert list(sample.columns) == list(table.columns)
        assert sample.index.equals(pd.RangeIndex(n))


def check_sample_zero(factory: Factory) -> None:
    """No rows asked for give an empty table with the same columns and dtypes."""
    sample = fitted(factory).sample(0, seed=1)
    assert len(sample) == 0
    pd.testing.assert_series_equal(sample.dtypes, mixed().dtypes)


def check_negative_rows_are_refused(factory: Factory) -> None:
    """A negative number of rows is an error that names it."""
    _refuses(lambda: fitted(factory).sample(-1), "-1")


def check_seed_is_reproducible(factory: Factory) -> None:
    """The same seeds give the same rows, other seeds others."""
    first, second = fitted_anew(factory), fitted_anew(factory)
    pd.testing.assert_frame_equal(first.sample(60, seed=3), second.sample(60, seed=3))
    pd.testing.assert_frame_equal(first.sample(60, seed=3), first.sample(60, seed=3))
    assert not first.sample(60, seed=3).equals(first.sample(60, seed=4))


def check_global_random_state_is_untouched(factory: Factory) -> None:
    """Neither numpy's nor Python's global generator is moved or seeded."""
    np.random.seed(123)  # noqa: NPY002
    random.seed(123)
    before = np.random.get_state()[1].tolist(), np.random.get_state()[2], random.getstate()  # type: ignore[index]  # noqa: NPY002
    fitted_anew(factory).sample(20, seed=1)
    after = np.random.get_state()[1].tolist(), np.random.get_state()[2], random.getstate()  # type: ignore[index]  # noqa: NPY002
    assert before == after


def check_input_is_not_changed(factory: Factory) -> None:
    """The caller's table is the same after fitting, sampling, scoring and imputing."""
    table = mixed()
    model = factory().fit(table, schema=MIXED_SCHEMA, seed=0)
    model.sample(5, given={"sex": "f"}, seed=1)
    for ability in ("log_prob", "impute"):
        if hasattr(model, ability):
            getattr(model, ability)(table)
    pd.testing.assert_frame_equal(table, mixed())


def check_parameters(factory: Factory) -> None:
    """`__init__` keeps its arguments under their names and does nothing else; they survive saving."""
    model = factory()
    for name, value in model.parameters().items():
        assert getattr(model, name) == value
    assert not [name for name in vars(model) if name.endswith("_") and not name.startswith("_")]
    again = type(model)(**model.parameters())
    assert again.parameters() == model.parameters()
    assert type(model).name
    assert type(model).summary


def check_save_and_load(factory: Factory) -> None:
    """A saved model, loaded in another process, draws the very same rows."""
    model = fitted(factory)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        model.save(path)
        model.save(path)  # saving over an earlier model replaces it
        elsewhere = digest_elsewhere(type(model), path, rows=50, seed=9)
    assert elsewhere == digest(model.sample(50, seed=9))


def check_unfitted_is_refused(factory: Factory) -> None:
    """Sampling or saving before fitting is an error that says so."""
    _refuses(lambda: factory().sample(3), "fit", ModelError)
    with tempfile.TemporaryDirectory() as folder:
        _refuses(lambda: factory().save(Path(folder) / "model"), "fit", ModelError)
        assert not list(Path(folder).iterdir())


def check_one_row(factory: Factory) -> None:
    """A table of one row is learnt or refused with a clear message; it never ends in a traceback."""
    table = pd.DataFrame({"a": [5], "b": ["only"]})
    schema = {"columns": [{"name": "a", "kind": "numerical"}, {"name": "b", "kind": "categorical"}]}
    try:
        sample = factory().fit(table, schema=schema, seed=0).sample(3, seed=1)
    except SynthdataError as error:
        assert "row" in str(error)
    else:
        assert len(sample) == 3


def check_twenty_rows(factory: Factory) -> None:
    """Twenty rows, the least that the command line takes, are learnt."""
    table = mixed(20)[["age", "weight", "member", "joined"]]
    columns = [column for column in MIXED_SCHEMA["columns"] if column["name"] in table]
    sample = factory().fit(table, schema={"columns": columns}, seed=0).sample(40, seed=1)
    assert len(sample) == 40
    assert sample["age"].between(table["age"].min(), table["age"].max()).all()


def check_one_column(factory: Factory) -> None:
    """A table of one column of any kind is learnt."""
    table = mixed()
    for column in MIXED_SCHEMA["columns"]:
        name = column["name"]
        sample = factory().fit(table[[name]], schema={"columns": [column]}, seed=0).sample(30, seed=1)
        assert list(sample.columns) == [name]
        assert sample[name].dtype == table[name].dtype


def check_no_rows(factory: Factory) -> None:
    """A table without rows is refused."""
    _refuses(lambda: factory().fit(mixed().iloc[:0], schema=MIXED_SCHEMA), "row")


def check_duplicate_names_are_refused(factory: Factory) -> None:
    """Two columns of one name are refused, and the name is said."""
    table = pd.DataFrame(np.ones((30, 2)), columns=["twice", "twice"])
    _refuses(lambda: factory().fit(table), "twice", TableError)


def check_infinite_numbers_are_refused(factory: Factory) -> None:
    """An infinite number is refused, and the column is said."""
    table = pd.DataFrame({"x": [*np.arange(30.0), np.inf]})
    schema = {"columns": [{"name": "x", "kind": "numerical"}]}
    _refuses(lambda: factory().fit(table, schema=schema), "'x'")


def check_rules_of_several_columns(factory: Factory) -> None:
    """Sums, fixed combinations and what follows from another column hold in every row, or there is a clear refusal."""
    table = mixed(200)[["age", "sex", "grade", "member"]].assign(grade=lambda frame: frame["grade"].astype(object))
    table["bonus"] = np.arange(200) % 7
    table["total"] = table["age"] + table["bonus"]
    table["pass"] = table["grade"] != "low"
    table["member"] &= table["sex"] == "f"
    rules: list[dict[str, object]] = [
        {"type": "sum", "parts": ["age", "bonus"], "total": "total"},
        {"type": "dependence", "on": ["grade"], "column": "pass"},
        {"type": "combinations", "columns": ["sex", "member"]},
    ]
    kinds = {"sex": "categorical", "grade": "categorical", "member": "boolean", "pass": "boolean"}
    columns = [{"name": name, "kind": kinds.get(str(name), "numerical")} for name in table.columns]
    try:
        sample = factory().fit(table, schema={"columns": columns, "rules": rules}, seed=0).sample(60, seed=1)
    except SynthdataError as error:
        assert "rule" in str(error) or "role" in str(error), f"the message should name what is in the way: {error}"
        return
    assert list(sample.columns) == list(table.columns)
    assert (sample["age"] + sample["bonus"] == sample["total"]).all()
    assert (sample["pass"] == (sample["grade"] != "low")).all()
    assert not (sample["member"] & (sample["sex"] == "m")).any()


def check_unicode_names(factory: Factory) -> None:
    """Names and categories in any script, with spaces, quotes and operators, come through, and so do conditions."""
    table = mixed()[["age", "sex"]].rename(columns={"age": "Größe >= 'x'", "sex": "性別 🙂"})
    table["性別 🙂"] = table["性別 🙂"].map({"f": "женщина", "m": "мужчина; или =нет"})
    schema = {"columns": [{"name": "Größe >= 'x'", "kind": "numerical"}, {"name": "性別 🙂", "kind": "categorical"}]}
    model = factory().fit(table, schema=schema, seed=0)
    sample = model.sample(40, given={"性別 🙂": "женщина"}, seed=1)
    assert list(sample.columns) == list(table.columns)
    assert (sample["性別 🙂"] == "женщина").all()
    assert (model.sample(5, given="Größe >= 'x'>=30", seed=1)["Größe >= 'x'"] >= 30).all()


def _refuses(action: Callable[[], object], word: str, kind: type[SynthdataError] = SynthdataError) -> None:
    try:
        action()
    except kind as error:
        assert word in str(error), f"the message should say {word!r}: {error}"
    else:
        raise AssertionError(f"should have been refused with {kind.__name__}")
