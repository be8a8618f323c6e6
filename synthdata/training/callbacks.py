"""What watches over training: the pace of learning, averaged weights, the best state so far, files to resume from."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthdata.atomic import replacing, write_text
from synthdata.errors import ModelError

if TYPE_CHECKING:
    import torch

Weights = dict[str, "torch.Tensor"]


class Pace:
    """How far training has come, from 0 to 1, by steps or by seconds, whichever runs out first; and the learning rate.

    The rate rises over the first ``warmup`` of the way and falls to nothing along a cosine (one cycle; Smith and Topin
    2018, arXiv 1708.07120). By the clock the whole cycle fits into the budget, however fast the machine is.

    >>> pace = Pace(steps=100, budget=None, warmup=0.1)
    >>> pace.at(55), round(pace.rate(0.05), 3), pace.rate(0.1), round(pace.rate(0.55), 3), pace.rate(1.0)
    (0.55, 0.525, 1.0, 0.5, 0.0)
    """

    def __init__(self, steps: int, budget: float | None, warmup: float = 0.1) -> None:
        self.steps, self.budget, self.warmup = max(steps, 1), budget, warmup
        #: how much of the way was left out
        self.skipped = 0.0
        self._start = time.perf_counter()

    def at(self, step: int) -> float:
        """The share of training that is done after ``step`` steps."""
        share = step / self.steps
        if self.budget is not None:
            share = max(share, (time.perf_counter() - self._start) / self.budget)
        return min(share + self.skipped, 1.0)

    def skip(self, share: float, to: float) -> None:
        """Go on from ``to`` instead of the present share."""
        self.skipped += to - share

    def rate(self, share: float) -> float:
        """The learning rate at a share of training, relative to its peak."""
        if share < self.warmup:
            return 0.05 + 0.95 * share / self.warmup
        return 0.5 * (1 + math.cos(math.pi * (share - self.warmup) / (1 - self.warmup)))


class Average:
    """An exponential moving average of weights, which forgets faster in the beginning."""

    def __init__(self, modules: torch.nn.Module, decay: float) -> None:
        self.modules, self.decay, self.step = modules, decay, 0
        self.weights: Weights = {name: value.detach().clone() for name, value in modules.state_dict().items()}

    def update(self) -> None:
        """Move the average a little towards the present weights."""
        import torch

        self.step += 1
        keep = min(self.decay, self.step / (self.step + 20))
        live = self.modules.state_dict()
        moving = [name for name, value in live.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.weights[name] for name in moving], [live[name] for name in moving], 1 - keep)

    def restart(self) -> None:
        """Begin anew from the present weights."""
        self.weights = {name: value.detach().clone() for name, value in self.modules.state_dict().items()}

    def swap(self) -> None:
        """Exchange the networks' weights and the averaged ones."""
        live = {name: value.detach().clone() for name, value in self.modules.state_dict().items()}
        self.modules.load_state_dict(self.weights)
        self.weights = live


class Best:
    """The best weights so far by the held-out figure, and when to stop looking for better ones."""

    def __init__(self, patience: int, tolerance: float = 1e-3) -> None:
        self.patience, self.tolerance = patience, tolerance
        self.figure = math.inf
        self.weights: list[Weights] = []
        self.since = 0

    def offer(self, figure: float, modules: list[torch.nn.Module]) -> bool:
        """Keep these weights if their figure is the lowest yet; whether it was."""
        if not self.weights or figure < self.figure:
            self.figure, self.since = figure, 0
            self.weights = [{k: v.detach().clone() for k, v in module.state_dict().items()} for module in modules]
            return True
        # On a plateau figures go up and down a little; that is no sign of harm.
        self.since += int(figure > self.figure + self.tolerance * max(1.0, abs(self.figure)))
        return False

    @property
    def stale(self) -> bool:
        """Whether nothing better has come for as many checks as there was patience."""
        return self.since >= self.patience

    def restore(self, modules: list[torch.nn.Module]) -> None:
        """Put the best weights back."""
        for module, weights in zip(modules, self.weights, strict=True):
            module.load_state_dict(weights)


def save_checkpoint(folder: Path, tensors: Mapping[str, torch.Tensor], settings: Mapping[str, Any]) -> None:
    """Write ``checkpoint.json`` and the tensors that it names by their checksum, whenever it may be interrupted.

    Until the one file is replaced the checkpoint is the one before, whose tensors are removed only afterwards.
    """
    from safetensors.torch import save

    content = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    checksum = hashlib.sha256(content).hexdigest()
    with replacing(folder / _tensors(checksum)) as beside:
        beside.write_bytes(content)
    write_text(folder / "checkpoint.json", json.dumps({**settings, "sha256": checksum}))
    for file in folder.glob(_tensors("*")):
        if file.name != _tensors(checksum):
            file.unlink(missing_ok=True)


def _tensors(checksum: str) -> str:
    return f"tensors-{checksum[:16]}.safetensors"


def load_checkpoint(folder: Path) -> tuple[Weights, dict[str, Any]]:
    """What `save_checkpoint` wrote.

    Raises:
        ModelError: the checkpoint is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        settings = json.loads((folder / "checkpoint.json").read_text(encoding="utf-8"))
        checksum = settings.pop("sha256")
        content = (folder / _tensors(checksum)).read_bytes()
        if hashlib.sha256(content).hexdigest() != checksum:
            raise ValueError
        return load(content), settings
    except (OSError, ValueError, KeyError, AttributeError, SafetensorError):
        raise ModelError(f"The checkpoint {folder} is damaged.", "Delete it and train afresh.") from None
