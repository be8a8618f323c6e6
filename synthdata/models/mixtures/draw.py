"""Drawing from a mixture: freely, under conditions, and what is missing from given rows."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from synthdata.encoders.base import UNSEEN, AllowedCells, Encoded
from synthdata.models.draws import even_draws
from synthdata.models.mixtures.mixture import Mixture, Rows, grouped, joint_log_density, log_sum
from synthdata.models.mixtures.normal import conditional, interval_log_probability, log_density, truncated_normal

#: with more number lines than this under conditions, rows are drawn freely and rejected
MOST_LINES = 8


def draw(mixture: Mixture, n: int, generator: np.random.Generator) -> Encoded:
    """``n`` rows; each component, and each code in it, comes as often as expected up to a row."""
    component = even_draws(mixture.weights, n, generator)
    codes = np.full((n, len(mixture.slots)), UNSEEN, dtype=np.int32)
    values = np.full((n, len(mixture.continuous)), np.nan)
    return complete(mixture, component, codes, values, generator)


def complete(
    mixture: Mixture,
    component: np.ndarray,
    codes: np.ndarray,
    values: np.ndarray,
    generator: np.random.Generator,
    *,
    nulls: bool = True,
) -> Encoded:
    """Rows whose component (n,) is known, with every `UNSEEN` code (n, d) and every value (n, c) due to it drawn."""
    codes = codes.copy()
    order = np.argsort(component, kind="stable")
    ends = np.cumsum(np.bincount(component, minlength=mixture.size))
    for k, members in enumerate(np.split(order, ends[:-1])):
        for j, slot in enumerate(mixture.slots):
            rows = members[codes[members, j] == UNSEEN]
            if len(rows):
                share = mixture.of_codes(j)[:, k]
                if not nulls and slot.missing_code is not None and slot.cardinality > 1:
                    share = np.where(np.arange(slot.cardinality) == slot.missing_code, 0.0, share)
                codes[rows, j] = even_draws(share, len(rows), generator)
    needed = (codes[:, mixture.continuous] == 0) & np.isnan(values)
    out = np.full(codes.shape, np.nan)
    filled = normal_values(mixture, component, values, needed, generator)
    out[:, mixture.continuous] = np.where(codes[:, mixture.continuous] == 0, filled, np.nan)
    return Encoded(mixture.slots, codes, out)


def normal_values(
    mixture: Mixture, component: np.ndarray, values: np.ndarray, needed: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Values (n, c) with those ``needed`` (n, c) drawn from the normal part, given the others in their row."""
    values = values.copy()
    rows = np.flatnonzero(needed.any(axis=1))
    known = ~np.isnan(values[rows])
    for group, given in grouped(known):
        for k in np.unique(component[rows[group]]):
            members = rows[group[component[rows[group]] == k]]
            wanted = np.setdiff1d(np.arange(values.shape[1]), given)
            slopes, intercept, left = conditional(mixture.means[k], mixture.covariances[k], given, wanted)
            noise = generator.standard_normal((len(members), len(wanted))) @ np.linalg.cholesky(left).T
            drawn = intercept + values[np.ix_(members, given)] @ slopes.T + noise
            at = np.ix_(members, wanted)
            values[at] = np.where(needed[at], drawn, values[at])
    return values


def fill(mixture: Mixture, encoded: Encoded, generator: np.random.Generator) -> Encoded:
    """Rows with every `UNSEEN` cell drawn given the others, and not as missing."""
    rows = Rows.of(encoded)
    joint = joint_log_density(mixture, rows)
    for j, slot in enumerate(mixture.slots):
        unknown = encoded.codes[:, j] == UNSEEN
        if slot.missing_code is not None and slot.cardinality > 1 and unknown.any():
            with np.errstate(divide="ignore"):
                joint[unknown] += np.log(np.maximum(1.0 - mixture.of_codes(j)[slot.missing_code], 1e-300))
    shares = np.cumsum(np.exp(joint - log_sum(joint)[:, None]), axis=1)
    places = generator.random((len(encoded), 1)) * shares[:, -1:]
    component = np.minimum((shares < places).sum(axis=1), mixture.size - 1)
    values = encoded.values[:, mixture.continuous]
    return complete(mixture, component, encoded.codes, values, generator, nulls=False)


@dataclass(frozen=True)
class Case:
    """One way in which conditions on number lines can be met: which of the slots lie on their line, and how likely
    that is in each component (k,), up to a common factor. ``ceilings`` (k, r - 1) bound the chance of each further
    range.
    """

    points: np.ndarray
    ranges: np.ndarray
    off: tuple[int, ...]
    log_weight: np.ndarray
    ceilings: np.ndarray


