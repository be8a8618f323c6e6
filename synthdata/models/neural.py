"""What all neural families share: a device, weights that travel as arrays, the training loop with their settings.

Their private form is here as well, once for all: see `NeuralSynthesizer`.
"""

from __future__ import annotations

import inspect
import math
import time
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd

from synthdata.encoders.base import Encoded
from synthdata.encoders.private_encoder import PrivateDomain, binned, encode_privately
from synthdata.errors import ModelError
from synthdata.models.base import Synthesizer
from synthdata.models.noisy_marginals import noisy_marginals, unrelated_rows
from synthdata.privacy.dpsgd import NoisySteps, Plan
from synthdata.privacy.entropy import Entropy
from synthdata.privacy.ledger import Ledger
from synthdata.privacy.private_table import Guarded
from synthdata.progress import Progress, silent
from synthdata.table.schema import Schema
from synthdata.table.table import Table
from synthdata.training.device import require_torch
from synthdata.training.history import History
from synthdata.training.objective import Objective
from synthdata.training.trainer import NOT_A_NUMBER, TrainingSettings, train

if TYPE_CHECKING:
    import torch

#: about how many bins a number line is bought with for private training
PRIVATE_BINS = 32
#: which share of what is left for training pays for the marginals, as a squared Gaussian parameter
_MARGINALS = 0.1
#: how many rows at most are made up to learn from what marginals say
_MOST_GUIDES = 100_000
#: how many seconds must have passed before what a fit can go on from is written anew
_SAVE_EVERY = 15.0
#: how many steps are taken on made-up rows to see how long one takes
_TRIAL_STEPS = 6


#: what the ledger says of how such a model sees rows
METHOD = (
    "Counts of the cells of each column were measured with discrete Gaussian noise. A network was trained by gradients "
    "that are clipped record by record, summed over Poisson samples of the rows, and noised (DP-SGD)."
)


