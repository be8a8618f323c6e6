"""Where tables come from and go to: files, databases, object stores, bundled tables, and third parties' own.

>>> from synthdata import connectors
>>> connectors.read("sklearn:iris").frame.shape
(150, 5)
"""

from __future__ import annotations

from synthdata.connectors.base import Connector, Loaded, known_sources, read, read_text, require_writable, write
from synthdata.connectors.masking import mask

__all__ = ["Connector", "Loaded", "known_sources", "mask", "read", "read_text", "require_writable", "write"]
