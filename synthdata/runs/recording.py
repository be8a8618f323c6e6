"""What a run's folder is told while the run works: its events, and at the end how it went."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from synthdata.errors import Cancelled, SynthdataError
from synthdata.progress import EventLog, Progress
from synthdata.runs.store import RunFolder


@contextmanager
def recorded(folder: RunFolder, progress: Progress) -> Iterator[None]:
    """Log events into the run folder while the block works, and close ``run.json`` with how it ended."""
    log = EventLog(folder.file("events.jsonl"))
    progress.observers.append(log)
    try:
        yield
    except (Cancelled, KeyboardInterrupt):
        folder.finish("cancelled", "Stopped by the user.")
        raise
    except SynthdataError as error:
        folder.finish("failed", str(error))
        raise
    except BaseException as error:
        # The text of an unforeseen error may quote a cell, so only its type is kept.
        folder.finish("failed", f"Unexpected {type(error).__name__}.")
        raise
    else:
        folder.finish("done")
    finally:
        progress.observers.remove(log)
