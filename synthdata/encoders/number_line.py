"""A monotone map between a column's numbers and the scale that a model learns on; it stores no single row's number."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

Transform = Literal["quantile", "uniform", "standard"]

#: knots that are nearer to each other, as a share of the whole line, would have slopes that floats cannot hold
_RESOLUTION = 1e-12
#: beyond this an inverse hyperbolic sine is a logarithm, as far as floats tell
_LOGARITHMIC = 20.0
#: how far beyond its outermost knot a number may be placed, in units of the model's scale
REACH = 10.0


@dataclass(frozen=True)
class NumberLine:
    """A piecewise linear map through knots (k,), increasing in both coordinates.

    Each knot's number is a mean over at least ``minimum`` rows, and no row is in two of them; the outermost knots
    are the means of the lowest and of the highest ``minimum`` rows, so extremes are drawn in. Numbers are held as
    ``(number - origin) / scale``, which keeps integers beyond 2**53 and floats near the ends of their range apart.
    Where they span so many powers of ten that most would be one float then, ``bend`` is not 0, and they are held as
    the inverse hyperbolic sine of ``number / bend``: near 0 in proportion, further off by their logarithms.

    >>> line = NumberLine.fit(np.arange(100.0), transform="uniform", minimum=5, knots=50)
    >>> float(line.numbers(np.array([0.0]))[0])
    2.0
    """

    origin: int | float
    scale: float
    at: np.ndarray
    to: np.ndarray
    transform: str
    bend: float = 0.0

    @classmethod
    def fit(cls, numbers: np.ndarray, *, transform: Transform, minimum: int, knots: int) -> NumberLine:
        """Place knots along numbers (m,), at least ``minimum`` of them: int64, or float64 without NaN or infinity."""
        ordered = np.sort(numbers)
        m = len(ordered)
        start = max(0, m // 2 - minimum // 2)
        origin = _mean_near(ordered[start : start + minimum])
        scale = _scale(ordered, minimum)
        x, bend = shifted(ordered, origin, scale), 0.0
        if m < 2 * minimum or m == 1:
            at, share = _band(x, shifted(np.zeros_like(ordered[:1]), origin, scale)[0])
        else:
            means, shares = _windows(x, minimum, knots)
            at, share = _apart(means, shares)
            if len(at) < len(means):
                origin, scale, bend = type(origin)(0), 1.0, _least_magnitude(ordered, minimum)
                x = _bent(ordered, bend)
                at, share = _apart(*_windows(x, minimum, knots))
        if transform == "standard":
            inside = np.clip(x, at[0], at[-1])
            spread = float(inside.std()) or 1.0
            to = (at - inside.mean()) / spread
        elif transform == "uniform":
            share[0], share[-1] = 0.0, 1.0
            to = share
        else:
            share[0], share[-1] = 0.5 / (m + 1), 1 - 0.5 / (m + 1)
            to = normal_scores(share)
        if len(at) > 2 and transform == "standard":
            at, to = at[[0, -1]], to[[0, -1]]
        return cls(origin, scale, at, to, transform, bend)

    def place(self, numbers: np.ndarray, jitter: np.ndarray | float = 0.0) -> np.ndarray:
        """Numbers (m,), with ``jitter`` added, on the model's scale; straight on beyond the outermost knots."""
        x = self._held(numbers, jitter)
        z = np.interp(x, self.at, self.to)
        if self.transform == "uniform":
            return z
        slopes = self._slopes()
        below, above = x < self.at[0], x > self.at[-1]
        z[below] = np.maximum(self.to[0] - (self.at[0] - x[below]) * slopes[0], self.to[0] - REACH)
        z[above] = np.minimum(self.to[-1] + (x[above] - self.at[-1]) * slopes[-1], self.to[-1] + REACH)
        return z

    def numbers(self, z: np.ndarray) -> np.ndarray:
        """The numbers (m,) at places on the model's scale; those beyond the outermost knots are drawn in to them."""
        x = np.interp(z, self.to, self.at)
        if self.bend:
            x = _straightened(x, self.bend)
        if isinstance(self.origin, int):
            offset = np.rint(x * self.scale)
            if abs(self.origin) + np.abs(offset).max(initial=0.0) >= 2.0**63:
                return np.clip(offset + float(self.origin), -(2.0**63), 2.0**63 - 1024).astype(np.int64)
            return offset.astype(np.int64) + self.origin
        return x * self.scale + self.origin

    def log_slope(self, z: np.ndarray) -> np.ndarray:
        """How fast the model's scale moves with the number, log dz/dx (m,), at places on the model's scale."""
        segment = np.clip(np.searchsorted(self.to, z, side="right") - 1, 0, len(self.to) - 2)
        slope = np.log(self._slopes())[segment] - np.log(self.scale)
        return slope + self._log_bent_slope(np.interp(z, self.to, self.at)) if self.bend else slope

    def log_tail(self, numbers: np.ndarray) -> np.ndarray:
        """By how much (m,) the log-density of numbers beyond the outermost knots is below that at these.

        A model of shares of rows knows no numbers beyond them. There the density falls with the square of the distance,
        counted from one outermost segment's width on, so that no more lies beyond a knot than in the segment before it.
        On other scales models have tails of their own.

        >>> line = NumberLine(0.0, 1.0, np.array([0.0, 1.0, 3.0]), np.array([0.0, 0.5, 1.0]), "uniform")
        >>> np.exp(line.log_tail(np.array([-1.0, 0.5, 3.0, 5.0]))).round(3).tolist()
        [0.25, 1.0, 1.0, 0.25]
        """
        out = np.zeros(len(numbers))
        if self.transform == "uniform":
            x, widths = self._held(numbers), np.diff(self.at)
            for beyond, width in ((self.at[0] - x, widths[0]), (x - self.at[-1], widths[-1])):
                out -= 2 * np.log1p(np.maximum(beyond, 0.0) / width)
            if self.bend:
                out += self._log_bent_slope(x) - self._log_bent_slope(np.clip(x, self.at[0], self.at[-1]))
        return out

    def _held(self, numbers: np.ndarray, jitter: np.ndarray | float = 0.0) -> np.ndarray:
        """Numbers (m,), with ``jitter`` added, as the knots' are held."""
        if self.bend:
            return _bent(numbers + jitter, self.bend)
        return shifted(numbers, self.origin, self.scale) + jitter / self.scale

    def _log_bent_slope(self, x: np.ndarray) -> np.ndarray:
        """How fast bent numbers ``x`` move with the numbers, as a logarithm (m,)."""
        # The logarithm of cosh, which itself may be too large for a float.
        return -np.log(self.bend) - (np.logaddexp(x, -x) - np.log(2))

    def _slopes(self) -> np.ndarray:
        return np.asarray(np.diff(self.to) / np.diff(self.at))