def draw_given(
    mixture: Mixture, n: int, allowed: Mapping[int, AllowedCells], generator: np.random.Generator
) -> Encoded | None:
    """About ``n`` rows that meet conditions by slot position, drawn exactly from the mixture under these conditions.

    Codes and points on number lines are conditioned on, one range is drawn from its truncated normal, and further
    ranges are accepted with their conditional probability over a bound on it; rows not accepted are left out, so
    there may be fewer rows. None where too many lines are under conditions.
    """
    found = cases(mixture, allowed)
    if found is None:
        return None
    log_weight = np.concatenate([case.log_weight for case in found]) if found else np.array([-np.inf])
    if not np.isfinite(log_weight.max()):
        return draw(mixture, 0, generator)
    weight = np.exp(log_weight - log_weight.max())
    pairs = even_draws(weight / weight.sum(), n, generator)
    parts = [
        _draw_case(mixture, case, allowed, pairs[pairs // mixture.size == i] % mixture.size, generator)
        for i, case in enumerate(found)
    ]
    order = generator.permutation(sum(len(part) for part in parts))
    whole = Encoded(mixture.slots, np.concatenate([p.codes for p in parts]), np.concatenate([p.values for p in parts]))
    return whole.take(order)


def cases(mixture: Mixture, allowed: Mapping[int, AllowedCells]) -> list[Case] | None:
    """All ways to meet the conditions that have any probability."""
    fixed = np.log(mixture.weights)
    lines: list[tuple[int, list[bool]]] = []
    with np.errstate(divide="ignore"):
        for j, cells in allowed.items():
            if mixture.slots[j].continuous and cells.codes[0]:
                lines.append((j, [True, False] if cells.codes[1:].any() else [True]))
            else:
                fixed = fixed + np.log(mixture.of_codes(j)[cells.codes].sum(axis=0))
        if len(lines) > MOST_LINES:
            return None
        out = []
        for choice in itertools.product(*(options for _, options in lines)):
            on = [j for (j, _), here in zip(lines, choice, strict=True) if here]
            off = tuple(j for (j, _), here in zip(lines, choice, strict=True) if not here)
            log_weight = fixed.copy()
            for j in on:
                log_weight += np.log(mixture.of_codes(j)[0])
            for j in off:
                log_weight += np.log(mixture.of_codes(j)[1:][allowed[j].codes[1:]].sum(axis=0))
            out.append(_case(mixture, allowed, on, off, log_weight))
    return out


def _case(
    mixture: Mixture, allowed: Mapping[int, AllowedCells], on: list[int], off: tuple[int, ...], log_weight: np.ndarray
) -> Case:
    place = {int(j): i for i, j in enumerate(mixture.continuous)}
    points = np.array([j for j in on if allowed[j].low == allowed[j].high], dtype=np.int64)
    bounded = [j for j in on if allowed[j].low < allowed[j].high]
    ranges = np.array([j for j in bounded if np.isfinite([allowed[j].low, allowed[j].high]).any()], dtype=np.int64)
    dims = np.array([place[int(j)] for j in points], dtype=np.int64)
    at = np.array([allowed[int(j)].low for j in points])
    ceilings = np.zeros((mixture.size, max(len(ranges) - 1, 0)))
    extra = np.zeros(mixture.size)
    for k in range(mixture.size):
        mean, covariance = mixture.means[k], mixture.covariances[k]
        extra[k] = log_density(at, mean[dims], covariance[np.ix_(dims, dims)])
        given = dims
        for i, j in enumerate(ranges):
            wanted = np.array([place[int(j)]])
            slopes, intercept, left = conditional(mean, covariance, given, wanted)
            spread, low, high = np.sqrt(left[0, 0]), allowed[int(j)].low, allowed[int(j)].high
            if i == 0:
                centre = intercept[0] + slopes[0] @ at
                extra[k] += interval_log_probability((low - centre) / spread, (high - centre) / spread)
            else:
                ceilings[k, i - 1] = np.log(min(1.0, (high - low) / (spread * np.sqrt(2 * np.pi))))
                extra[k] += ceilings[k, i - 1]
            given = np.append(given, wanted)
    return Case(points, ranges, off, log_weight + extra, ceilings)


def _draw_case(
    mixture: Mixture,
    case: Case,
    allowed: Mapping[int, AllowedCells],
    component: np.ndarray,
    generator: np.random.Generator,
) -> Encoded:
    """Rows of given components (m,) under one case; those not accepted are left out."""
    place = {int(j): i for i, j in enumerate(mixture.continuous)}
    codes = np.full((len(component), len(mixture.slots)), UNSEEN, dtype=np.int32)
    values = np.full((len(component), len(mixture.continuous)), np.nan)
    accepted = np.ones(len(component), dtype=bool)
    for j, cells in allowed.items():
        if mixture.slots[j].continuous and cells.codes[0] and j not in case.off:
            codes[:, j] = 0
            continue
        for k in np.unique(component):
            rows = np.flatnonzero(component == k)
            possible = cells.codes.copy()
            if j in case.off:
                possible[0] = False
            codes[rows, j] = even_draws(np.where(possible, mixture.of_codes(j)[:, k], 0.0), len(rows), generator)
    for j in case.points:
        values[:, place[int(j)]] = allowed[int(j)].low
    given = np.array([place[int(j)] for j in case.points], dtype=np.int64)
    for i, j in enumerate(case.ranges):
        wanted = np.array([place[int(j)]])
        for k in np.unique(component):
            rows = np.flatnonzero(component == k)
            slopes, intercept, left = conditional(mixture.means[k], mixture.covariances[k], given, wanted)
            centre, spread = intercept[0] + values[np.ix_(rows, given)] @ slopes[0], np.sqrt(left[0, 0])
            low, high = (allowed[int(j)].low - centre) / spread, (allowed[int(j)].high - centre) / spread
            if i > 0:
                chance = interval_log_probability(low, high) - case.ceilings[k, i - 1]
                accepted[rows] &= np.log(generator.random(len(rows))) < chance
            values[rows, wanted[0]] = centre + spread * truncated_normal(low, high, generator)
        given = np.append(given, wanted)
    rows = np.flatnonzero(accepted)
    return complete(mixture, component[rows], codes[rows], values[rows], generator)
