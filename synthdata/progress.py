"""Events about work under way go to observers; a wish to cancel comes back the same way."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from synthdata.errors import Cancelled

#: what is said when a stage turns out to be longer than was planned, with the fraction of the new plan that is done
LONGER = "Training for longer"


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    ``stage`` is the pipeline's stage (``read``, ``infer``, ``check``, ``fit``, ``sample``, ``validate``, ``report``),
    ``fraction`` how much of it is done (0 to 1, None where unknown), ``seconds_left`` an estimate for the stage,
    ``figures`` any numbers worth drawing (a held-out quality, never a value of a row).
    """

    stage: str
    message: str = ""
    fraction: float | None = None
    seconds_left: float | None = None
    figures: dict[str, float] = field(default_factory=dict)
    time: float = field(default_factory=time.time)


Observer = Callable[[Event], None]


class Progress:
    """Passes events to observers and says when somebody has asked to stop.

    >>> seen = []
    >>> progress = Progress([lambda event: seen.append(event.stage)])
    >>> with progress.stage("fit") as step:
    ...     step(0.5)
    >>> seen
    ['fit', 'fit', 'fit']
    """

    def __init__(self, observers: list[Observer] | None = None) -> None:
        self.observers: list[Observer] = list(observers or [])
        self.durations: dict[str, float] = {}
        self._cancelled = False
        self._stage = ""
        self._started = time.perf_counter()

    def cancel(self) -> None:
        """Ask the work to stop at its next step."""
        self._cancelled = True

    def emit(self, event: Event) -> None:
        """Hand one event to every observer.

        Raises:
            Cancelled: somebody asked to stop.
        """
        for observer in self.observers:
            observer(event)
        if self._cancelled:
            raise Cancelled()

    @contextmanager
    def stage(self, name: str, message: str = "") -> Iterator[Callable[..., None]]:
        """Announce a stage; inside it, call the yielded function with the fraction done."""
        before = (self._stage, self._started)
        self._stage, self._started = name, time.perf_counter()
        self.emit(Event(name, message, 0.0))
        yield self.step
        self.durations[name] = self.durations.get(name, 0.0) + time.perf_counter() - self._started
        self.emit(Event(name, message, 1.0, 0.0))
        self._stage, self._started = before

    def step(self, fraction: float, message: str = "", **figures: float) -> None:
        """Report that ``fraction`` of the current stage is done."""
        spent = time.perf_counter() - self._started
        left = spent * (1 - fraction) / fraction if fraction > 0.01 else None
        self.emit(Event(self._stage, message, min(max(fraction, 0.0), 1.0), left, figures))


class EventLog:
    """An observer that appends each event as a line of JSON."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, event: Event) -> None:
        """Append one event."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(event)) + "\n")


def silent() -> Progress:
    """A progress that nobody watches: the default of every function that takes one."""
    return Progress()