def normal_scores(shares: np.ndarray) -> np.ndarray:
    """The standard normal quantiles of shares between 0 and 1."""
    inverse = NormalDist().inv_cdf
    return np.array([inverse(float(share)) for share in shares])


def _mean_near(window: np.ndarray) -> int | float:
    """The mean of sorted numbers that may be too large to be added up."""
    first = window[0]
    if np.issubdtype(window.dtype, np.integer):
        return int(first) + round(float(np.mean([int(value) - int(first) for value in window])))
    return float(np.sum(window / len(window)))


def _scale(ordered: np.ndarray, minimum: int) -> float:
    """A power of two near the spread between the outermost knots."""
    low, high = float(_mean_near(ordered[:minimum])), float(_mean_near(ordered[-minimum:]))
    half = high / 2 - low / 2
    if half <= 0:
        half = float(ordered[-1]) / 2 - float(ordered[0]) / 2
    return float(2.0 ** np.clip(np.ceil(np.log2(half)), -1000, 1000)) if half > 0 else 1.0


def shifted(numbers: np.ndarray, origin: int | float, scale: float) -> np.ndarray:
    """``(numbers - origin) / scale`` (m,) without overflow, exact for integers where that is possible."""
    if isinstance(origin, int):
        # Subtracting first keeps neighbours beyond 2**53 apart; only spans of more than 2**63 must go through floats.
        if len(numbers) and (abs(int(numbers.max()) - origin) >= 2**63 or abs(int(numbers.min()) - origin) >= 2**63):
            return np.asarray((numbers.astype(np.float64) - float(origin)) / scale)
        return np.asarray((numbers - origin) / scale)
    if scale > 1:
        return np.asarray(numbers / scale - origin / scale)
    return np.asarray((numbers - origin) / scale)


