"""Where the randomness of noise comes from: the operating system, unless a seed is given, which protects nobody."""

from __future__ import annotations

import os

import numpy as np

#: so many random words are fetched at once at most
_BLOCK = 1 << 20


class Entropy:
    """Uniform random integers for mechanisms; exact, since nothing is rounded.

    Without a seed every bit comes from the operating system's generator (``os.urandom``). With one the noise can be
    made again by whoever knows the seed, so that nothing is protected: for tests only.

    >>> Entropy().source
    'operating system (os.urandom)'
    >>> Entropy(seed=1).private
    False
    """

    def __init__(self, seed: int | None = None) -> None:
        self.private = seed is None
        self._generator = None if seed is None else np.random.default_rng(seed)

    @property
    def source(self) -> str:
        """The random source's name as the ledger states it."""
        return "operating system (os.urandom)" if self.private else "fixed seed: repeatable, therefore not private"

    def words(self, n: int) -> np.ndarray:
        """Uniform random 64-bit words (n,) uint64."""
        if self._generator is not None:
            return self._generator.integers(0, 2**64, n, dtype=np.uint64)
        parts = [
            np.frombuffer(os.urandom(8 * min(_BLOCK, n - at)), dtype=np.uint64) for at in range(0, max(n, 1), _BLOCK)
        ]
        return np.concatenate(parts) if len(parts) > 1 else parts[0]

    def below(self, bounds: np.ndarray) -> np.ndarray:
        """Uniform integers (n,) in [0, bound) for bounds (n,) between 1 and 2**62, without the bias of a remainder."""
        bounds = np.asarray(bounds, dtype=np.uint64)
        words = self.words(len(bounds))
        # Words beyond the last whole multiple of the bound are drawn again.
        last = np.uint64(2**64 - 1) - (np.uint64(2**64 - 1) % bounds + np.uint64(1)) % bounds
        again = np.flatnonzero(words > last)
        while len(again):
            words = words.copy() if not words.flags.writeable else words
            words[again] = self.words(len(again))
            again = again[words[again] > last[again]]
        return (words % bounds).astype(np.int64)

    def uniform(self, n: int) -> np.ndarray:
        """Uniform floats (n,) strictly between 0 and 1, multiples of 2**-53 moved by half of that."""
        return ((self.words(n) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53

    def generator(self) -> np.random.Generator:
        """A generator for what is no noise but must not repeat either, seeded from here."""
        return np.random.default_rng(self.words(4).tolist())
