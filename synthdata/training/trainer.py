"""The only training loop: it knows players, losses and weights, and nothing of any family."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from synthdata.errors import ModelError, PrivacyError
from synthdata.privacy.dpsgd import NoisySteps
from synthdata.progress import LONGER, Progress
from synthdata.training.callbacks import Average, Best, Pace, Weights, load_checkpoint, save_checkpoint
from synthdata.training.device import choose_device, torch_generator
from synthdata.training.history import History
from synthdata.training.objective import HasOwnLosses, HasOwnRates, Objective, Player, PrivatePlayer, TakesPart

if TYPE_CHECKING:
    import torch


#: from which share of training on the learning rate is low
_FINISH = 0.8
#: how training ended if it broke down
NOT_A_NUMBER = "the loss was no longer a number"


@dataclass(frozen=True)
class TrainingSettings:
    """How to train.

    Args:
        steps: how many batches at most.
        time_budget: seconds after which training has to end, with its learning rate fully decayed; None for no limit.
        validation: which share of the rows is held out to judge by; half of that where ``enough_validation`` rows would
            be left, and no more than ``max_validation`` rows.
        checks: how often the held-out rows are looked at.
        patience: after how many checks with a worse figure training goes back to the best state and finishes there.
        longer: whether as many steps again are taken where, halfway, each check was better than the one before and the
            last one still by much, as on large tables of many relations.
        lean: how much counts against a state, to the held-out figure, of that by which it is lower on rows seen in
            training: whoever draws from the model gives so much of these rows away.
        clip: the largest norm of a gradient.
        checkpoint: a folder to write the state of training to at every check, and to resume from; it holds no rows.
        save_every: how many seconds must have passed since the state was last written.
        betas: how much of the gradients' mean and square AdamW keeps from step to step.
        private: the noisy steps that players who see real rows have to take, instead of plain ones. No row is held out
            then, no clock and no figure has a say, and the averaged weights of the last step are kept.
    """

    steps: int
    batch_size: int = 512
    learning_rate: float = 2e-3
    weight_decay: float = 0.1
    warmup: float = 0.1
    ema: float = 0.998
    time_budget: float | None = None
    validation: float = 0.1
    enough_validation: int = 750
    max_validation: int = 2_000
    checks: int = 20
    patience: int = 5
    longer: bool = False
    clip: float = 20.0
    device: str = "auto"
    compile: bool = True
    checkpoint: Path | None = None
    save_every: float = 0.0
    lean: float = 0.0
    betas: tuple[float, float] = (0.9, 0.98)
    private: NoisySteps | None = None


def train(
    objective: Objective, rows: int, settings: TrainingSettings, generator: np.random.Generator, progress: Progress
) -> History:
    """Train all players on rows 0 … rows-1; afterwards they hold the best averaged weights by held-out rows.

    Raises:
        ModelError: the loss stopped being a number at once, before any good state was reached.
        PrivacyError: private steps were asked for in a way that would let rows have a say.
        Cancelled: somebody asked to stop.
    """
    return _Training(objective, rows, settings, generator, progress).run()


class _Training:
    def __init__(
        self,
        objective: Objective,
        rows: int,
        settings: TrainingSettings,
        source: np.random.Generator,
        progress: Progress,
    ) -> None:
        import torch

        self.objective, self.settings, self.progress = objective, settings, progress
        if settings.private and (settings.time_budget is not None or settings.checkpoint is not None):
            raise PrivacyError("Private training goes neither by the clock nor by a checkpoint.")
        self.device = choose_device(settings.device)
        objective.to(self.device)
        # Private samples are drawn elsewhere, and nothing else may move on by how many rows there are.
        split = source.permutation(rows) if not settings.private else np.arange(rows)
        held = _held_out(rows, settings) if rows >= 20 and not settings.private else 0
        # With too few rows to hold any out, the figure is that of the training rows.
        self.held_out = torch.from_numpy(split[:held] if held else split).to(self.device)
        self.learning = torch.from_numpy(split[held:]).to(self.device)
        #: as many rows that are learnt from, to see how much better these are modelled
        self.seen = self.learning[: len(self.held_out)]
        self.waiting = self.learning[:0]
        self.batches = torch_generator(source, self.device)
        self.noise = torch_generator(source, self.device)
        self.before_shuffle = self.batches.get_state()
        self.modules = [player.modules for player in objective.players]
        self.losses = [self._compiled(player) for player in objective.players]
        self.optimizers = [_optimizer(player, settings) for player in objective.players]
        self.averages = [Average(module, settings.ema) for module in self.modules]
        self.best = Best(settings.patience)
        self.history = History(held_out=len(self.held_out))
        self.pace = Pace(settings.steps, settings.time_budget, settings.warmup)
        self.saved = time.perf_counter()

    def _compiled(self, player: Player) -> Any:
        import torch

        if self.device.type == "cuda" and self.settings.compile and not self.settings.private:
            return torch.compile(player.losses, dynamic=False)
        return player.losses

    def run(self) -> History:
        settings, step = self.settings, 0
        if settings.checkpoint and (settings.checkpoint / "checkpoint.json").exists():
            step = self._resume(settings.checkpoint)
        pace = self.pace
        share = checked = pace.at(step)
        while share < 1.0:
            start = time.perf_counter()
            applied = self._step(share)
            self.history.step_seconds += time.perf_counter() - start
            if not applied:
                self.history.ending = NOT_A_NUMBER
                break
            step += 1
            share = pace.at(step)
            if share - checked >= 1 / settings.checks or share >= 1.0:
                before, checked = checked, share
                self._check(share)
                if before < 0.5 <= share and self._goes_on_longer():
                    share = checked = self._prolong(step, share)
                if self.best.stale and share < _FINISH:
                    # The rate is too high to get any better: go on from the best state with a low one.
                    self._return_to_best()
                    pace.skip(share, _FINISH)
                    share = checked = _FINISH
                elif self.best.stale:
                    self.history.ending = "held-out rows were no longer modelled better"
                    pace.skip(share, 1.0)
                    share = 1.0
                if settings.checkpoint and (share >= 1.0 or time.perf_counter() - self.saved >= settings.save_every):
                    self._save(settings.checkpoint, step)
                    self.saved = time.perf_counter()
            elif step % 10 == 0:
                self._report(share)
        if not self.best.weights:
            raise ModelError(
                "Training broke down: the loss stopped being a number before any good state was reached.",
                "Use a smaller learning_rate.",
            )
        self.best.restore(self.modules)
        self.history.steps = step
        return self.history

    def _step(self, share: float) -> bool:
        """One turn of every player; False if a loss or gradient was not a number, which is then not applied."""
        import torch

        for player, losses, optimizer, average in zip(
            self.objective.players, self.losses, self.optimizers, self.averages, strict=True
        ):
            player.modules.train()
            optimizer.zero_grad(set_to_none=True)
            if self.settings.private and player.sees_real_rows:
                self._private_gradients(player, self.settings.private, share)
            else:
                losses(self._next_rows(player), self.noise).mean().backward()
            norm = torch.nn.utils.clip_grad_norm_(player.modules.parameters(), self.settings.clip)
            if not math.isfinite(float(norm)):
                return False
            for group in optimizer.param_groups:
                group["lr"] = _rate(player, self.settings) * self.pace.rate(share)
            optimizer.step()
            average.update()
        return True

    def _private_gradients(self, player: Player, private: NoisySteps, share: float) -> None:
        """Noisy gradients of a sample of the rows, and beside them those of losses that no real record enters."""
        from synthdata.privacy.per_record import clipped_sums

        noise = self.noise
        if not isinstance(player, PrivatePlayer):
            raise PrivacyError(f"{type(player).__name__} has no loss of single records to be trained by privately.")
        private.gradients(
            player.modules, lambda rows: player.private_losses(rows, noise, share), len(self.learning), self.device
        )
        if isinstance(player, HasOwnLosses):
            # Clipped like those of real records: else the two would not balance where both are alike.
            count = round(private.plan.batch)
            sums, norms = clipped_sums(player.modules, lambda: player.own_losses(count, noise), private.plan.clip)
            for weight, total in sums.items():
                slope = total / max(len(norms), 1)
                weight.grad = slope if weight.grad is None else weight.grad + slope

    def _next_rows(self, player: Player) -> torch.Tensor:
        """The next batch (b,) of a shuffle that is drawn anew whenever it has been gone through.

        In private training whoever asks here sees no rows, and all that counts is how many they are: as planned.
        """
        if self.settings.private:
            return self.learning.new_zeros(max(round(self.settings.private.plan.batch), 1))
        share = player.batch_share if isinstance(player, TakesPart) else 1.0
        size = min(max(round(share * self.settings.batch_size), 1), len(self.learning))
        if len(self.waiting) < size:
            self._shuffle()
        rows, self.waiting = self.waiting[:size], self.waiting[size:]
        return rows

    def _shuffle(self) -> None:
        import torch

        self.before_shuffle = self.batches.get_state()
        shuffle = torch.randperm(len(self.learning), generator=self.batches, device=self.device)
        self.waiting = self.learning[shuffle]

    def _return_to_best(self) -> None:
        self.best.restore(self.modules)
        self.best.since = 0
        for average in self.averages:
            average.restart()

    def _goes_on_longer(self) -> bool:
        """Whether training, half done, gets as many steps again, which it does once."""
        settings = self.settings
        return settings.longer and self.pace.steps == settings.steps and self.history.still_learning

    def _prolong(self, step: int, share: float) -> float:
        """Take twice the steps; the share of training that has now been done."""
        self.pace.steps *= 2
        now = self.pace.at(step)
        self.history.shares = [now / share * earlier for earlier in self.history.shares]
        self.progress.step(now, LONGER)
        return now

    def _check(self, share: float) -> None:
        """Judge the averaged weights by held-out rows."""
        import torch

        if self.settings.private:
            self._check_privately(share)
            return
        start = time.perf_counter()
        for average in self.averages:
            average.swap()
        for module in self.modules:
            module.eval()
        with torch.no_grad():
            judged = figure = self.objective.quality(self.held_out)
            if self.settings.lean:
                judged += self.settings.lean * max(figure - self.objective.quality(self.seen), 0.0)
        if math.isfinite(judged):
            self.best.offer(judged, self.modules)
        for average in self.averages:
            average.swap()
        self.history.check_seconds += time.perf_counter() - start
        self.history.shares.append(share)
        self.history.figures.append(figure)
        self.history.judged.append(judged)
        self.history.parts.append(list(getattr(self.objective, "parts", ())))
        self._report(share, **{self.objective.quality_name: figure})

    def _check_privately(self, share: float) -> None:
        """Keep the averaged weights at the end, whatever they are worth: to judge them would be a look at rows."""
        if share >= 1.0:
            for average in self.averages:
                average.swap()
            if all(bool(p.isfinite().all()) for module in self.modules for p in module.state_dict().values()):
                self.best.offer(0.0, self.modules)
        self._report(share)

    def _report(self, share: float, **figures: float) -> None:
        self.progress.step(share, "Training", **figures)

    def _save(self, folder: Path, step: int) -> None:
        tensors: Weights = {"batches": self.before_shuffle, "noise": self.noise.get_state()}
        for i, (module, average, optimizer) in enumerate(
            zip(self.modules, self.averages, self.optimizers, strict=True)
        ):
            parts = {"live": module.state_dict(), "average": average.weights}
            parts["best"] = self.best.weights[i] if self.best.weights else {}
            for k, moments in optimizer.state_dict()["state"].items():
                parts[f"optimizer{k}"] = moments
            tensors |= {f"{i}/{part}/{key}": value for part, held in parts.items() for key, value in held.items()}
        settings = {
            "step": step,
            "steps": self.pace.steps,
            "skipped": self.pace.skipped,
            "waiting": len(self.waiting),
            "best": self.best.figure,
            "since": self.best.since,
            "averaged": self.averages[0].step,
            "shares": self.history.shares,
            "figures": self.history.figures,
            "judged": self.history.judged,
            "parts": self.history.parts,
        }
        save_checkpoint(folder, tensors, settings)

    def _resume(self, folder: Path) -> int:
        """Take up the state in a checkpoint; how many steps it had done."""
        tensors, settings = load_checkpoint(folder)

        def part(start: str) -> Weights:
            return {name[len(start) :]: value for name, value in tensors.items() if name.startswith(start)}

        try:
            self.batches.set_state(tensors["batches"])
            self._shuffle()
            self.waiting = self.waiting[len(self.waiting) - settings["waiting"] :]
            self.noise.set_state(tensors["noise"])
            for i, (module, average, optimizer) in enumerate(
                zip(self.modules, self.averages, self.optimizers, strict=True)
            ):
                module.load_state_dict(part(f"{i}/live/"))
                average.weights = {name: value.to(self.device) for name, value in part(f"{i}/average/").items()}
                average.step = settings["averaged"]
                self.best.weights.append(part(f"{i}/best/"))
                state = optimizer.state_dict()
                count = sum(len(group["params"]) for group in state["param_groups"])
                state["state"] = {k: part(f"{i}/optimizer{k}/") for k in range(count) if part(f"{i}/optimizer{k}/")}
                optimizer.load_state_dict(state)
            self.best.figure, self.best.since = settings["best"], settings["since"]
            self.pace.steps, self.pace.skipped = settings["steps"], settings["skipped"]
            self.history.shares, self.history.figures = settings["shares"], settings["figures"]
            self.history.parts, self.history.judged = settings["parts"], settings["judged"]
        except (KeyError, RuntimeError):
            raise ModelError(
                f"The checkpoint {folder} is of another model or table.", "Delete it, or name another folder."
            ) from None
        return int(settings["step"])


def _rate(player: Player, settings: TrainingSettings) -> float:
    own = player.relative_rate if isinstance(player, HasOwnRates) else 1.0
    return own * settings.learning_rate


def _held_out(rows: int, settings: TrainingSettings) -> int:
    """How many of the rows are held out: what more would say of training is worth less than learning from them."""
    usual = int(rows * settings.validation)
    return min(usual, max(usual // 2, settings.enough_validation), settings.max_validation)


def _optimizer(player: Player, settings: TrainingSettings) -> torch.optim.Optimizer:
    """AdamW that shrinks weight matrices only: biases and embeddings of rare cells are left alone."""
    import torch

    plain = ("bias", "embedding")
    named = list(player.modules.named_parameters())
    decay = player.weight_decay if isinstance(player, HasOwnRates) else settings.weight_decay
    groups = [
        {
            "params": [p for name, p in named if name.rsplit(".", 1)[-1] not in plain],
            "weight_decay": decay,
        },
        {"params": [p for name, p in named if name.rsplit(".", 1)[-1] in plain], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=_rate(player, settings), betas=settings.betas, fused=True)
