"""Make the sample table of invented hospital admissions.

Nobody in it exists. Every column is drawn from the probabilities written down in this file, so the true distribution
is known and a test can compare a synthesizer with the truth instead of with a sample. The order of drawing is

    sex, age, region, admitted → emergency → ward, triage → diagnosis, nights, measurements → cost, copay, readmitted

and the table holds, on purpose, what makes real tables hard: a key, a name, dates with a rule (``discharged`` is never
before ``admitted``), nulls that depend on other columns, rare categories, combinations that cannot happen (a man in
obstetrics), a heavy-tailed amount of money, a spike at zero, a cap, a count, and an ordered category.

Run it to write ``admissions.csv`` beside this file::

    python data/make_admissions.py [--rows N] [--seed S] [--output FILE]

A name ending in .parquet keeps the storage types (ordered category, dates); CSV does not.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

ROWS = 20_000
SEED = 20240229
FIRST_DAY = np.datetime64("2023-01-01")
LAST_DAY = np.datetime64("2024-12-31")

SEX = {"F": 0.520, "M": 0.472, "X": 0.008}
REGION = {"North": 0.24, "South": 0.22, "East": 0.18, "West": 0.17, "Centre": 0.14, "Capital": 0.047, "Islands": 0.003}

AGE_GROUPS = ("child", "adult", "senior")
ADULT_FROM, SENIOR_FROM, OLDEST = 18, 65, 99

# Probability that an admission is an emergency, by age group: (on a working day, at the weekend).
EMERGENCY = {"child": (0.50, 0.80), "adult": (0.30, 0.60), "senior": (0.45, 0.75)}

INSURANCE = {
    "child": {"public": 0.80, "private": 0.19, "self-paid": 0.006, "military": 0.004},
    "adult": {"public": 0.62, "private": 0.32, "self-paid": 0.055, "military": 0.005},
    "senior": {"public": 0.88, "private": 0.11, "self-paid": 0.005, "military": 0.005},
}

# Weights of the wards by age group. Obstetrics takes nobody but women (or sex X) from 18 to 49; where it is closed to
# somebody, the other weights are scaled up to one.
WARDS = ("Medicine", "Surgery", "Cardiology", "Neurology", "Oncology", "Paediatrics", "Obstetrics", "Burns")
WARD = {
    "child": (0.00, 0.13, 0.02, 0.03, 0.02, 0.79, 0.00, 0.01),
    "adult": (0.30, 0.28, 0.10, 0.07, 0.08, 0.00, 0.165, 0.005),
    "senior": (0.34, 0.20, 0.25, 0.12, 0.087, 0.00, 0.00, 0.003),
}
OBSTETRICS_AGES = (ADULT_FROM, 49)

# Codes in falling order of frequency: the k-th has a weight of 1 / k^1.3.
DIAGNOSES = {
    "Medicine": ("J18", "N39", "E11", "K52", "A41", "D64", "J44", "E86", "L03"),
    "Surgery": ("K35", "K80", "S72", "K40", "M17", "S82", "K56"),
    "Cardiology": ("I50", "I21", "I48", "I20", "I35", "I47"),
    "Neurology": ("I63", "G40", "G45", "G35", "G20"),
    "Oncology": ("C34", "C50", "C18", "C61", "C92", "C25"),
    "Paediatrics": ("J20", "A08", "J45", "R56", "P59", "J18"),
    "Obstetrics": ("O80", "O82", "O60", "O14"),
    "Burns": ("T21", "T23", "T24"),
}

TRIAGE = ("low", "medium", "high", "critical")
TRIAGE_GIVEN_EMERGENCY = {False: (0.70, 0.25, 0.045, 0.005), True: (0.15, 0.40, 0.33, 0.12)}

# Nights in hospital: negative binomial with this shape and a mean of NIGHTS[ward] * (1 + level of triage / 2).
NIGHTS = {
    "Medicine": 4.0, "Surgery": 3.5, "Cardiology": 4.5, "Neurology": 5.0,
    "Oncology": 6.0, "Paediatrics": 1.8, "Obstetrics": 2.2, "Burns": 9.0,
}  # fmt: skip
NIGHTS_SHAPE = 1.5

# Earlier admissions: Poisson with a mean of PREVIOUS[0] + PREVIOUS[1] * age.
PREVIOUS = (0.2, 0.02)

# Normal distributions; the means are linear in age (years) and in the level of triage (0 to 3).
SYSTOLIC_MEAN, SYSTOLIC_SD = (100.0, 0.45, -3.0), 14.0
TEMPERATURE_MEAN, TEMPERATURE_SD = (36.7, 0.0, 0.35), 0.45
WEIGHT_ADULT, WEIGHT_SD = {"F": 68.0, "M": 82.0, "X": 75.0}, 0.17  # kg; the deviation is a fraction of the mean
WEIGHT_MISSING = {"child": 0.02, "adult": 0.06, "senior": 0.18}

# C-reactive protein: log-normal, log-mean linear in the level of triage; measured mostly in emergencies.
CRP_LOG_MEAN, CRP_LOG_SD = (1.2, 0.8), 0.9
CRP_MISSING = {False: 0.65, True: 0.05}

# Cost: log-normal around COST_NIGHT[ward] * (1 + nights); one stay in 25 is complicated, with a shift and a fat tail.
COST_NIGHT = {
    "Medicine": 520.0, "Surgery": 980.0, "Cardiology": 1150.0, "Neurology": 870.0,
    "Oncology": 1400.0, "Paediatrics": 610.0, "Obstetrics": 760.0, "Burns": 1900.0,
}  # fmt: skip
COST_LOG_SD, COMPLICATED, COMPLICATED_SHIFT, COMPLICATED_LOG_SD = 0.3, 0.04, 0.9, 1.0

# What the patient pays: nothing with this probability, otherwise log-normal and never more than the cap.
COPAY_FREE = {"public": 0.75, "private": 0.10, "self-paid": 0.0, "military": 1.0}
COPAY_LOG_MEAN, COPAY_LOG_SD, COPAY_CAP = 4.2, 0.9, 500.0

# Back within 30 days: logistic in (1, earlier admissions, level of triage, age in years).
READMITTED = (-3.4, 0.35, 0.40, 0.012)

GIVEN_NAMES = (
    "Ada", "Ana", "Åsa", "Björn", "Chloé", "Dita", "Eero", "Eva", "Finn", "Gül", "Hugo", "Ida", "Ines", "Ivo", "Jan",
    "José", "Kai", "Lea", "Léo", "Łucja", "Maja", "Marc", "Mia", "Nils", "Noa", "Olga", "Otto", "Paul", "Rosa", "Sara",
    "Siân", "Tom", "Uma", "Vera", "Yara", "Zoë",
)  # fmt: skip
FAMILY_NAMES = (
    "Berg", "Costa", "Díaz", "Egger", "Fox", "Grau", "Haas", "Ivić", "Jonas", "Kaya", "Koch", "Lang", "Lund", "Meyer",
    "Moro", "Novák", "Nuñez", "Olsen", "O'Dea", "Papp", "Quist", "Rossi", "Roux", "Sato", "Silva", "Şahin", "Toth",
    "Urban", "Vidal", "Weiss", "Wójcik", "Young", "Zidan",
)  # fmt: skip


def age_probabilities() -> np.ndarray:
    """The probability of each age from 0 to 99, shape (100,): the newborn, the young, and a broad hump around 68."""
    age = np.arange(OLDEST + 1)
    weight = 3.0 * np.exp(-age / 3) + 0.35 * np.exp(-(((age - 32) / 14) ** 2)) + np.exp(-(((age - 68) / 16) ** 2))
    return weight / weight.sum()


def day_probabilities() -> np.ndarray:
    """The probability of each day from FIRST_DAY to LAST_DAY: fewer admissions at weekends, more in winter."""
    days = np.arange(FIRST_DAY, LAST_DAY + 1)
    season = 1 + 0.2 * np.cos(2 * np.pi * (days - FIRST_DAY).astype(float) / 365.25)
    weight = season * np.where(is_weekend(days), 0.6, 1.0)
    return weight / weight.sum()


def is_weekend(days: np.ndarray) -> np.ndarray:
    """Whether each day is a Saturday or Sunday."""
    return ~np.is_busday(days.astype("datetime64[D]"))


def age_group(age: np.ndarray) -> np.ndarray:
    """Positions in AGE_GROUPS."""
    return np.digitize(age, [ADULT_FROM, SENIOR_FROM])


def ward_probabilities(group: str, obstetrics: bool) -> np.ndarray:
    """The probability of each ward, shape (8,), for somebody whom obstetrics does or does not take."""
    weight = np.array(WARD[group])
    if not obstetrics:
        weight[WARDS.index("Obstetrics")] = 0
    return weight / weight.sum()


def takes_obstetrics(sex: np.ndarray, age: np.ndarray) -> np.ndarray:
    """Whether obstetrics takes each person."""
    youngest, oldest = OBSTETRICS_AGES
    return (sex != "M") & (age >= youngest) & (age <= oldest)


def diagnosis_probabilities(ward: str) -> np.ndarray:
    """The probability of each of the ward's diagnoses."""
    weight = 1 / np.arange(1, len(DIAGNOSES[ward]) + 1) ** 1.3
    return weight / weight.sum()


