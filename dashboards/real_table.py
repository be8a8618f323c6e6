"""The real table that a run was made from, opened again for what is measured or bought afterwards."""

from __future__ import annotations

from pathlib import Path

from dashboards import uploads
from dashboards.access import Person
from synthdata.connectors import mask
from synthdata.errors import SynthdataError
from synthdata.runs.store import RunInfo


def source_of(root: Path, run: RunInfo, person: Person) -> str:
    """The source of a run, as it can be opened again from the folder of runs.

    A path is looked for below the folder of runs, where uploads lie, and below the one that the dashboard was started
    in, where a terminal would have read it.

    Raises:
        SynthdataError: it needs a password, is not there any more, or is not one that this person may read.
    """
    source = str(run.record.get("source") or "")
    if "://" not in source and ":" not in source:
        places = [place / source for place in (root, Path.cwd()) if source]
        place = next((place.resolve() for place in places if place.exists()), None)
        if place is None:
            raise SynthdataError(
                "The run's real table is not where it was.",
                f"An uploaded file is kept for {uploads.DAYS} days. Start a new run with the table.",
            )
        if (root / uploads.FOLDER).resolve() in place.parents:
            return str(place)
        known = person.may_read(source) or person.may_read(str(place))
        if not known or (person.known and ".." in source):
            raise _refused()
        return str(place)
    if mask(source) != source or "***" in source:
        raise SynthdataError("The run's source has a password, which is not kept.", "Take `synthdata` in a terminal.")
    if not person.may_read(source) or (person.known and ".." in source):
        raise _refused()
    return source


def _refused() -> SynthdataError:
    return SynthdataError("You may not name this run's source.", "The owner of this dashboard lists those you may.")
