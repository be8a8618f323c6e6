"""The true distribution behind ``data/admissions.csv``, worked out from the probabilities of its generator.

Nothing here is estimated: every discrete core column is enumerated (``core``), and the rest are mixtures over it. So a
test can compare a synthetic table with the truth, and not with another sample::

    truth.probabilities("ward")                 # marginal
    truth.probabilities("ward", given="sex")    # one row for each sex
    truth.null_probability("crp")
    truth.below("cost", [100, 1_000, 10_000])   # P(cost <= x), where cost is not null
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

DATA = Path(__file__).resolve().parents[1] / "data"
CORE = ("sex", "age", "weekend", "emergency", "triage", "ward", "insurance")
LONGEST_STAY = 600  # nights; the probability of more is below 1e-12


def load_generator() -> ModuleType:
    """The generator's module; data/ is a folder of files, not a package."""
    spec = importlib.util.spec_from_file_location("make_admissions", DATA / "make_admissions.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generator = load_generator()


def sample(rows: int, seed: int) -> pd.DataFrame:
    """Fresh rows from the truth."""
    table: pd.DataFrame = generator.make(rows, seed)
    return table


@cache
def core() -> pd.DataFrame:
    """Every possible combination of the CORE columns, and its ``probability``.

    Beside them: ``group`` (of age), ``still_here`` (the probability that ``discharged`` is null), ``crp_null``,
    ``weight_null`` and ``readmitted`` (each a probability given the combination).
    """
    values = [
        list(generator.SEX),
        range(generator.OLDEST + 1),
        [False, True],
        [False, True],
        range(len(generator.TRIAGE)),
        range(len(generator.WARDS)),
        list(generator.INSURANCE["child"]),
    ]
    frame = pd.MultiIndex.from_product(values, names=CORE).to_frame(index=False)
    groups = np.array(generator.AGE_GROUPS)[generator.age_group(frame["age"].to_numpy())]
    frame["group"] = groups
    probability = frame["sex"].map(generator.SEX).to_numpy(dtype=float) * generator.age_probabilities()[frame["age"]]
    weekend = float(generator.day_probabilities()[generator.is_weekend(days())].sum())
    probability = probability * np.where(frame["weekend"], weekend, 1 - weekend)
    emergency = look_up(generator.EMERGENCY, groups, frame["weekend"].astype(int))
    probability = probability * np.where(frame["emergency"], emergency, 1 - emergency)
    probability = probability * look_up(generator.TRIAGE_GIVEN_EMERGENCY, frame["emergency"], frame["triage"])
    wards = {
        (group, allowed): generator.ward_probabilities(group, allowed)
        for group in generator.AGE_GROUPS
        for allowed in (False, True)
    }
    allowed = generator.takes_obstetrics(frame["sex"].to_numpy(), frame["age"].to_numpy())
    probability = probability * look_up(wards, list(zip(groups, allowed.tolist(), strict=True)), frame["ward"])
    insurance = {name: list(table.values()) for name, table in generator.INSURANCE.items()}
    position = frame["insurance"].map({name: i for i, name in enumerate(generator.INSURANCE["child"])})
    frame["probability"] = probability * look_up(insurance, groups, position)
    frame = frame[frame["probability"] > 0].reset_index(drop=True)

    frame["still_here"] = still_here()[frame["weekend"].astype(int), frame["ward"], frame["triage"]]
    frame["crp_null"] = frame["emergency"].map(generator.CRP_MISSING).astype(float)
    frame["weight_null"] = frame["group"].map(generator.WEIGHT_MISSING).astype(float)
    frame["readmitted"] = readmitted()[frame["age"], frame["triage"]]
    frame["triage"] = np.array(generator.TRIAGE)[frame["triage"]]
    frame["ward"] = np.array(generator.WARDS)[frame["ward"]]
    return frame


def look_up(table: dict, rows: ArrayLike, positions: ArrayLike) -> np.ndarray:
    """``table[row][position]`` for each pair."""
    names = list(table)
    row = [names.index(name) for name in rows]
    return np.array([list(table[name]) for name in names], dtype=float)[row, np.asarray(positions)]


def days() -> np.ndarray:
    """All days of admission."""
    return np.arange(generator.FIRST_DAY, generator.LAST_DAY + 1)


@cache
def nights_probabilities() -> np.ndarray:
    """P(nights | ward, triage), shape (8, 4, LONGEST_STAY + 1)."""
    mean = np.array([generator.NIGHTS[name] for name in generator.WARDS])[:, None] * (1 + np.arange(4) / 2)
    shape = generator.NIGHTS_SHAPE
    return stats.nbinom.pmf(np.arange(LONGEST_STAY + 1), shape, (shape / (shape + mean))[..., None])


@cache
def discharged_within() -> np.ndarray:
    """P(a stay of so many nights ends in time | weekend), shape (2, LONGEST_STAY + 1)."""
    probability, weekend = generator.day_probabilities(), generator.is_weekend(days())
    remaining = len(probability) - 1 - np.arange(len(probability))
    rows = []
    for chosen in (~weekend, weekend):
        of_day = np.where(chosen, probability, 0) / probability[chosen].sum()
        rows.append([of_day[remaining >= nights].sum() for nights in range(LONGEST_STAY + 1)])
    return np.array(rows)


@cache
def still_here() -> np.ndarray:
    """P(discharged is null | weekend, ward, triage), shape (2, 8, 4)."""
    return 1 - np.einsum("wtn,en->ewt", nights_probabilities(), discharged_within())


@cache
def readmitted() -> np.ndarray:
    """P(readmitted | age, triage), shape (100, 4): the logistic averaged over earlier admissions."""
    age, level, previous = np.arange(generator.OLDEST + 1), np.arange(4), np.arange(40)
    weight = stats.poisson.pmf(previous, (generator.PREVIOUS[0] + generator.PREVIOUS[1] * age)[:, None])
    base, slope_previous, slope_level, slope_age = generator.READMITTED
    score = base + slope_age * age[:, None, None] + slope_level * level[:, None] + slope_previous * previous
    return np.einsum("ap,alp->al", weight, 1 / (1 + np.exp(-score)))


def probabilities(column: str, given: str | None = None) -> pd.Series | pd.DataFrame:
    """The distribution of a discrete column; with ``given`` one row for each value of that CORE column."""
    if column == "region":
        return pd.Series(generator.REGION)
    if column == "admitted":
        return pd.Series(generator.day_probabilities(), index=pd.DatetimeIndex(days()))
    if column == "diagnosis":
        by_ward = pd.DataFrame(
            {
                ward: pd.Series(generator.diagnosis_probabilities(ward), codes)
                for ward, codes in generator.DIAGNOSES.items()
            }
        )
        wards = probabilities("ward", given)
        return wards @ by_ward.fillna(0).T.reindex(wards.T.index)
    frame = core()
    if column == "previous_admissions":
        mean = generator.PREVIOUS[0] + generator.PREVIOUS[1] * frame["age"]
        count = np.arange(40)
        joint = pd.DataFrame(stats.poisson.pmf(count, mean.to_numpy()[:, None]), columns=count)
    elif column == "readmitted":
        joint = pd.DataFrame({False: 1 - frame["readmitted"], True: frame["readmitted"]})
    else:
        joint = pd.get_dummies(frame[column], dtype=float)
    joint = joint.mul(frame["probability"], axis=0)
    if given is None:
        return joint.sum()
    table = joint.groupby(frame[given]).sum()
    return table.div(table.sum(axis=1), axis=0)


def null_probability(column: str, given: str | None = None) -> float | pd.Series:
    """The probability that a cell is null; with ``given`` for each value of that CORE column."""
    names = dict.fromkeys(("discharged", "cost", "copay"), "still_here") | {"crp": "crp_null", "weight": "weight_null"}
    frame = core()
    null = frame[names[column]] if column in names else pd.Series(0.0, frame.index)
    if given is None:
        return float((null * frame["probability"]).sum())
    weight = frame["probability"].groupby(frame[given]).sum()
    return (null * frame["probability"]).groupby(frame[given]).sum() / weight


def below(column: str, at: ArrayLike) -> np.ndarray:
    """P(column <= x) for each x of ``at``, among cells that are not null; x is taken as rounded as the column is."""
    parts: dict[str, tuple[float, Callable[[np.ndarray], np.ndarray]]] = {
        "systolic": (1.0, _systolic),
        "temperature": (0.1, _temperature),
        "weight": (0.1, _weight),
        "crp": (0.1, _crp),
        "cost": (0.01, _cost),
        "copay": (0.01, _copay),
    }
    unit, cumulative = parts[column]
    return cumulative(np.asarray(at, dtype=float) + unit / 2)


def _mean(frame: pd.DataFrame, cumulative: np.ndarray) -> np.ndarray:
    """The mean over the rows of ``cumulative``, shape (rows, points), weighted by the frame's ``share``."""
    share = frame["share"].to_numpy(dtype=float)
    return share @ cumulative / share.sum()


def _by(columns: list[str], weight: pd.Series | None = None) -> pd.DataFrame:
    """The core, summed up to a few columns, with ``share``."""
    frame = core()
    share = frame["probability"] if weight is None else frame["probability"] * weight
    return frame.assign(share=share, level=level(frame)).groupby(columns, as_index=False)["share"].sum()


def level(frame: pd.DataFrame) -> pd.Series:
    """Triage as 0 to 3."""
    return frame["triage"].map({name: i for i, name in enumerate(generator.TRIAGE)})


def _systolic(at: np.ndarray) -> np.ndarray:
    return _normal(at, generator.SYSTOLIC_MEAN, generator.SYSTOLIC_SD)


def _temperature(at: np.ndarray) -> np.ndarray:
    return _normal(at, generator.TEMPERATURE_MEAN, generator.TEMPERATURE_SD)


def _normal(at: np.ndarray, coefficients: tuple[float, float, float], deviation: float) -> np.ndarray:
    base, by_age, by_level = coefficients
    frame = _by(["age", "level"])
    mean = (base + by_age * frame["age"] + by_level * frame["level"]).to_numpy()[:, None]
    return _mean(frame, stats.norm.cdf(at, mean, deviation))


def _weight(at: np.ndarray) -> np.ndarray:
    frame = _by(["sex", "age"], 1 - core()["weight_null"])
    mean = generator.weight_mean(frame["sex"].to_numpy(), frame["age"].to_numpy())[:, None]
    return _mean(frame, stats.norm.cdf(at, mean, generator.WEIGHT_SD * mean))


def _crp(at: np.ndarray) -> np.ndarray:
    frame = _by(["level"], 1 - core()["crp_null"])
    mean = (generator.CRP_LOG_MEAN[0] + generator.CRP_LOG_MEAN[1] * frame["level"]).to_numpy()[:, None]
    return _mean(frame, stats.norm.cdf(np.log(at), mean, generator.CRP_LOG_SD))


def _cost(at: np.ndarray) -> np.ndarray:
    shares = _by(["weekend", "ward", "level"])
    nights = np.arange(LONGEST_STAY + 1)
    total, weight = np.zeros_like(at), 0.0
    for row in shares.itertuples(index=False):
        stay = (
            nights_probabilities()[generator.WARDS.index(row.ward), row.level] * discharged_within()[int(row.weekend)]
        )
        mean = np.log(generator.COST_NIGHT[row.ward] * (1 + nights))[:, None]
        plain = stats.norm.cdf(np.log(at), mean, generator.COST_LOG_SD)
        shifted = mean + generator.COMPLICATED_SHIFT
        complicated = stats.norm.cdf(np.log(at), shifted, generator.COMPLICATED_LOG_SD)
        mixed = (1 - generator.COMPLICATED) * plain + generator.COMPLICATED * complicated
        total = total + row.share * (stay @ mixed)
        weight += row.share * stay.sum()
    return total / weight


def _copay(at: np.ndarray) -> np.ndarray:
    frame = _by(["insurance"], 1 - core()["still_here"])
    free = frame["insurance"].map(generator.COPAY_FREE).to_numpy(dtype=float)[:, None]
    paid = np.where(
        at >= generator.COPAY_CAP, 1.0, stats.norm.cdf(np.log(at), generator.COPAY_LOG_MEAN, generator.COPAY_LOG_SD)
    )
    return _mean(frame, free + (1 - free) * paid)
