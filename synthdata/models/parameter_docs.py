"""What the parameters of a family are for, as its docstring says."""

from __future__ import annotations

import inspect
import re

#: the section of a docstring, and an entry of it: a name, a colon, and lines that are indented further
_SECTION = re.compile(r"^Args:\n((?: {4}.*\n?|\n)+)", re.MULTILINE)
_ENTRY = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)


def parameter_docs(cls: type) -> dict[str, str]:
    """What a class and those it builds on say of each parameter under ``Args:``; the class itself has the last word.

    >>> class Rescaled:
    ...     '''Numbers on another scale.
    ...
    ...     Args:
    ...         factor: what numbers are multiplied with;
    ...             ``1`` leaves them.
    ...     '''
    >>> parameter_docs(Rescaled)
    {'factor': 'what numbers are multiplied with; 1 leaves them.'}
    """
    docs: dict[str, str] = {}
    for each in reversed(cls.__mro__):
        if section := _SECTION.search(inspect.cleandoc(vars(each).get("__doc__") or "") + "\n"):
            docs |= {name: " ".join(text.replace("`", "").split()) for name, text in _ENTRY.findall(section[1])}
    return docs
