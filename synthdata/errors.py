"""Every error a user can meet, each with one clear message and no traceback.

    SynthdataError            something a person can mend; the command line exits with code 2
    ├── SourceError           a source cannot be read: missing file, broken row, server down
    ├── SchemaError           a schema is wrong, or contradicts the data
    ├── TableError            the table itself cannot be used: too few rows, duplicate names
    ├── ModelError            an unknown model, a wrong parameter, a model file that cannot be loaded
    ├── InfeasibleError       a condition or rule that no row can meet
    ├── PrivacyError          a privacy promise that cannot be kept
    ├── MissingExtraError     an optional dependency is not installed
    └── Cancelled             the user stopped the work; the command line exits with code 130

A message says what is wrong, where (file, column, row) and what to do next. It never holds a value
of a real table and never a password.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SynthdataError(Exception):
    """A problem that the user can mend; its text is the whole message.

    >>> str(SynthdataError("No such file: a.csv.", "Check the path."))
    'No such file: a.csv. Check the path.'
    """

    def __init__(self, problem: str, advice: str = "") -> None:
        super().__init__(f"{problem} {advice}".strip())


class SourceError(SynthdataError):
    """A source cannot be read."""


class SchemaError(SynthdataError):
    """A schema is wrong, or contradicts the data."""


class TableError(SynthdataError):
    """The table itself cannot be used."""


class ModelError(SynthdataError):
    """A model is unknown, wrongly configured, or its file cannot be loaded."""


class InfeasibleError(SynthdataError):
    """A condition or rule that no row can meet."""


class PrivacyError(SynthdataError):
    """A privacy promise that cannot be kept."""


class MissingExtraError(SynthdataError):
    """An optional dependency is not installed.

    >>> str(MissingExtraError("sqlalchemy", "sql"))
    "This needs the package 'sqlalchemy'. Install it with: pip install 'synthdata[sql]'."
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"This needs the package {package!r}.", f"Install it with: pip install 'synthdata[{extra}]'.")


class Cancelled(SynthdataError):
    """The user stopped the work; ``advice`` says how it can go on, where it can."""

    def __init__(self, problem: str = "Cancelled.", advice: str = "") -> None:
        super().__init__(problem, advice)
        self.advice = advice


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The advice for a mistyped name: the nearest known one, or the list of all.

    >>> did_you_mean("tres", ["gmm", "trees"])
    "Did you mean 'trees'?"
    >>> did_you_mean("zzz", ["gmm", "trees"])
    'Known: gmm, trees.'
    """
    names = sorted(map(str, known))
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(names)}."
