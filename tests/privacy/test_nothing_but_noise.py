"""One row more or less changes nothing that did not come out of a noisy answer: for every model with a private form."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from declared_people import SCHEMA, STRANGER

from synthdata.models.base import Synthesizer
from synthdata.models.registry import load, make_model, private_model_names
from synthdata.privacy import accounting, dpsgd
from synthdata.privacy import ledger as ledgers
from synthdata.privacy.charges import Charge
from synthdata.privacy.dpsgd import NoisySteps
from synthdata.privacy.ledger import Ledger, Privacy, read_ledger
from synthdata.privacy.private_table import Guarded
from synthdata.table.table import Table

#: what makes slow families quick; how much is learnt plays no part here
QUICK: dict[str, dict[str, Any]] = {
    "aim": {"rounds": 4, "iterations": 5, "model_size": 1.0},
    "autoregressive": {"width": 16, "cell_width": 8, "epochs": 1, "device": "cpu"},
    "tvae": {"width": 16, "components": 8, "epochs": 1, "device": "cpu"},
    "ctgan": {"width": 16, "noise": 8, "epochs": 1, "device": "cpu"},
    "diffusion": {"width": 16, "blocks": 1, "epochs": 1, "device": "cpu"},
    "flow": {"width": 16, "epochs": 1, "device": "cpu"},
    "rbm": {"hidden": 16, "chains": 16, "burn_in": 10, "epochs": 1, "device": "cpu"},
    "gmm": {"max_components": 4},
    "copula": {"passes": 3, "simulated": 500},
}
#: all of it public, the number of rows as well
PUBLIC = {**SCHEMA, "public": {"rows": 300}}
MODELS = private_model_names()


def people() -> pd.DataFrame:
    generator = np.random.default_rng(3)
    age = generator.integers(18, 90, 300)
    return pd.DataFrame(
        {"age": age, "city": generator.choice(["Rome", "Oslo", "Bonn"], 300), "ill": generator.random(300) < age / 120}
    )


#: the table, and its neighbours: an outlier of a new category more, a row less
NEIGHBOURS: dict[str, Callable[[], pd.DataFrame]] = {
    "one more": lambda: pd.concat([STRANGER, people()], ignore_index=True),
    "one less": lambda: people().drop(index=17),
}


class Blind(Guarded[Any]):
    """A guard whose answers are those of a table without rows, noise and all; training alone gets the real ones."""

    def __init__(self, rows: Any, ledger: Ledger, real: Callable[[], Any] | None = None) -> None:
        super().__init__(rows if real else rows.take(slice(0, 0)), ledger)
        self._real = real or (lambda: rows)

    def map(self, each: Callable[[Any], Any]) -> Blind:
        """The same, of another form."""
        return Blind(self._of_nothing(each), self.ledger, lambda: each(self._real()))

    def _of_nothing(self, each: Callable[[Any], Any]) -> Any:
        """What a function makes of the table without rows."""
        return each(self._Guarded__rows)  # type: ignore[attr-defined]

    def opened(self, charge: Charge) -> Any:
        """The real rows, for steps whose sums are kept from them."""
        self.ledger.charge(charge)
        return self._real()


def step_without_rows(steps: NoisySteps, networks: Any, losses: Any, rows: int, device: Any) -> None:
    """A step of private training whose sample is empty."""
    steps.taken += 1
    weights = [weight for weight in networks.parameters() if weight.requires_grad]
    for weight, noise in zip(weights, steps._noise(weights, device), strict=True):
        weight.grad = noise * steps.plan.noise * steps.plan.clip / steps.plan.batch


@pytest.fixture(autouse=True, scope="module")
def accounts_once() -> Iterator[None]:
    """What noise a budget pays for is worked out once for equal charges: neighbours' must be equal, and it is slow."""
    with pytest.MonkeyPatch.context() as patch:
        kept = cache(accounting.sigma_for)
        patch.setattr(dpsgd, "sigma_for", lambda e, d, rate, steps, spent: kept(e, d, rate, steps, tuple(spent)))
        added = cache(accounting.epsilon_of)
        patch.setattr(ledgers, "epsilon_of", lambda charges, delta, near: added(tuple(charges), delta, near=near))
        yield


def fitted(name: str, frame: pd.DataFrame) -> Synthesizer:
    """A model with noise that can be repeated."""
    return make_model(name, **QUICK.get(name, {})).fit(frame, schema=PUBLIC, privacy=Privacy(1.0, seed=5))


def artefacts(model: Synthesizer, folder: Path) -> dict[str, Any]:
    """All that a fit leaves, with the time of day taken out."""
    model.save(folder)
    found: dict[str, Any] = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    manifest = json.loads(found.pop("manifest.json"))
    del manifest["created"]
    return {**found, "manifest": manifest, "notes": model.notes, "rows": model.sample(200, seed=1).to_json()}


@pytest.mark.parametrize("name", MODELS)
def test_what_is_not_noised_is_the_same_to_the_byte(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every paid answer is replaced by one without rows: whatever still differs has gone around the guard."""
    monkeypatch.setattr(Synthesizer, "guard", Blind)
    monkeypatch.setattr(NoisySteps, "gradients", step_without_rows)
    told = artefacts(fitted(name, people()), tmp_path / "the table")
    for what, neighbour in NEIGHBOURS.items():
        assert artefacts(fitted(name, neighbour()), tmp_path / what) == told, what


def test_a_look_around_the_guard_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that keeps the highest age it was handed."""
    monkeypatch.setattr(Synthesizer, "guard", Blind)
    honest = Table.of.__func__  # type: ignore[attr-defined]

    def peeking(cls: type[Table], data: Any, *given: Any, **settings: Any) -> Table:
        table: Table = honest(cls, data, *given, **settings)
        if len(table) in (300, 301):
            table.schema = table.schema.replace("age", format=str(int(table.frame["age"].max())))
        return table

    monkeypatch.setattr(Table, "of", classmethod(peeking))
    told = artefacts(fitted("mst", people()), tmp_path / "the table")
    assert artefacts(fitted("mst", NEIGHBOURS["one more"]()), tmp_path / "more") != told


@pytest.mark.parametrize("name", MODELS)
def test_a_private_table_obeys_its_schema_and_its_ledger_the_target(name: str, tmp_path: Path) -> None:
    frame = NEIGHBOURS["one more"]()
    model = make_model(name, **QUICK.get(name, {})).fit(frame, schema=PUBLIC, privacy=Privacy(1.0, 1e-5))
    rows = Table.of(model.sample(400, seed=1), model.schema_, strict=True).frame
    assert rows["age"].between(0, 99).all()
    assert set(rows["city"]) <= {"Bonn", "Oslo", "Rome"}
    model.save(tmp_path / "model")
    ledger = read_ledger(tmp_path / "model" / "ledger.json")
    assert 0.95 < ledger["epsilon_spent"] <= 1.0
    assert ledger["private"] is True
    assert ledger["public_rows"] == 300
    assert ledger["method"]
    assert "row count" not in {charge["stage"] for charge in ledger["charges"]}
    assert not any(b"Atlantis" in path.read_bytes() for path in (tmp_path / "model").iterdir())
    assert load(tmp_path / "model").sample(50, seed=2).equals(model.sample(50, seed=2))
