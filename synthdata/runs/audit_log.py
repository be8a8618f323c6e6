"""Who released or refused a run, and why: a log that only grows, each line sealed by the hash of the one before.

    runs/<name>/review.jsonl   one JSON object a line: number, time, action, name, reason, files, before, hash

``files`` are the SHA-256 of the files that a release hands out, as they were at that moment; ``hash`` is the SHA-256 of
the rest of the line. So a line that was changed, taken out or put in between is found, and so is a file that was
changed after its release. A log whose last lines were cut off, or that was written anew as a whole, still looks sound
by itself: compare the hash of its last line with one that was noted elsewhere, such as in a bundle handed out.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from synthdata.errors import SynthdataError
from synthdata.runs.store import now

LOG = "review.jsonl"
START = "0" * 64
#: the edition of the report for sharing, where one was made beside the internal one
SHARE = "share.json"
#: what a release vouches for, as far as the run has it
RELEASED = ("synthetic.parquet", "schema.json", "ledger.json", "report.json", SHARE)

Action = Literal["approve", "reject", "comment"]
State = Literal["none", "released", "rejected", "broken"]
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Entry:
    """One line: ``number`` from 1, ``time`` ISO 8601 in UTC, ``before`` the hash of the line before."""

    number: int
    time: str
    action: Action
    name: str
    reason: str
    files: Mapping[str, str]
    before: str
    hash: str = ""

    def digest(self) -> str:
        """What ``hash`` must be."""
        told = {key: value for key, value in asdict(self).items() if key != "hash"}
        text = json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Review:
    """What a run's log says: ``broken`` where it, or a file it vouches for, is not what it was; then ``problems``."""

    state: State
    entries: tuple[Entry, ...] = ()
    problems: tuple[str, ...] = field(default=())

    @property
    def seal(self) -> str:
        """The hash of the last line, which vouches for all before it; empty where there is none."""
        return self.entries[-1].hash if self.entries else ""

    @property
    def decision(self) -> Entry | None:
        """The last line that approves or rejects."""
        return next((entry for entry in reversed(self.entries) if entry.action != "comment"), None)


def record(folder: Path, action: Action, *, name: str, reason: str) -> Entry:
    """Append a line to a run's log; the run's files are hashed as they are now.

    Raises:
        SynthdataError: no name or reason, nothing to release, or a log that has been tampered with.
    """
    name, reason = name.strip(), reason.strip()
    if action not in get_args(Action):
        raise SynthdataError(f"There is no review action {action!r}.", f"Known: {', '.join(get_args(Action))}.")
    for what, text in (("name", name), ("reason", reason)):
        if not text:
            raise SynthdataError(f"A review needs a {what}.", "It is kept in the log beside the decision.")
    files = fingerprints(folder)
    if action == "approve" and not {"synthetic.parquet", "report.json"} <= files.keys():
        raise SynthdataError(f"{folder.name} has no synthetic table with a report.", "Only a finished run is released.")
    with _locked(folder / LOG) as file:
        entries, problems = _read(file.read())
        if problems:
            raise SynthdataError(f"The review log of {folder.name} has been tampered with. {problems[0]}")
        before = entries[-1].hash if entries else START
        entry = Entry(len(entries) + 1, now(), action, name, reason, files, before)
        entry = Entry(**{**asdict(entry), "hash": entry.digest()})
        file.write((json.dumps(asdict(entry), ensure_ascii=False) + "\n").encode())
        file.flush()
        os.fsync(file.fileno())
    return entry


def verify(folder: Path, *, files: Callable[[], Mapping[str, str]] | None = None) -> Review:
    """Read a run's log and hold it against itself and, where it releases the run, against the released files.

    ``files`` gives the hashes of the files as they are now, for a caller who keeps them; it is asked only where the log
    releases them. Nothing is raised: a log that is broken says so in its ``problems``.
    """
    try:
        content = (folder / LOG).read_bytes()
    except FileNotFoundError:
        return Review("none")
    except OSError as error:
        return Review("broken", (), (f"{LOG} cannot be read: {error.strerror}.",))
    entries, problems = _read(content)
    if not problems and not entries:
        problems = [f"{LOG} is empty, though a log never loses a line."]
    decision = next((entry for entry in reversed(entries) if entry.action != "comment"), None)
    if decision is not None and decision.action == "approve" and not problems:
        found = fingerprints(folder) if files is None else files()
        for name in sorted(set(decision.files) | set(found)):
            if decision.files.get(name) != found.get(name):
                what = "is gone" if name not in found else "was added" if name not in decision.files else "was changed"
                problems.append(f"{name} {what} after the release.")
    if problems:
        return Review("broken", tuple(entries), tuple(problems))
    states: dict[str, State] = {"approve": "released", "reject": "rejected"}
    return Review("none" if decision is None else states[decision.action], tuple(entries))


def fingerprints(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file that a release hands out, by name; those the run does not have are left out."""
    found = {}
    for name in RELEASED:
        digest = hashlib.sha256()
        try:
            with (folder / name).open("rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise SynthdataError(f"{folder.name}/{name} cannot be read: {error.strerror}.") from None
        found[name] = digest.hexdigest()
    return found


def _read(content: bytes) -> tuple[list[Entry], list[str]]:
    """The lines that hold, and what is wrong with the first that does not."""
    entries: list[Entry] = []
    before = START
    lines = content.split(b"\n")
    if lines.pop():
        return [], [f"The last line of {LOG} is not whole."]
    for number, line in enumerate(lines, 1):
        entry = _entry(line)
        if entry is None or entry.number != number or entry.before != before:
            return entries, [f"Line {number} of {LOG} is not the one that was written, or one before it is missing."]
        entries.append(entry)
        before = entry.hash
    return entries, []


def _entry(line: bytes) -> Entry | None:
    """One line, if it is one and its hash is right."""
    try:
        entry = Entry(**json.loads(line))
        sound = entry.hash == entry.digest() and entry.action in get_args(Action) and isinstance(entry.files, dict)
    except (ValueError, TypeError, AttributeError):
        return None
    return entry if sound else None


@contextmanager
def _locked(path: Path) -> Iterator[Any]:
    """The log, opened for reading and appending, by one writer at a time."""
    import fcntl

    try:
        with path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            yield file
    except OSError as error:
        raise SynthdataError(f"{path.parent.name}/{path.name} cannot be written: {error.strerror}.") from None
