"""One seed, and from it named, independent generators; the caller's global state is never moved."""

from __future__ import annotations

import hashlib
import secrets

import numpy as np


class SeedTree:
    """A seed from which every stage draws a generator of its own by name.

    Two names give independent streams, so adding a stage does not change what another one draws.

    >>> tree = SeedTree(7)
    >>> float(tree.generator("split").random()) == float(SeedTree(7).generator("split").random())
    True
    >>> tree.child("fit").generator("a").random() == tree.generator("a").random()
    False
    """

    def __init__(self, seed: int | None = None, path: tuple[str, ...] = ()) -> None:
        #: the root seed; drawn from the operating system when none was given
        self.seed: int = secrets.randbits(32) if seed is None else int(seed)
        self.path = path

    def child(self, name: str) -> SeedTree:
        """The subtree called ``name``."""
        return SeedTree(self.seed, (*self.path, name))

    def generator(self, name: str) -> np.random.Generator:
        """A fresh generator for ``name``: the same one each time it is asked for."""
        return np.random.default_rng(self.integer(name))

    def integer(self, name: str) -> int:
        """A 64-bit seed for ``name``, for libraries that want a number."""
        text = "/".join((str(self.seed), *self.path, name))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