def _band(x: np.ndarray, zero: float) -> tuple[np.ndarray, np.ndarray]:
    """Two knots around the mean of sorted rows (m,), as far apart as a uniform distribution of their spread is wide.

    They do not reach across ``zero`` where no row does.
    """
    middle, half = float(x.mean()), max(float(x.std()) * np.sqrt(3.0), 1e-9)
    low = max(middle - half, zero) if x[0] >= zero else middle - half
    high = min(middle + half, zero) if x[-1] <= zero else middle + half
    return np.array([low, high if high > low else low + 1e-9]), np.array([0.0, 1.0])


def _windows(x: np.ndarray, minimum: int, knots: int) -> tuple[np.ndarray, np.ndarray]:
    """Means of disjoint windows of ``minimum`` sorted rows (k,), denser at the ends, and the share of rows below."""
    m = len(x)
    usual = max(minimum, m / knots)
    starts, place, step = [0], 0.0, float(max(minimum, 1))
    while step < usual and place + step < (m - minimum) / 2 - usual:
        place += step
        starts.append(int(place))
        step *= 1.3
    mirrored = [m - minimum - start for start in starts]
    between = (
        np.arange(starts[-1] + usual, mirrored[-1] - minimum + 1e-9, usual).astype(int)
        if usual > 0
        else np.empty(0, int)
    )
    firsts = np.unique(np.concatenate([starts, between, mirrored]))
    kept = [int(firsts[0])]
    for first in firsts[1:]:
        if first - kept[-1] >= minimum:
            kept.append(int(first))
    if kept[-1] != m - minimum:
        kept[-1] = m - minimum
    chosen = np.array(kept)
    if len(chosen) > 1 and chosen[-1] - chosen[-2] < minimum:
        chosen = np.delete(chosen, -2)
    means = np.stack([x[chosen + k] for k in range(minimum)]).mean(axis=0)
    share = (chosen + minimum / 2) / m
    # Knots that lie on one number become one, in the middle of their shares.
    _, group = np.unique(means, return_inverse=True)
    total = np.bincount(group)
    return np.bincount(group, means) / total, np.bincount(group, share) / total


def _apart(at: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The knots (k,) that are so far from the one before that floats can tell them apart: two at least."""
    kept = np.concatenate([[True], np.diff(at) > _RESOLUTION])
    at, share = at[kept], share[kept]
    if len(at) == 1:
        return np.array([at[0] - 1e-9, at[0] + 1e-9]), np.array([0.0, 1.0])
    return at, share


def _least_magnitude(ordered: np.ndarray, minimum: int) -> float:
    """The mean of the ``minimum`` magnitudes of sorted numbers (m,) that are nearest to 0 without being it."""
    magnitudes = np.abs(ordered.astype(np.float64))
    least = np.sort(magnitudes[magnitudes > 0])[:minimum]
    return max(float(np.mean(least)), float(np.finfo(np.float64).tiny))


def _bent(numbers: np.ndarray, bend: float) -> np.ndarray:
    """The inverse hyperbolic sine (m,) of numbers over ``bend``, however far apart these two are."""
    magnitudes = np.abs(numbers.astype(np.float64))
    with np.errstate(divide="ignore", over="ignore"):
        logs = np.log(magnitudes) - np.log(bend)
        bent = np.where(logs > _LOGARITHMIC, logs + np.log(2), np.arcsinh(magnitudes / bend))
    return np.asarray(np.copysign(bent, numbers))


def _straightened(x: np.ndarray, bend: float) -> np.ndarray:
    """The numbers (m,) of which ``x`` are what `_bent` gives."""
    size = np.abs(x)
    highest = np.log(np.finfo(np.float64).max)
    far = np.exp(np.minimum(size - np.log(2) + np.log(bend), highest))
    near = np.sinh(np.minimum(size, _LOGARITHMIC)) * bend
    return np.asarray(np.copysign(np.where(size > _LOGARITHMIC, far, near), x))
