"""What all neural families share: a device, weights that travel as arrays, the training loop with their settings."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd

from synthdata.errors import ModelError
from synthdata.models.base import Synthesizer
from synthdata.progress import Progress
from synthdata.table.schema import Schema
from synthdata.table.table import Table
from synthdata.training.device import require_torch
from synthdata.training.objective import Objective
from synthdata.training.trainer import NOT_A_NUMBER, History, TrainingSettings, train

if TYPE_CHECKING:
    import torch


class NeuralSynthesizer(Synthesizer):
    """A family that learns by gradients.

    Its ``__init__`` takes at least ``epochs``, ``batch_size``, ``learning_rate``, ``weight_decay``, ``time_budget``,
    ``device`` and ``checkpoint``; after `fit`, ``history_`` says what training did.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    time_budget: float | None
    device: str
    checkpoint: str | None

    #: how much of the gradients' mean and square the optimizer keeps from step to step
    betas: ClassVar[tuple[float, float]] = (0.9, 0.98)
    #: whether losses may be compiled on a GPU
    compiled: ClassVar[bool] = True
    #: after how many checks with a worse figure training goes back to the best state and finishes there
    patience: ClassVar[int] = 5

    history_: History
    _started: float

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

    def _steps(self, rows: int, epochs: float | None = None) -> int:
        return max(1, round((epochs or self.epochs) * rows / self._batch(rows)))

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
        *,
        epochs: float | None = None,
        after: float = 0.0,
        until: float = 1.0,
        part: str = "",
    ) -> History:
        """Run the training loop over ``rows`` rows with this model's settings.

        A family that trains in several rounds says how many ``epochs`` one of them takes, from where to where it
        brings the progress and the time budget, and what is added to the name of its checkpoint.
        """
        for name in ("epochs", "batch_size", "learning_rate"):
            if getattr(self, name) <= 0:
                raise ModelError(f"{name} must be above 0, found {getattr(self, name)}.")
        if self.time_budget is not None and self.time_budget <= 0:
            raise ModelError(f"time_budget must be a number of seconds above 0, found {self.time_budget}.")
        batch = self._batch(rows)
        left = None
        if self.time_budget is not None:
            left = max(self.time_budget * until - (time.perf_counter() - self._started), 1e-3)
        settings = TrainingSettings(
            steps=self._steps(rows, epochs),
            batch_size=batch,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            time_budget=left,
            device=self.device,
            checkpoint=Path(f"{self.checkpoint}-{part}" if part else self.checkpoint) if self.checkpoint else None,
            after=after,
            until=until,
            betas=self.betas,
            compile=self.compiled,
            patience=self.patience,
        )
        self.history_ = train(objective, rows, settings, generator, progress)
        return self.history_


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
