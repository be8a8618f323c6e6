"""A policy: thresholds in a YAML file that turn a report's figures into pass, warn or fail.

    version: 1
    name: internal
    rules:
      - {metric: fidelity.shape, max: 0.02, level: warn}
      - {metric: fidelity.trend, max_over_reference: 0.02, level: warn}
      - {metric: utility.tstr, min: 0.7, bound: low, level: fail}
      - {metric: privacy.verdict, not: leak found, level: fail}

``bound`` looks at an end of the 95 % interval instead of the value; ``max_over_reference`` and
``min_under_reference`` compare with the same figure for fresh real rows, at its sample size where the report has
that. A rule whose figure is not there is not met nor broken: it counts as a warning, unless it says ``missing: fail``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from synthdata.errors import SchemaError, did_you_mean
from synthdata.validation.base import plain

POLICY_VERSION = 1
SHIPPED = Path(__file__).parent / "policies"

#: the metrics that a rule can name, and how a sentence calls them
METRICS = {
    "fidelity.shape": "the error of single columns",
    "fidelity.trend": "the error of pairs of columns",
    "fidelity.detection": "the detection score",
    "fidelity.alpha_precision": "the plausibility of rows",
    "fidelity.beta_recall": "the variety of rows",
    "fidelity.authenticity": "the share of authentic rows",
    "fidelity.three_way": "the error of three columns at a time",
    "fidelity.sliced_wasserstein": "the distance of whole rows",
    "fidelity.dependencies": "the share of rows that break a dependence",
    "fidelity.rules": "the share of rows that break a rule",
    "utility.tstr": "the usefulness for prediction",
    "utility.importance_agreement": "the agreement on which columns matter",
    "utility.all_targets": "the usefulness for predicting any column",
    "fairness.representation": "the largest error in a group's share",
    "fairness.outcome": "the largest error in a group's outcome rate",
    "fairness.errors": "the largest gap in error rates between groups",
    "privacy.dcr_share": "the share of rows nearer to train",
    "privacy.copies": "the share of exact copies",
    "privacy.membership": "the success of membership inference",
    "privacy.singling_out": "the success of singling out",
    "privacy.linkability": "the success of linking",
    "privacy.attribute_inference": "the success of attribute inference",
    "privacy.k_map": "the share of rows that point at few people",
    "privacy.epsilon": "the privacy budget spent",
    "privacy.verdict": "the verdict on privacy",
}
STATES = ("leak found", "no leak found", "cannot tell")


class Rule(BaseModel):
    """One threshold: a metric, one limit, and what breaking it means."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    metric: str
    max: float | None = None
    min: float | None = None
    max_over_reference: float | None = None
    min_under_reference: float | None = None
    not_: str | None = Field(default=None, alias="not")
    bound: Literal["low", "high"] | None = None
    level: Literal["warn", "fail"] = "fail"
    missing: Literal["warn", "fail"] = "warn"
    sentence: str | None = None

    @model_validator(mode="after")
    def _one_limit(self) -> Rule:
        if self.metric not in METRICS:
            raise ValueError(f"unknown metric {self.metric!r}. {did_you_mean(self.metric, METRICS)}")
        limits = [key for key in LIMITS if getattr(self, key) is not None]
        if len(limits) != 1:
            raise ValueError(
                "a rule needs exactly one of max, min, max_over_reference, min_under_reference and not; "
                f"found {len(limits)}"
            )
        if (self.metric == "privacy.verdict") != (limits[0] == "not_"):
            raise ValueError("'not' goes with the metric privacy.verdict, and privacy.verdict with 'not'")
        if self.not_ is not None and self.not_ not in STATES:
            raise ValueError(f"unknown state {self.not_!r}. {did_you_mean(self.not_, STATES)}")
        if self.bound is not None and limits[0] not in ("max", "min"):
            raise ValueError("'bound' goes with max or min")
        return self


LIMITS = ("max", "min", "max_over_reference", "min_under_reference", "not_")