class NeuralSynthesizer(Synthesizer):
    """A family that learns by gradients.

    Its ``__init__`` takes at least ``epochs``, ``batch_size``, ``learning_rate``, ``weight_decay``, ``time_budget``,
    ``device`` and ``checkpoint``; after `fit`, ``history_`` says what training did.

    With a privacy budget, number lines are bins that are learnt like categories, and rows are looked at in two ways:

    - Every column's marginal is counted with noise, for a tenth of what is left for training. Whatever a family wants
      to know of the rows beside gradients, it learns from made-up rows with these marginals and nothing more.
    - Gradients are those of `privacy.dpsgd`, for the rest. No row is held out, and training never ends early.

    Settings that are left at their defaults are then chosen by ``private_settings`` and, from the noisy number of rows
    n, by these rules: a step takes n / 16 rows on average, at least 256 and at most 4,096; ``epochs`` passes are made.
    A time budget is turned into a number of steps beforehand, by the time that steps on made-up rows take.

    Args:
        batch_size: how many rows a step of training takes.
        learning_rate: how far a step goes at its widest, after some steps of warming up and before it falls to nothing.
        weight_decay: how strongly weights are drawn towards zero, as a share of the learning rate.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    time_budget: float | None
    device: str
    checkpoint: str | None
    #: how many batches training takes at most, in families that limit it; small tables are then gone through more often
    steps: int | None = None

    #: how much of the gradients' mean and square the optimizer keeps from step to step
    betas: ClassVar[tuple[float, float]] = (0.9, 0.98)
    #: whether losses may be compiled on a GPU
    compiled: ClassVar[bool] = True
    #: after how many checks with a worse figure training goes back to the best state and finishes there
    patience: ClassVar[int] = 5
    #: whether as many steps again are taken where training, half done, still learns much (`TrainingSettings`), unless
    #: somebody has said how many epochs there shall be
    longer: ClassVar[bool] = False

    #: how much of what is gained on the rows seen alone counts against a state (`TrainingSettings`)
    lean: float = 0.0

    resumable: ClassVar[bool] = True

    #: the values that settings have in private training if they are left at their defaults
    private_settings: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    history_: History
    _started: float
    #: whether the fit under way is private, and the steps that its training may take
    _privately: bool = False
    _private: NoisySteps | None = None

    @abstractmethod
    def _learn(self, encoded: Encoded, guide: Encoded, generator: np.random.Generator, progress: Progress) -> None:
        """Build networks by what the rows of ``guide`` are like, and train them on encoded rows.

        Without privacy the two are the same. With it, ``encoded`` may go nowhere but into losses of single records.
        """

    def fit(
        self,
        table: Table | pd.DataFrame,
        *,
        schema: Schema | Mapping[str, Any] | None = None,
        privacy: Any = None,
        seed: int | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Learn from a table (n, d) and return self; a time budget counts from here.

        Raises:
            ModelError: settings that make no sense, no device, or a loss that is no number from the start.
        """
        self._started = time.perf_counter()
        return super().fit(table, schema=schema, privacy=privacy, seed=seed, progress=progress)

    def _fit(self, encoded: Encoded, generator: np.random.Generator, progress: Progress) -> None:
        self._privately, self._private = False, None
        self._learn(encoded, encoded, generator, progress)

    def _fit_privately(
        self, rows: Guarded[Table], schema: Schema, generator: np.random.Generator, progress: Progress
    ) -> None:
        if self.checkpoint is not None:
            raise ModelError(
                "Private training keeps no checkpoint: whoever goes on from one would pay for half of the steps only.",
                "Leave out the parameter checkpoint.",
            )
        self._privately = True
        try:
            self._require_settings()
            self._learn_privately(rows, schema, generator, progress)
        finally:
            self._privately, self._private = False, None

    def _learn_privately(
        self, rows: Guarded[Table], schema: Schema, generator: np.random.Generator, progress: Progress
    ) -> None:
        encoder, ledger = PrivateDomain(rows, schema, PRIVATE_BINS).encoder(), rows.ledger
        ledger.method = METHOD
        if encoder.slots:
            ledger.reserve("marginals", math.sqrt(_MARGINALS) * ledger.mu_of("training"))
        _, counts = noisy_marginals(rows, encoder, "marginals")
        encoder = binned(encoder, counts)
        self.schema_, self.encoder_, self.rows_ = encoder.schema, encoder, encoder.rows
        guide = unrelated_rows(encoder.slots, counts, min(encoder.rows, _MOST_GUIDES), generator)
        plan = self._plan(ledger, guide, generator)
        cells = rows.map(lambda table: encode_privately(encoder, table, ledger.entropy.generator()))
        real = cells.opened(plan.charge())
        self._private = cells.steps(plan)
        self._learn(real, guide, generator, progress)

    def _plan(self, ledger: Ledger, guide: Encoded, generator: np.random.Generator) -> Plan:
        """How to train, by settings and the noisy number of rows alone."""
        n = self.rows_
        batch = self._setting("batch_size", min(max(n // 16, 256), 4096))
        steps = max(round(self._setting("epochs") * n / batch), 1)
        if self.time_budget is not None:
            # A few steps on made-up rows, with noise that nobody needs to keep secret.
            trial = Plan(batch=batch, rate=min(batch / max(len(guide), 1), 1.0), steps=_TRIAL_STEPS)
            self._private = NoisySteps(trial, Entropy())
            start = time.perf_counter()
            self._learn(guide, guide, generator, silent())
            aside = time.perf_counter() - start - self.history_.step_seconds
            left = 0.9 * (self.time_budget - (time.perf_counter() - self._started)) - aside
            steps = min(steps, max(int(left / self.history_.step_seconds * _TRIAL_STEPS), 1))
        return Plan.within(ledger, n, batch=batch, steps=steps)

    def _setting(self, name: str, otherwise: Any = None) -> Any:
        """A setting; in private training, where it was left at its default, the private one or what is told."""
        value = getattr(self, name)
        if self._privately and self._at_default(name):
            return self.private_settings.get(name, value if otherwise is None else otherwise)
        return value

    def _at_default(self, name: str) -> bool:
        """Whether a setting was left at its default."""
        return bool(getattr(self, name) == inspect.signature(type(self).__init__).parameters[name].default)

    @classmethod
    def _load(cls, manifest: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        return super()._load({**manifest, "parameters": on_any_device(manifest["parameters"])}, arrays)

    @property
    def notes(self) -> list[str]:
        """What was done to the table, and whether training ended otherwise than planned."""
        broke = hasattr(self, "history_") and self.history_.ending == NOT_A_NUMBER
        early = f"Training ended early, since {NOT_A_NUMBER}; the last good state was kept."
        return [*super().notes, *([early] if broke else [])]

    def _batch(self, rows: int) -> int:
        """A small table is gone through in smaller batches, or there would be hardly any steps."""
        return max(1, min(self.batch_size, max(rows // 20, 16), rows))

    def _steps(self, rows: int) -> int:
        if self._private:
            return self._private.plan.steps
        steps = max(1, round(self.epochs * rows / self._batch(rows)))
        return steps if self.steps is None else min(steps, self.steps)

    def expected_seconds(self, rows: int) -> float:
        """How long training on so many rows of the same columns would take without a budget, by what training took."""
        self._require_fitted()
        return self.history_.expected(self._steps(rows), TrainingSettings(steps=1).checks)

    def _train(
        self,
        objective: Objective,
        rows: int,
        generator: np.random.Generator,
        progress: Progress,
    ) -> History:
        """Run the training loop over ``rows`` rows with this model's settings."""
        self._require_settings()
        batch = self._batch(rows)
        left = None
        if self.time_budget is not None and not self._private:
            left = max(self.time_budget - (time.perf_counter() - self._started), 1e-3)
        place: str | Path | None = self.checkpoint
        if place is None and not self._private and self.unfinished is not None:
            place = self.unfinished / "training"
        settings = TrainingSettings(
            steps=self._steps(rows),
            batch_size=batch,
            learning_rate=self._setting("learning_rate"),
            weight_decay=self._setting("weight_decay"),
            time_budget=left,
            device=self.device,
            checkpoint=Path(place) if place else None,
            save_every=0.0 if self.checkpoint else _SAVE_EVERY,
            lean=self.lean,
            betas=self.betas,
            compile=self.compiled,
            patience=self.patience,
            longer=self.longer and self._at_default("epochs"),
            private=self._private,
        )
        self.history_ = train(objective, rows, settings, generator, progress)
        return self.history_

    def _require_settings(self) -> None:
        for name in ("epochs", "batch_size", "learning_rate"):
            if getattr(self, name) <= 0:
                raise ModelError(f"{name} must be above 0, found {getattr(self, name)}.")
        if self.lean < 0:
            raise ModelError(f"lean must be 0 or more, found {self.lean}.")
        if self.time_budget is not None and self.time_budget <= 0:
            raise ModelError(f"time_budget must be a number of seconds above 0, found {self.time_budget}.")


def on_any_device(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of a saved model; what was trained on a GPU is used on one where there is one."""
    return {name: "auto" if (name, value) == ("device", "cuda") else value for name, value in parameters.items()}


def weights_of(module: torch.nn.Module) -> dict[str, np.ndarray]:
    """The weights of a network as arrays, from whatever device they are on."""
    return {name: tensor.detach().cpu().numpy() for name, tensor in module.state_dict().items()}


def put_weights(module: torch.nn.Module, arrays: dict[str, np.ndarray]) -> None:
    """Give a network the weights that `weights_of` gave.

    Raises:
        ModelError: they are of another network.
    """
    torch = require_torch()
    try:
        module.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in arrays.items()})
    except RuntimeError:
        raise ModelError(
            "The weights in the model file do not fit its settings.", "Save or copy the model again."
        ) from None
