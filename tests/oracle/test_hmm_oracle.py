"""The hidden Markov model against brute force on a chain of three states with known parameters."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from synthdata.models.hmm import HiddenMarkov
from synthdata.models.markov.chain import Chain, beliefs, draw_states, forward

CHAIN = Chain(np.array([0.5, 0.3, 0.2]), np.array([[0.8, 0.15, 0.05], [0.1, 0.7, 0.2], [0.25, 0.25, 0.5]]))
#: the shares of four symbols in each state
SYMBOLS = np.array([[0.7, 0.1, 0.1, 0.1], [0.05, 0.8, 0.1, 0.05], [0.1, 0.1, 0.2, 0.6]])
SCHEMA = {
    "columns": [
        {"name": "who", "kind": "id", "role": "sequence key"},
        {"name": "when", "kind": "numerical", "role": "order"},
        {"name": "symbol", "kind": "categorical"},
    ]
}


def enumerate_states(log_emission: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """The likelihood of a sequence, the states of each row given all rows, and the expected transitions."""
    n, k = log_emission.shape
    total, states, transitions = 0.0, np.zeros((n, k)), np.zeros((k, k))
    for path in itertools.product(range(k), repeat=n):
        joint = CHAIN.initial[path[0]] * np.exp(log_emission[0, path[0]])
        for before, now, step in zip(path, path[1:], range(1, n), strict=False):
            joint *= CHAIN.transition[before, now] * np.exp(log_emission[step, now])
        total += joint
        for step, state in enumerate(path):
            states[step, state] += joint
        for before, now in itertools.pairwise(path):
            transitions[before, now] += joint
    return total, states / total, transitions / total


def test_forward_and_backward_are_brute_force() -> None:
    generator = np.random.default_rng(0)
    lengths = np.array([4, 1, 7, 2])
    starts = np.cumsum(lengths) - lengths
    # Densities as small as those of wide tables must not vanish.
    log_emission = generator.normal(size=(lengths.sum(), 3)) * 3 - 900 * (np.arange(lengths.sum()) % 2)[:, None]
    found = beliefs(CHAIN, log_emission, starts, lengths)
    transitions = np.zeros((3, 3))
    for start, length in zip(starts, lengths, strict=True):
        rows = slice(start, start + length)
        part = log_emission[rows] - log_emission[rows].max(axis=1, keepdims=True)
        total, states, made = enumerate_states(part)
        assert found.log_prob[rows].sum() == pytest.approx(
            np.log(total) + log_emission[rows].max(axis=1).sum(), abs=1e-6
        )
        np.testing.assert_allclose(found.states[rows], states, atol=1e-9)
        transitions += made
    np.testing.assert_allclose(found.transitions, transitions, atol=1e-9)


def test_each_row_is_predicted_from_those_before() -> None:
    log_emission = np.log(SYMBOLS.T[[0, 3, 1]])
    _, found = forward(CHAIN, log_emission, np.array([0]), np.array([3]))
    likelihoods = [1.0, *(enumerate_states(log_emission[: n + 1])[0] for n in range(3))]
    np.testing.assert_allclose(np.exp(found), np.divide(likelihoods[1:], likelihoods[:-1]), atol=1e-9)


def test_drawn_states_follow_the_chain() -> None:
    lengths = np.full(4_000, 3)
    starts = np.arange(4_000) * 3
    states = draw_states(CHAIN, starts, lengths, np.random.default_rng(1)).reshape(-1, 3)
    expected = [
        CHAIN.initial[a] * CHAIN.transition[a, b] * CHAIN.transition[b, c]
        for a, b, c in itertools.product(range(3), repeat=3)
    ]
    counts = np.bincount(states @ np.array([9, 3, 1]), minlength=27)
    assert stats.chisquare(counts, np.array(expected) * 4_000).pvalue > 0.001


def known_sequences(number: int = 400) -> tuple[pd.DataFrame, np.ndarray]:
    generator = np.random.default_rng(2)
    lengths = generator.integers(3, 30, number)
    starts = np.cumsum(lengths) - lengths
    states = draw_states(CHAIN, starts, lengths, generator)
    symbols = (generator.random(len(states))[:, None] >= np.cumsum(SYMBOLS[states], axis=1)).sum(axis=1)
    when = np.concatenate([np.arange(length) for length in lengths])
    frame = pd.DataFrame({"who": np.repeat([f"P{j:04}" for j in range(number)], lengths), "when": when})
    return frame.assign(symbol=np.array(list("abcd"), dtype=object)[symbols]), lengths


def codes_of(model: HiddenMarkov) -> tuple[int, dict[str, int]]:
    """The slot of the symbol, and the code of each."""
    slot = next(j for j, slot in enumerate(model.encoder_.slots) if slot.name == "symbol")
    symbols = model.encoder_.columns[slot].decode(np.arange(4)).values
    return slot, {str(symbol): code for code, symbol in enumerate(symbols)}


def test_baum_and_welch_find_the_chain_again() -> None:
    frame, _ = known_sequences()
    model = HiddenMarkov(states=3, iterations=200).fit(frame, schema=SCHEMA, seed=0)
    best = max(
        itertools.permutations(range(3)),
        key=lambda order: -np.abs(model.chain_.transition[np.ix_(order, order)] - CHAIN.transition).sum(),
    )
    np.testing.assert_allclose(model.chain_.transition[np.ix_(best, best)], CHAIN.transition, atol=0.12)
    slot, code = codes_of(model)
    shares = model.emission_.shares[slot][list(best)][:, [code[symbol] for symbol in "abcd"]]
    np.testing.assert_allclose(shares, SYMBOLS, atol=0.12)


def test_the_criterion_finds_the_number_of_states() -> None:
    frame, _ = known_sequences()
    model = HiddenMarkov(max_states=6, iterations=100).fit(frame, schema=SCHEMA, seed=0)
    assert len(model.chain_.initial) in (2, 3)
    assert model.criteria_[1] > model.criteria_[len(model.chain_.initial)]


def test_log_prob_is_brute_force_and_adds_up_to_one() -> None:
    frame, _ = known_sequences(60)
    model = HiddenMarkov(states=3).fit(frame, schema=SCHEMA, seed=0)
    slot, code = codes_of(model)
    shares = model.emission_.shares[slot]
    total = 0.0
    for number, word in enumerate(itertools.product("abcd", repeat=3)):
        rows = pd.DataFrame({"who": f"Q{number}", "when": [0, 1, 2], "symbol": list(word)})
        found = model.log_prob(rows.sample(frac=1, random_state=number)).sum()
        likelihood = sum(
            model.chain_.initial[a] * model.chain_.transition[a, b] * model.chain_.transition[b, c]
            * np.prod([shares[state, code[s]] for state, s in zip((a, b, c), word, strict=True)])
            for a, b, c in itertools.product(range(3), repeat=3)
        )  # fmt: skip
        # All gaps are 1 and all sequences begin at 0, which the model knows for sure.
        assert found == pytest.approx(np.log(likelihood), abs=1e-6)
        total += np.exp(found)
    assert total == pytest.approx(1.0, abs=1e-6)


def test_samples_pass_a_chi_square_test_against_the_fitted_chain() -> None:
    frame, _ = known_sequences(60)
    model = HiddenMarkov(states=3).fit(frame, schema=SCHEMA, seed=0)
    drawn = model.sample(30_000, seed=5)
    firsts = drawn.groupby("who", sort=False)["symbol"].agg(list)
    words = ["".join(symbols[:2]) for symbols in firsts if len(symbols) >= 2]
    expected = []
    every = ["".join(word) for word in itertools.product("abcd", repeat=2)]
    for number, word in enumerate(every):
        rows = pd.DataFrame({"who": f"Q{number}", "when": [0, 1], "symbol": list(word)})
        expected.append(np.exp(model.log_prob(rows).sum()))
    counts = pd.Series(words).value_counts().reindex(every).fillna(0)
    assert stats.chisquare(counts, np.array(expected) / sum(expected) * len(words)).pvalue > 0.001


def test_no_state_is_about_a_few_sequences_only() -> None:
    generator = np.random.default_rng(0)
    # Twelve stores of a level of their own: the criterion alone would give each its state.
    table = pd.DataFrame({"who": np.repeat(np.arange(12), 60), "when": np.tile(np.arange(60), 12)})
    table["x"] = table["who"] * 10.0 + generator.normal(size=len(table))
    roles = {"columns": [{"name": "who", "role": "sequence key"}, {**SCHEMA["columns"][1]}]}
    chosen = HiddenMarkov(max_states=12).fit(table, schema=roles, seed=0)
    assert len(chosen.chain_.initial) <= 2
    asked = HiddenMarkov(states=12).fit(table, schema=roles, seed=0)
    assert len(asked.chain_.initial) == 12
    assert chosen.criteria_[min(chosen.criteria_)] > asked.criteria_[12]
