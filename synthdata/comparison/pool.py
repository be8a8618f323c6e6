"""Trials side by side, each in a process of its own, as far as cores and memory allow."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from synthdata.comparison.plan import Trial
from synthdata.progress import Event, Progress

#: how far a trial is when a stage begins, and how much of it the stage is
STAGES = {
    "read": (0.0, 0.03), "infer": (0.03, 0.02), "check": (0.05, 0.05), "fit": (0.1, 0.5), "sample": (0.6, 0.05),
    "validate": (0.65, 0.33), "report": (0.98, 0.02),
}  # fmt: skip
#: a fit that has taken so many times its budget, and so many seconds more, is stopped
OVERTIME, GRACE = 1.5, 10.0
#: how long a process may take to end when asked to, in seconds
FAREWELL = 5.0


@dataclass(frozen=True)
class Order:
    """What a process is handed: the line that says what to do, and the table where it is not read from a source."""

    line: bytes
    table: bytes | None = None


@dataclass(frozen=True)
class Outcome:
    """How a trial ended; ``reason`` is empty if it was done."""

    trial: Trial
    reason: str


class Worker:
    """One trial at work."""

    def __init__(self, trial: Trial, order: Order, threads: int) -> None:
        self.trial = trial
        self.started = time.monotonic()
        self.stage, self.fraction = "read", 0.0
        self.fit_since: float | None = None
        self.reason: str | None = None
        self._rest = b""
        limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
        # A session of its own, so that Ctrl-C reaches only us, who then end it in order.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "synthdata.comparison.trial"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if os.environ.get("SYNTHDATA_DEBUG") else subprocess.DEVNULL,
            env={**limits, **os.environ, "PYTHONPATH": _path()},
            start_new_session=True,
        )
        threading.Thread(target=self._hand_over, args=(order,), daemon=True).start()

    def _hand_over(self, order: Order) -> None:
        pipe = self.process.stdin
        if pipe is None:
            return
        # A process that ends early says so itself.
        with suppress(BrokenPipeError):
            pipe.write(order.line + b"\n")
            if order.table is not None:
                pipe.write(order.table)
            pipe.flush()

    def listen(self) -> bool:
        """Take in what the process has said; False when it has no more to say."""
        if self.process.stdout is None:
            return False
        data = os.read(self.process.stdout.fileno(), 65_536)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            said = json.loads(line)
            if "ended" in said:
                self.reason = said.get("reason", "" if said["ended"] == "done" else "Stopped.")
            else:
                self.stage, self.fraction = said["stage"], said["fraction"] or 0.0
                if self.stage == "fit" and self.fit_since is None:
                    self.fit_since = time.monotonic()
        return bool(data)

    @property
    def progress(self) -> float:
        """How much of the trial is done."""
        start, width = STAGES.get(self.stage, (0.0, 0.0))
        return start + width * self.fraction

    def overdue(self, time_budget: float | None) -> bool:
        """Whether fitting takes far longer than it was given."""
        if time_budget is None or self.fit_since is None or self.stage != "fit":
            return False
        return time.monotonic() - self.fit_since > OVERTIME * time_budget + GRACE

    def outcome(self) -> Outcome:
        """How it ended, once it has."""
        code = self.process.wait()
        if self.reason is not None:
            return Outcome(self.trial, self.reason)
        if code == -signal.SIGKILL:
            return Outcome(self.trial, "The process was killed; most likely memory ran out.")
        return Outcome(self.trial, f"The process ended with code {code} and said nothing.")

    def stop(self, reason: str = "Stopped.") -> None:
        """End the process, politely first."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(FAREWELL)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.reason = reason
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


