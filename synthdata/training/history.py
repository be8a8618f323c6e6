"""What training did: how held-out rows were modelled on the way, how long it took, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

#: halfway training goes on longer if the last check gained at least this share of all that was gained since the first
_STILL_LEARNING = 0.025


@dataclass
class History:
    """What training did: the held-out figure at each check by share of the way, and how it ended.

    ``judged`` is each figure with what the lean adds to it, by which the best state is chosen. ``parts`` are what
    figures are made of, where the objective says so (`Objective`); ``held_out`` counts the rows
    that the figures are of.
    """

    shares: list[float] = field(default_factory=list)
    figures: list[float] = field(default_factory=list)
    judged: list[float] = field(default_factory=list)
    parts: list[list[float]] = field(default_factory=list)
    steps: int = 0
    ending: str = "all steps done"
    held_out: int = 0
    #: seconds that all steps, and all checks, took on this machine
    step_seconds: float = field(default=0.0, compare=False)
    check_seconds: float = field(default=0.0, compare=False)

    @property
    def still_learning(self) -> bool:
        """Whether every check was judged better than the one before, and the last one by much.

        >>> History(judged=[9.0, 8.0, 7.5]).still_learning, History(judged=[9.0, 7.0, 6.99]).still_learning
        (True, False)
        """
        gains = -np.diff(self.judged)
        return len(gains) > 1 and bool(gains.min() > 0 and gains[-1] >= _STILL_LEARNING * gains.sum())

    def expected(self, steps: int, checks: int) -> float:
        """How many seconds so many steps and checks would take, by those made."""
        a_step = self.step_seconds / max(self.steps, 1)
        return steps * a_step + checks * self.check_seconds / max(len(self.figures), 1)

    @property
    def best(self) -> int:
        """The number of the check that was judged best, whose weights were kept."""
        return int(np.nanargmin(self.judged or self.figures))
