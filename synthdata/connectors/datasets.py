"""Tables that come with scikit-learn (``sklearn:iris``) and public ones from OpenML (``openml:adult``)."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

from synthdata.connectors.base import Loaded, scheme_of, short_name
from synthdata.errors import MissingExtraError, SourceError, did_you_mean
from synthdata.progress import Progress

if TYPE_CHECKING:
    import pandas as pd

BUNDLED = ("breast_cancer", "diabetes", "digits", "iris", "wine")
_OPENML_SECONDS = 15


def read(source: str, *, table: str | None, query: str | None, progress: Progress) -> Loaded:
    """A bundled or public table by its name.

    Raises:
        SourceError: no such table, or openml.org cannot be reached.
    """
    if table is not None or query is not None:
        raise SourceError(f"{source} is one table and takes neither a table nor a query.", "Leave it out.")
    name = source.partition(":")[2].strip("/")
    return _openml(name) if scheme_of(source) == "openml" else _bundled(name)


def _bundled(name: str) -> Loaded:
    try:
        from sklearn import datasets
    except ImportError:
        raise MissingExtraError("scikit-learn", "all") from None
    if name not in BUNDLED:
        raise SourceError(f"scikit-learn ships no table {name!r}.", did_you_mean(name, BUNDLED))
    bunch = getattr(datasets, f"load_{name}")(as_frame=True)
    return Loaded(_named(bunch.frame.copy(), bunch), f"sklearn:{name}", name, ("bundled with scikit-learn",))


def _named(frame: pd.DataFrame, bunch: Any) -> pd.DataFrame:
    """The frame with its target as category names, where the table has them."""
    import pandas as pd

    names = getattr(bunch, "target_names", None)
    if names is not None and len(names) > 1 and frame["target"].dtype.kind in "iu":
        labels = [str(name) for name in names]
        frame["target"] = pd.Categorical([labels[code] for code in frame["target"]], categories=labels)
    return frame


def _openml(name: str) -> Loaded:
    """``openml:adult``, ``openml:adult@2`` (a version) or ``openml:1590`` (an OpenML number); cached nowhere."""
    match = re.fullmatch(r"([\w.-]+)(?:@(\d+))?", name)
    if match is None:
        raise SourceError(f"{name!r} names no OpenML table.", "Write openml:adult, openml:adult@2 or openml:1590.")
    _reach_openml()
    from sklearn.datasets import fetch_openml

    wanted: dict[str, Any] = {"name": match[1], "version": int(match[2]) if match[2] else "active"}
    if match[1].isdigit():
        wanted = {"data_id": int(match[1])}
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            bunch = fetch_openml(**wanted, as_frame=True, parser="auto", cache=False, n_retries=1, delay=0.0)
    except Exception as error:  # noqa: BLE001 - scikit-learn passes on whatever went wrong below it
        problem = f"openml:{name} cannot be fetched ({type(error).__name__})."
        raise SourceError(problem, "Check its name and version on openml.org.") from None
    details = bunch.details
    notes = [f"OpenML number {details.get('id')}, version {details.get('version')}"]
    notes += ["several versions are active: name one, as in openml:adult@2"] * any(
        "ultiple active versions" in str(warning.message) for warning in caught
    )
    if details.get("licence"):
        notes.append(f"licence: {details['licence']}")
    frame = bunch.frame.reset_index(drop=True)
    return Loaded(frame, f"openml:{name}", short_name(match[1]), tuple(notes))


def _reach_openml() -> None:
    """Ask quickly whether OpenML answers, as fetching itself would wait without end."""
    import urllib.error
    import urllib.request

    try:
        address = "https://api.openml.org/api/v1/json/evaluationmeasure/list"
        urllib.request.urlopen(address, timeout=_OPENML_SECONDS).close()
    except urllib.error.HTTPError:
        return  # it answers
    except (OSError, ValueError):
        pass
    else:
        return
    raise SourceError("openml.org cannot be reached.", "Check the network, or give a file of the table instead.")
