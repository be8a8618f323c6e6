"""Synthetic tabular data with its fidelity, usefulness and privacy measured.

>>> import synthdata
>>> "Table" in dir(synthdata)
True
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Each public name and where it lives; loaded when first asked for, so that importing the package costs nothing.
_PUBLIC = {
    "Schema": "synthdata.table.schema",
    "Column": "synthdata.table.schema",
    "Table": "synthdata.table.table",
    "infer": "synthdata.table.infer",
    "read": "synthdata.connectors",
    "write": "synthdata.connectors",
    "Synthesizer": "synthdata.models.base",
    "make_model": "synthdata.models.registry",
    "model_names": "synthdata.models.registry",
    "load": "synthdata.models.registry",
    "run": "synthdata.pipeline",
    "evaluate": "synthdata.pipeline",
    "compare": "synthdata.comparison",
    "augment": "synthdata.augmentation",
    "register_rule": "synthdata.table.rule_kinds",
    "SynthdataError": "synthdata.errors",
}

__all__ = ["__version__", *_PUBLIC]

if TYPE_CHECKING:
    # "as" says to type checkers that these are meant for others.
    from synthdata.augmentation import augment as augment
    from synthdata.comparison.compare import compare as compare
    from synthdata.connectors import read as read
    from synthdata.connectors import write as write
    from synthdata.errors import SynthdataError as SynthdataError
    from synthdata.models.base import Synthesizer as Synthesizer
    from synthdata.models.registry import load as load
    from synthdata.models.registry import make_model as make_model
    from synthdata.models.registry import model_names as model_names
    from synthdata.pipeline import evaluate as evaluate
    from synthdata.pipeline import run as run
    from synthdata.table.infer import infer as infer
    from synthdata.table.rule_kinds import register_rule as register_rule
    from synthdata.table.schema import Column as Column
    from synthdata.table.schema import Schema as Schema
    from synthdata.table.table import Table as Table


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'synthdata' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
