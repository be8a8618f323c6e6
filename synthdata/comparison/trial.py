"""One trial in a process of its own: it reads an order, runs the pipeline, and tells on a pipe how far it is.

    python -m synthdata.comparison.trial

The order is a line of JSON on standard input, followed by a table as an Arrow stream where the source is a frame in
memory. Standard output carries a line of JSON per event. When standard input closes, whoever gave the order is gone,
and the trial stops.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from synthdata.errors import Cancelled, SynthdataError
from synthdata.progress import Event, Progress

#: how often at most the trial says how far it is, in seconds
PACE = 0.2


class Teller:
    """An observer that tells of events on a pipe, and notes how much memory was used until the rows were drawn."""

    def __init__(self, pipe: BinaryIO) -> None:
        self.pipe = pipe
        self.memory = 0
        self.last = ("", 0.0)

    def __call__(self, event: Event) -> None:
        """Tell of an event, if there was none of its stage just before."""
        now = time.monotonic()
        if event.stage in ("fit", "sample"):
            self.memory = peak_memory()
        if event.stage != self.last[0] or now - self.last[1] > PACE:
            self.last = (event.stage, now)
            self.say(stage=event.stage, fraction=event.fraction)

    def say(self, **facts: Any) -> None:
        """Write one line."""
        self.pipe.write(json.dumps(facts).encode() + b"\n")
        self.pipe.flush()


def main() -> None:
    """Take the order, do it, say how it ended."""
    # What libraries print must not get between the lines of the pipe.
    teller = Teller(os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)
    signal.signal(signal.SIGTERM, _interrupt)
    with os.fdopen(0, "rb", buffering=0, closefd=False) as given:
        order = json.loads(given.readline())
        table = _exactly(given, order["bytes"]) if order["bytes"] else None
    threading.Thread(target=_stop_when_alone, daemon=True).start()
    try:
        carry_out(order, table, teller)
    except (Cancelled, KeyboardInterrupt):
        teller.say(ended="cancelled")
    except SynthdataError as error:
        teller.say(ended="refused", reason=str(error))
    except MemoryError:
        teller.say(ended="failed", reason="There was not enough memory.")
    except Exception as error:  # noqa: BLE001 - whatever it is, the other trials go on
        # Its text may quote a cell, so only its type is told.
        teller.say(ended="failed", reason=f"Unexpected {type(error).__name__}.")
    else:
        teller.say(ended="done")


def carry_out(order: dict[str, Any], table: bytes | None, teller: Teller) -> None:
    """Run the pipeline as ordered, and leave the memory that it took in ``run.json``."""
    from synthdata.pipeline import run
    from synthdata.runs.store import RunFolder
    from synthdata.table.schema import parse_schema

    source = _frame(table) if table is not None else order["source"]
    schema = order["schema"] if order["budget"] else parse_schema(order["schema"])
    with reserved(order["budget"]) as budget:
        run(
            source,
            order["model"],
            schema=schema,
            progress=Progress([teller]),
            overwrite=True,
            resume=budget.get("privacy") is None,
            **budget,
            **order["options"],
        )
    RunFolder(Path(order["options"]["out"])).update(peak_memory=teller.memory, threads=order["threads"])


@contextmanager
def reserved(budget: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    """What `run` is told of a budget of privacy; what it reserved and the run never came to use is given back."""
    if budget is None:
        yield {}
        return
    from synthdata.privacy.ledger import Privacy
    from synthdata.runs.budget_store import BudgetStore

    try:
        yield {"privacy": Privacy(**budget["privacy"]), "reservation": budget["reservation"]}
    finally:
        BudgetStore().release(budget["reservation"])


def peak_memory() -> int:
    """The most memory that this process has held so far, in bytes."""
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    # Not of the machines with /proc: macOS counts in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _frame(table: bytes) -> Any:
    import pyarrow

    return pyarrow.ipc.open_stream(table).read_pandas()


def _exactly(stream: Any, size: int) -> bytes:
    parts, missing = [], size
    while missing:
        part = stream.read(min(missing, 1 << 20))
        if not part:
            raise SystemExit(1)
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt


def _stop_when_alone() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)
    os._exit(1)


if __name__ == "__main__":
    main()