def side_by_side(
    trials: Sequence[Trial],
    order_for: Callable[[Trial], Order],
    *,
    jobs: int,
    threads: int,
    memory: Callable[[], int],
    time_budget: float | None,
    progress: Progress,
) -> Iterator[Outcome]:
    """Work off the trials, at most ``jobs`` at a time, and yield how each ended, as soon as it has.

    ``memory`` says how many bytes one more process is expected to need; it waits until they are free, unless nothing
    else runs.
    """
    waiting, running = deque(trials), list[Worker]()
    pace = Pace(len(trials), jobs)
    with selectors.DefaultSelector() as selector:
        try:
            while waiting or running:
                while waiting and len(running) < jobs and (not running or enough_memory(memory())):
                    trial = waiting.popleft()
                    worker = Worker(trial, order_for(trial), threads)
                    running.append(worker)
                    selector.register(worker.process.stdout, selectors.EVENT_READ, worker)  # type: ignore[arg-type]
                for key, _ in selector.select(timeout=0.5):
                    worker = key.data
                    if not worker.listen():
                        selector.unregister(key.fileobj)
                        running.remove(worker)
                        outcome = worker.outcome()
                        worker.stop(outcome.reason)
                        pace.ended(worker)
                        yield outcome
                for worker in [each for each in running if each.overdue(time_budget)]:
                    selector.unregister(worker.process.stdout)  # type: ignore[arg-type]
                    running.remove(worker)
                    worker.stop()
                    pace.ended(worker)
                    yield Outcome(worker.trial, f"Fitting took longer than the time budget of {time_budget:g} s.")
                progress.emit(pace.event(running, waiting))
        finally:
            for worker in running:
                worker.stop()


class Pace:
    """How much is done and how long the rest will take, from how long each model has taken so far."""

    def __init__(self, total: int, jobs: int) -> None:
        self.total, self.jobs = total, jobs
        self.spent: dict[str, list[float]] = {}

    def ended(self, worker: Worker) -> None:
        """Note how long a trial has taken."""
        self.spent.setdefault(worker.trial.model, []).append(time.monotonic() - worker.started)

    def expected(self, model: str) -> float | None:
        """The seconds that a trial of a model is expected to take; None before any trial has ended."""
        known = self.spent.get(model) or [spent for every in self.spent.values() for spent in every]
        return sum(known) / len(known) if known else None

    def event(self, running: Sequence[Worker], waiting: Sequence[Trial] | deque[Trial]) -> Event:
        """How far everything is."""
        ended = sum(map(len, self.spent.values()))
        left: float | None = 0.0
        for worker in running:
            known, passed = self.expected(worker.trial.model), time.monotonic() - worker.started
            if worker.trial.model not in self.spent and worker.progress > STAGES["validate"][0]:
                known = passed / worker.progress
            left = None if left is None or known is None else left + max(known - passed, 1.0)
        for trial in waiting:
            known = self.expected(trial.model)
            left = None if left is None or known is None else left + known
        now = ", ".join(f"{worker.trial.model} seed {worker.trial.seed}: {worker.stage}" for worker in running)
        return Event(
            "compare",
            f"{ended} of {self.total} done" + (f"; {now}" if now else ""),
            (ended + sum(worker.progress for worker in running)) / self.total,
            None if left is None else left / max(1, min(self.jobs, len(running) + len(waiting))),
        )


def enough_memory(needed: int) -> bool:
    """Whether so many bytes are free; on machines that do not say, it is taken to be so."""
    free = free_memory()
    return free is None or free > needed


def free_memory() -> int | None:
    """The bytes of memory that a new process could have, or None where that cannot be known."""
    found = []
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                found.append(int(line.split()[1]) * 1024)
        # In a container the group's limit counts, not the machine's memory.
        group = Path("/sys/fs/cgroup")
        limit = (group / "memory.max").read_text(encoding="ascii").strip()
        if limit.isdigit():
            found.append(int(limit) - int((group / "memory.current").read_text(encoding="ascii")))
    except (OSError, ValueError):
        pass
    return min(found) if found else None


def _path() -> str:
    """Where the other process finds this package and what its caller has found."""
    home = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join([home, *filter(None, [os.environ.get("PYTHONPATH")])])