def weight_mean(sex: np.ndarray, age: np.ndarray) -> np.ndarray:
    """Mean weight in kg: children grow evenly from 3.5 kg to an adult's weight."""
    adult = pd.Series(sex).map(WEIGHT_ADULT).to_numpy(dtype=float)
    return np.where(age < ADULT_FROM, 3.5 + (adult - 3.5) * age / ADULT_FROM, adult)


def linear(coefficients: tuple[float, ...], *terms: np.ndarray) -> np.ndarray:
    """An intercept plus a weighted sum of the terms."""
    return coefficients[0] + np.tensordot(np.array(coefficients[1:]), np.stack(terms), axes=1)


def make(rows: int = ROWS, seed: int = SEED) -> pd.DataFrame:
    """Draw a table of ``rows`` admissions and 20 columns; the same seed gives the same table."""
    random = np.random.default_rng(seed)
    sex = random.choice(list(SEX), rows, p=list(SEX.values()))
    age = random.choice(OLDEST + 1, rows, p=age_probabilities())
    group = age_group(age)
    region = random.choice(list(REGION), rows, p=list(REGION.values()))
    admitted = random.choice(np.arange(FIRST_DAY, LAST_DAY + 1), rows, p=day_probabilities())
    insurance = choose(random, group, [list(INSURANCE[name].values()) for name in AGE_GROUPS], list(INSURANCE["child"]))

    emergency_table = np.array([EMERGENCY[name] for name in AGE_GROUPS])
    emergency = random.random(rows) < emergency_table[group, is_weekend(admitted).astype(int)]
    triage_tables = [TRIAGE_GIVEN_EMERGENCY[False], TRIAGE_GIVEN_EMERGENCY[True]]
    level = choose(random, emergency.astype(int), triage_tables, np.arange(len(TRIAGE)))
    ward_tables = [ward_probabilities(name, allowed) for name in AGE_GROUPS for allowed in (False, True)]
    ward_code = choose(random, 2 * group + takes_obstetrics(sex, age), ward_tables, np.arange(len(WARDS)))
    ward = np.array(WARDS)[ward_code]
    diagnosis = np.empty(rows, dtype=object)
    for name, codes in DIAGNOSES.items():
        here = ward == name
        diagnosis[here] = random.choice(codes, here.sum(), p=diagnosis_probabilities(name))

    nights_mean = np.array([NIGHTS[name] for name in WARDS])[ward_code] * (1 + level / 2)
    nights = random.negative_binomial(NIGHTS_SHAPE, NIGHTS_SHAPE / (NIGHTS_SHAPE + nights_mean))
    discharged = admitted + nights
    still_here = discharged > LAST_DAY

    previous = random.poisson(linear(PREVIOUS, age))
    readmitted = random.random(rows) < 1 / (1 + np.exp(-linear(READMITTED, previous, level, age)))
    systolic = np.round(random.normal(linear(SYSTOLIC_MEAN, age, level), SYSTOLIC_SD)).astype(int)
    temperature = np.round(random.normal(linear(TEMPERATURE_MEAN, age, level), TEMPERATURE_SD), 1)
    weight = np.round(weight_mean(sex, age) * random.normal(1, WEIGHT_SD, rows), 1)
    weight_missing = random.random(rows) < np.array([WEIGHT_MISSING[name] for name in AGE_GROUPS])[group]
    crp = np.round(random.lognormal(linear(CRP_LOG_MEAN, level), CRP_LOG_SD), 1)
    crp_missing = random.random(rows) < np.where(emergency, CRP_MISSING[True], CRP_MISSING[False])

    complicated = random.random(rows) < COMPLICATED
    log_cost = np.log(np.array([COST_NIGHT[name] for name in WARDS])[ward_code] * (1 + nights))
    log_cost = log_cost + np.where(complicated, COMPLICATED_SHIFT, 0.0)
    cost = np.round(np.exp(random.normal(log_cost, np.where(complicated, COMPLICATED_LOG_SD, COST_LOG_SD))), 2)
    free = random.random(rows) < pd.Series(insurance).map(COPAY_FREE).to_numpy(dtype=float)
    copay = np.round(np.minimum(random.lognormal(COPAY_LOG_MEAN, COPAY_LOG_SD, rows), COPAY_CAP), 2)
    names = random.choice(GIVEN_NAMES, rows) + np.array(" ") + random.choice(FAMILY_NAMES, rows)

    return pd.DataFrame(
        {
            "admission_id": np.char.add("A", np.arange(100_001, 100_001 + rows).astype(str)),
            "patient_name": names,
            "sex": sex,
            "age": age,
            "region": region,
            "insurance": insurance,
            "admitted": admitted.astype("datetime64[ns]"),
            "discharged": np.where(still_here, np.datetime64("NaT"), discharged).astype("datetime64[ns]"),
            "emergency": emergency,
            "triage": pd.Categorical(np.array(TRIAGE)[level], TRIAGE, ordered=True),
            "ward": ward,
            "diagnosis": diagnosis,
            "previous_admissions": previous,
            "systolic": systolic,
            "temperature": temperature,
            "weight": np.where(weight_missing, np.nan, weight),
            "crp": np.where(crp_missing, np.nan, crp),
            "cost": np.where(still_here, np.nan, cost),
            "copay": np.where(still_here, np.nan, np.where(free, 0.0, copay)),
            "readmitted": readmitted,
        }
    )


def choose(random: np.random.Generator, row: np.ndarray, tables: Sequence[ArrayLike], values: ArrayLike) -> np.ndarray:
    """One value for each person, drawn from the table of probabilities that ``row`` points at."""
    edges = np.cumsum(np.asarray(tables, dtype=float), axis=1)
    drawn = (random.random(len(row))[:, None] >= edges[row, :-1]).sum(axis=1)
    return np.asarray(values)[drawn]


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description="Make the sample table of invented hospital admissions.")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("admissions.csv"))
    options = parser.parse_args()
    table = make(options.rows, options.seed)
    if options.output.suffix == ".parquet":
        table.to_parquet(options.output, index=False)
    else:
        table.to_csv(options.output, index=False, date_format="%Y-%m-%d")
    print(f"{options.output}: {len(table):,} rows, {table.shape[1]} columns")


if __name__ == "__main__":
    main()