class Policy(BaseModel):
    """A named list of rules.

    >>> Policy.shipped("internal").name
    'internal'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    name: str
    rules: tuple[Rule, ...]

    @classmethod
    def shipped(cls, name: str = "internal") -> Policy:
        """A policy that comes with synthdata.

        Raises:
            SchemaError: there is none of that name.
        """
        known = sorted(path.stem for path in SHIPPED.glob("*.yaml"))
        if name not in known:
            raise SchemaError(f"There is no policy {name!r}.", did_you_mean(name, known))
        return cls.read(SHIPPED / f"{name}.yaml")

    @classmethod
    def read(cls, path: str | Path) -> Policy:
        """Read a policy file.

        Raises:
            SchemaError: the file is missing, no YAML, or a key or value is wrong; the message names it.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise SchemaError(
                f"No such policy file: {path}.", "Check the path, or leave --policy out to use the built-in one."
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise SchemaError(f"The policy file {path} cannot be read: {type(error).__name__}.") from None
        return cls.parse(text, str(path))

    @classmethod
    def parse(cls, text: str, where: str = "policy") -> Policy:
        """Read a policy from YAML text.

        Raises:
            SchemaError: it is no YAML, or a key or value is wrong; the message names it.
        """
        import yaml

        try:
            data = yaml.safe_load(text)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
            raise SchemaError(f"{where}: not valid YAML{place}.", "Mend that line.") from None
        if not isinstance(data, dict):
            raise SchemaError(f"{where}: expected the keys 'version' and 'rules'.")
        # A policy without a name of its own is called after its file.
        data.setdefault("name", Path(where).stem)
        if data.get("version", POLICY_VERSION) != POLICY_VERSION:
            raise SchemaError(
                f"{where}: version {data['version']!r} is not known here "
                f"(this synthdata reads version {POLICY_VERSION})."
            )
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise SchemaError(f"{where}: {_explain(error)}") from None


def _explain(error: ValidationError) -> str:
    first = min(
        error.errors(), key=lambda problem: problem["type"] != "extra_forbidden"
    )  # a mistyped key explains most
    path = list(first["loc"])
    place, known = "", list(Policy.model_fields)
    if path[:1] == ["rules"] and len(path) > 1:
        place, path = f"rule {int(path[1]) + 1}: ", path[2:]
        known = [field.alias or name for name, field in Rule.model_fields.items()]
    key = ".".join(map(str, path))
    if first["type"] == "extra_forbidden":
        return f"{place}unknown key {key!r}. {did_you_mean(key, known)}"
    if first["type"] == "missing":
        return f"{place}the key {key!r} is missing."
    message = first["msg"].removeprefix("Value error, ").rstrip(".")
    return f"{place}{f'key {key!r}: ' if key else ''}{message}."


def judge(policy: Policy, report: Mapping[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """The verdict (``pass``, ``warn`` or ``fail``) and the outcome of every rule, from a report's figures."""
    outcomes = [_apply(rule, report) for rule in policy.rules]
    if any(outcome["met"] is False and outcome["level"] == "fail" for outcome in outcomes):
        return "fail", outcomes
    return ("warn" if any(outcome["met"] is not True for outcome in outcomes) else "pass"), outcomes


def _apply(rule: Rule, report: Mapping[str, Any]) -> dict[str, Any]:
    room, name = rule.metric.split(".")
    entry = report.get(room, {}).get(name) or {}
    if rule.metric == "privacy.epsilon":
        entry = _epsilon(report)
    key = next(key for key in LIMITS if getattr(rule, key) is not None)
    limit = getattr(rule, key)
    outcome: dict[str, Any] = {"metric": rule.metric, key.rstrip("_"): limit, "level": rule.level}
    if key == "not_":
        value, met = entry.get("state"), None if entry.get("state") is None else entry["state"] != limit
        why = entry.get("text")
    else:
        value, met, why = _compare(rule, key, float(limit), entry)
    outcome |= {"met": met, "value": plain(value), "sentence": rule.sentence or _sentence(rule, key, limit)}
    if met is None:
        outcome["sentence"] += f" This could not be judged: {why or 'the figure is not in the report.'}"
        outcome["met"] = False if rule.missing == "fail" else None
    return outcome


def _epsilon(report: Mapping[str, Any]) -> dict[str, Any]:
    """The budget spent by the ledger, which is no measured figure and stands apart."""
    spent = (report.get("privacy", {}).get("dp") or {}).get("epsilon_spent")
    return {"value": spent, "text": "there is no differential privacy." if spent is None else None}


def _compare(
    rule: Rule, key: str, limit: float, entry: Mapping[str, Any]
) -> tuple[float | None, bool | None, str | None]:
    value, reason = entry.get("value"), entry.get("text")
    if rule.bound is not None:
        ends = entry.get("interval")
        value = ends[0 if rule.bound == "low" else 1] if ends else None
    if key in ("max_over_reference", "min_under_reference"):
        reference = entry.get("reference")
        value = entry["matched"] if entry.get("matched") is not None else value
        if value is None or reference is None:
            return None, None, reason
        value = value - reference if key == "max_over_reference" else reference - value
        return value, value <= limit, None
    if value is None:
        return None, None, reason
    return value, (value <= limit if key == "max" else value >= limit), None


def _sentence(rule: Rule, key: str, limit: Any) -> str:
    what = METRICS[rule.metric]
    what = what[0].upper() + what[1:]
    if rule.bound:
        what = f"The {'lower' if rule.bound == 'low' else 'upper'} end of the interval of {METRICS[rule.metric]}"
    if key == "not_":
        return f"{what} must not be “{limit}”."
    if key == "max":
        return f"{what} must be at most {limit:g}."
    if key == "min":
        return f"{what} must be at least {limit:g}."
    if key == "max_over_reference":
        return f"{what} may be at most {limit:g} above that of fresh real rows."
    return f"{what} may be at most {limit:g} below that of fresh real rows."


def load_policy(policy: str | Path | Policy | None = None) -> Policy:
    """A policy by the name of a shipped one, by its file, or the default where nothing is given.

    >>> load_policy().name
    'internal'

    Raises:
        SchemaError: there is no such policy, or the file is wrong.
    """
    if isinstance(policy, Policy):
        return policy
    if policy is None:
        return Policy.shipped()
    path = Path(policy)
    named = path.suffix == "" and len(path.parts) == 1 and not path.exists()
    return Policy.shipped(str(policy)) if named else Policy.read(path)
