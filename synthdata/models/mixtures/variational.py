"""Learning a mixture the Bayesian way: a Dirichlet process decides by itself how many components there are.

Mean-field variational inference with truncated stick-breaking weights (Blei and Jordan 2006, "Variational inference for
Dirichlet process mixtures", section 3), a Dirichlet prior on each component's code shares and a normal-Wishart prior on
its means and precisions (Bishop 2006, "Pattern Recognition and Machine Learning", section 10.2).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from synthdata.encoders.base import Encoded, Slot
from synthdata.models.mixtures.fit import CHUNK, PATTERNS, Guesses, Learnt, Prior, Report, ladder, start
from synthdata.models.mixtures.mixture import Mixture, Moments, Rows

#: the concentration of the Dirichlet process: how many components one expects before looking, up to log n
CONCENTRATION = 1.0
#: passes end when one gains less than this per row, in nats; components empty slowly, so it is little
SETTLED = 1e-4
#: a component expected in fewer rows than this is left out of further passes
GONE = 0.1


def learn_variational(
    encoded: Encoded,
    *,
    max_components: int,
    least: int,
    sample_rows: int,
    passes: int,
    generator: np.random.Generator,
    report: Report,
) -> Learnt:
    """Fit rows (n, d) with at most ``max_components`` components, and as few as the rows ask for.

    Components empty by themselves, though slowly and not all that could; so several numbers to begin with are tried,
    and what has the highest bound on the evidence is kept. The first passes see at most ``sample_rows`` rows. The
    mixture is the posterior's mean; components expected in fewer than ``least`` rows are dropped from it.
    """
    n = len(encoded)
    prior = Prior.of(encoded)
    part = encoded.take(np.sort(generator.choice(n, sample_rows, replace=False))) if n > sample_rows else encoded
    rows = Rows.of(part, PATTERNS, np.float32)
    sizes, guesses = ladder(len(part), max_components), Guesses(part, generator)
    scores: dict[int, float] = {}
    best, highest, falls = None, -np.inf, 0
    for i, size in enumerate(sizes):
        said = partial(report, 0.6 * i / len(sizes), f"up to {size} components")
        guess = guesses.of(size)[0]
        first = start(part, rows, np.eye(size, dtype=np.float32)[guess], prior)
        moments = Moments.empty(first)
        moments.add(first, rows, np.eye(size, dtype=np.float32)[guess])
        moments, bound = passes_until_settled(encoded.slots, moments, [rows], prior, passes, said)
        scores[len(moments.weights)] = max(bound / len(part), scores.get(len(moments.weights), -np.inf))
        falls = falls + 1 if bound <= highest else 0
        if best is None or bound > highest:
            best, highest = moments, bound
        if falls == 2:
            break
    moments = best if best is not None else moments
    if len(part) < n:
        moments = moments.times(n / len(part))
        parts = [encoded.take(np.arange(at, min(at + CHUNK, n))) for at in range(0, n, CHUNK)]
        few = max(3, passes // 8)
        moments, _ = passes_until_settled(encoded.slots, moments, parts, prior, few, partial(report, 0.6, "all rows"))
    moments = moments.keep(moments.weights >= min(least, moments.weights.max()))
    return Learnt(posterior_mean(encoded.slots, moments, prior), scores, len(part))


def passes_until_settled(
    slots: tuple[Slot, ...],
    moments: Moments,
    parts: list[Rows] | list[Encoded],
    prior: Prior,
    passes: int,
    report: Callable[[], None],
) -> tuple[Moments, float]:
    """Passes of variational inference from expected sufficient statistics, until hardly anything is gained.

    The second of what is returned is the bound on the evidence, in nats, at the last pass; where values are missing it
    is an approximation.
    """
    bound = -np.inf
    for _ in range(max(passes, 1)):
        moments = moments.keep(np.argsort(-moments.weights, kind="stable"))
        moments = moments.keep(moments.weights >= min(GONE, moments.weights.max()))
        soft = expected_logarithms(slots, moments, prior)
        cost = divergence(slots, moments, prior)
        moments = Moments.empty(soft)
        for part in parts:
            report()
            moments.add(soft, part if isinstance(part, Rows) else Rows.of(part, PATTERNS, np.float32))
        before, bound = bound, moments.log_likelihood - cost
        if bound - before < SETTLED * moments.rows:
            break
    return moments, bound


def divergence(slots: tuple[Slot, ...], moments: Moments, prior: Prior) -> float:
    """The Kullback-Leibler divergence in nats of the posterior of all parameters from their prior."""
    from scipy.special import betaln, digamma, gammaln, multigammaln

    mean = posterior_mean(slots, moments, prior)
    taken, left = sticks(moments)
    total = (
        betaln(1.0, CONCENTRATION)
        - betaln(taken, left)
        + (taken - 1) * digamma(taken)
        + (left - CONCENTRATION) * digamma(left)
        + (1 + CONCENTRATION - taken - left) * digamma(taken + left)
    ).sum()
    if len(slots):
        before = np.repeat(prior.codes * prior.shares[:, None], mean.size, axis=1)
        after = before + moments.codes
        sums = [np.add.reduceat(part, mean.starts[:-1], axis=0) for part in (before, after)]
        total += (gammaln(sums[1]) - gammaln(sums[0])).sum() + (gammaln(before) - gammaln(after)).sum()
        total += (moments.codes * (digamma(after) - np.repeat(digamma(sums[1]), np.diff(mean.starts), axis=0))).sum()
    c = len(prior.means)
    if c:
        freedom, counts = c + moments.carried, prior.values + moments.carried
        precision = np.linalg.inv(mean.covariances)
        shift = mean.means - prior.means
        ratio = prior.values / counts
        total += 0.5 * (c * (ratio - 1 - np.log(ratio))).sum()
        total += 0.5 * prior.values * np.einsum("ki,kij,kj->", shift, precision, shift)
        log_scatter = np.linalg.slogdet(mean.covariances)[1] + c * np.log(freedom)
        spread = prior.shrink * prior.variances
        traces = np.einsum("kii,i->k", precision, spread)
        steps = digamma((freedom[:, None] + 1 - np.arange(1, c + 1)) / 2).sum(axis=1)
        wishart = c * (log_scatter - np.log(spread).sum()) + traces - freedom * c
        total += (0.5 * wishart + 0.5 * moments.carried * steps).sum()
        total += mean.size * multigammaln(c / 2, c) - sum(float(multigammaln(of / 2, c)) for of in freedom)
    return float(total)


def expected_logarithms(slots: tuple[Slot, ...], moments: Moments, prior: Prior) -> Mixture:
    """The mixture whose logarithms are the posterior's expected ones; components in order of their weight.

    It is what rows are compared with in a pass (Bishop's equations 10.64 to 10.66): weights and shares are geometric
    means, and ``discounts`` hold the rest of the expected log-density.
    """
    from scipy.special import digamma

    mean = posterior_mean(slots, moments, prior)
    taken, left = sticks(moments)
    total = digamma(taken + left)
    passed = np.concatenate([[0.0], np.cumsum(digamma(left) - total)[:-1]])
    codes = moments.codes + prior.codes * prior.shares[:, None]
    sums = np.add.reduceat(codes, mean.starts[:-1], axis=0) if len(slots) else codes
    shares = np.exp(digamma(codes) - np.repeat(digamma(sums), np.diff(mean.starts), axis=0))
    c = mean.means.shape[1]
    freedom = c + moments.carried
    steps = digamma((freedom[:, None] + 1 - np.arange(1, c + 1)) / 2) - np.log(freedom / 2)[:, None] if c else 0.0
    discounts = np.zeros((mean.size, c + 1))
    if c:
        discounts[:, 1:] = np.cumsum(0.5 * steps, axis=1)
        discounts -= np.arange(c + 1) / (2 * (prior.values + moments.carried))[:, None]
    weights = np.exp(digamma(taken) - total + passed)
    return Mixture(mean.slots, weights, shares, mean.means, mean.covariances, discounts)


def posterior_mean(slots: tuple[Slot, ...], moments: Moments, prior: Prior) -> Mixture:
    """The mixture of the posterior's expected weights, shares and means, and of its inverse expected precisions."""
    taken, left = sticks(moments)
    rate = taken / (taken + left)
    weights = rate * np.concatenate([[1.0], np.cumprod(1 - rate)[:-1]])
    codes = moments.codes + prior.codes * prior.shares[:, None]
    starts = np.concatenate([[0], np.cumsum([slot.cardinality for slot in slots])]).astype(np.int64)
    sums = np.add.reduceat(codes, starts[:-1], axis=0) if len(slots) else codes
    c = len(prior.means)
    counts = moments.carried + prior.values
    means = (moments.first + prior.values * prior.means) / counts[:, None]
    scatter = moments.second + prior.shrink * np.diag(prior.variances)
    scatter += prior.values * np.outer(prior.means, prior.means)
    scatter -= counts[:, None, None] * means[:, :, None] * means[:, None, :]
    covariances = scatter / (moments.carried + max(c, 1))[:, None, None] + 1e-9 * np.diag(prior.variances)
    return Mixture(
        slots,
        weights / weights.sum(),
        codes / np.repeat(sums, np.diff(starts), axis=0),
        means,
        (covariances + covariances.transpose(0, 2, 1)) / 2,
    )


def sticks(moments: Moments) -> tuple[np.ndarray, np.ndarray]:
    """The two parameters (k,) of each stick's beta distribution: what it takes, and what it leaves to the next."""
    after = np.concatenate([np.cumsum(moments.weights[::-1])[::-1][1:], [0.0]])
    return 1.0 + moments.weights, CONCENTRATION + after
