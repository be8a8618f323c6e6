"""A policy: thresholds in a YAML file that turn a report's figures into pass, warn or fail.

    version: 1
    name: internal
    rules:
      - {metric: fidelity.shape, max: 0.02, level: warn}
      - {metric: fidelity.trend, max_over_reference: 0.02, level: warn}
      - {metric: utility.tstr, min: 0.7, bound: low, level: fail}
      - {metric: column.shape, column: age, max: 0.05}
      - {metric: pair.trend, max: 0.2}
      - {metric: privacy.verdict, not: leak found, level: fail}

``bound`` looks at an end of the 95 % interval instead of the value; ``max_over_reference`` and
``min_under_reference`` compare with the same figure for fresh real rows, at its sample size where the report has
that. A metric of single columns or pairs (`policy_metrics`) is held against every one of them, unless ``column``
or ``pair`` names one. ``least`` goes with ``not: leak found``: a leak that tests of nearness alone find, and whose size
in disturbed copies has its lower end below that, only warns. A rule whose figure is not there is not met nor broken: it
counts as a warning, unless it says ``missing: fail``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from synthdata.errors import SchemaError, did_you_mean
from synthdata.table.schema import Schema
from synthdata.validation.base import reason_not_judged
from synthdata.validation.policy_metrics import METRICS, NAMED_BY, STATES

POLICY_VERSION = 1
SHIPPED = Path(__file__).parent / "policies"


class Rule(BaseModel):
    """One threshold: a metric, one limit, and what breaking it means."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    metric: str
    column: str | None = None
    pair: tuple[str, str] | None = None
    max: float | None = None
    min: float | None = None
    max_over_reference: float | None = None
    min_under_reference: float | None = None
    not_: str | None = Field(default=None, alias="not")
    least: float | None = None
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
        if (self.metric in STATES) != (limits[0] == "not_"):
            raise ValueError(f"'not' goes with the metrics {' and '.join(STATES)}, and these with 'not'")
        if self.not_ is not None and self.not_ not in STATES[self.metric]:
            raise ValueError(f"unknown state {self.not_!r}. {did_you_mean(self.not_, STATES[self.metric])}")
        if self.least is not None and (self.metric != "privacy.verdict" or self.not_ != "leak found"):
            raise ValueError("'least' goes with the metric privacy.verdict and 'not: leak found'")
        if self.bound is not None and self.not_ is not None:
            raise ValueError("'bound' goes with a number")
        for key in ("column", "pair"):
            if getattr(self, key) is not None and NAMED_BY.get(self.metric.split(".")[0]) != key:
                raise ValueError(f"{key!r} does not go with the metric {self.metric}")
        return self

    @property
    def limit(self) -> str:
        """Which key holds the limit."""
        return next(key for key in LIMITS if getattr(self, key) is not None)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the rule names."""
        return ((self.column,) if self.column is not None else ()) + (self.pair or ())


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
    message = first["msg"].removeprefix("Value error, ")
    return f"{place}{f'key {key!r}: ' if key else ''}{message}{'' if message.endswith(('.', '?')) else '.'}"


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


def check_columns(policy: Policy, schema: Schema) -> None:
    """Refuse a policy that names a column which the table lacks, or which is not judged: before the work, not after.

    Raises:
        SchemaError: there is such a column.
    """
    for number, rule in enumerate(policy.rules, 1):
        for name in rule.columns:
            where = f"The policy {policy.name!r}, rule {number}"
            if name not in schema:
                raise SchemaError(
                    f"{where}: there is no column {name!r} in the table.", did_you_mean(name, schema.names)
                )
            if reason := reason_not_judged(schema[name]):
                raise SchemaError(f"{where}: column {name!r} is not judged: {reason}.", "Name another column.")
