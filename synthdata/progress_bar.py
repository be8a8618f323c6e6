"""The progress stream as a bar in the terminal: stage, how far, and time left."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from synthdata.progress import Event


class ProgressBar:
    """An observer that draws one line per stage; in a pipe it prints nothing.

    Use it as a context manager, so that the terminal is put right again whatever happens.
    """

    def __init__(self, console: Console) -> None:
        self.bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.fields[left]}", style="dim"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self.tasks: dict[str, TaskID] = {}
        self.titles: dict[str, str] = {}

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def __call__(self, event: Event) -> None:
        """Move the bar of the event's stage."""
        if event.stage not in self.tasks:
            self.titles[event.stage] = event.message or event.stage
            self.tasks[event.stage] = self.bar.add_task(self.titles[event.stage], total=1.0, left="")
        left = f"{event.seconds_left:.0f} s left" if event.seconds_left and event.seconds_left >= 1 else ""
        title = self.titles[event.stage]
        if event.message and event.message != title and event.fraction != 1.0:
            title = f"{title}: {event.message}"
        self.bar.update(self.tasks[event.stage], completed=event.fraction or 0.0, left=left, description=title)
