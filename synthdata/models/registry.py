"""The models by name: a literal list, and what others register under the entry-point group ``synthdata.models``."""

from __future__ import annotations

import importlib
import inspect
import types
import typing
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from synthdata.errors import MissingExtraError, ModelError, did_you_mean
from synthdata.models.abilities import ABILITIES
from synthdata.models.base import Synthesizer
from synthdata.models.parameter_docs import parameter_docs
from synthdata.runs import artifact

BUILT_IN = {
    "auto": "synthdata.models.auto:Auto",
    "independent": "synthdata.models.independent:Independent",
    "gmm": "synthdata.models.gmm:GaussianMixture",
    "copula": "synthdata.models.copula:GaussianCopula",
    "bayesnet": "synthdata.models.bayesnet:BayesNet",
    "trees": "synthdata.models.trees:Trees",
    "boosted": "synthdata.models.boosted:BoostedTrees",
    "autoregressive": "synthdata.models.autoregressive:Autoregressive",
    "diffusion": "synthdata.models.diffusion:Diffusion",
    "flow": "synthdata.models.flow:Flow",
    "tvae": "synthdata.models.tvae:VariationalAutoencoder",
    "ctgan": "synthdata.models.ctgan:ConditionalGAN",
    "rbm": "synthdata.models.rbm:RestrictedBoltzmann",
    "hmm": "synthdata.models.hmm:HiddenMarkov",
    "aim": "synthdata.models.aim:AIM",
    "mst": "synthdata.models.mst:MST",
    "sdv:gaussian_copula": "synthdata.models.sdv_adapter:SDVGaussianCopula",
    "sdv:ctgan": "synthdata.models.sdv_adapter:SDVCTGAN",
    "sdv:tvae": "synthdata.models.sdv_adapter:SDVTVAE",
    "sdv:copulagan": "synthdata.models.sdv_adapter:SDVCopulaGAN",
}


def model_names() -> list[str]:
    """The names of all models that can be made here."""
    return [*BUILT_IN, *sorted(point.name for point in entry_points(group="synthdata.models"))]


def model_class(name: str) -> type[Synthesizer]:
    """The class of a model by its name.

    Raises:
        ModelError: there is no such model, and the nearest name is suggested; or that of another package is broken.
        MissingExtraError: it needs a package that is not installed.
    """
    if name in BUILT_IN:
        module, attribute = BUILT_IN[name].split(":")
        try:
            found = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            if error.name != "torch":
                raise
            raise MissingExtraError("torch", "neural") from None
    else:
        points = [point for point in entry_points(group="synthdata.models") if point.name == name]
        if not points:
            raise ModelError(f"There is no model {name!r}.", did_you_mean(name, model_names()))
        try:
            found = points[0].load()
        except Exception as error:  # whatever code of another package does when it is imported
            raise ModelError(
                f"The model {name!r}, {points[0].value!r} of another package, ends in {type(error).__name__}: {error}.",
                "Mend the package that offers it under 'synthdata.models', or remove it.",
            ) from error
    return typing.cast(type[Synthesizer], found)


def private_model_names() -> list[str]:
    """The names of the models that can be fitted with differential privacy, of those that can be loaded."""
    names = []
    for name in model_names():
        with suppress(ModelError, MissingExtraError):
            if model_class(name).has_private_form():
                names.append(name)
    return names


def describe_model(name: str) -> dict[str, Any]:
    """What a model is and can do: ``name``, ``class``, ``summary``, ``abilities``, ``log_prob`` and ``parameters``.

    ``abilities`` are the names in `abilities.ABILITIES`, and ``native conditions`` where rows under conditions are
    drawn directly instead of by rejection, and ``differential privacy`` where the family has a private form;
    ``log_prob`` says what kind of density the ability of that name gives. ``parameters`` maps each name to its ``type``
    and ``default`` as text, and what it is ``for``, empty where its docstring does not say so. A model that cannot be
    loaded has the key ``problem`` and no parameters.

    Raises:
        ModelError: there is no such model; the nearest name is suggested.

    >>> describe_model("independent")["parameters"]["rare_threshold"]["default"]
    '5'
    """
    try:
        return _described(name, model_class(name))
    except (ModelError, MissingExtraError) as error:
        if name not in model_names():
            raise
        nothing: dict[str, Any] = {"class": "", "summary": "", "abilities": [], "log_prob": None, "parameters": {}}
        return {"name": name, **nothing, "problem": f"Cannot be loaded. {error}"}


def describe_models() -> list[dict[str, Any]]:
    """What every model is and can do, as `describe_model` has it.

    >>> [model["name"] for model in describe_models()][:2]
    ['auto', 'independent']
    """
    return [describe_model(name) for name in model_names()]


def _described(name: str, cls: type[Synthesizer]) -> dict[str, Any]:
    hints = typing.get_type_hints(cls.__init__)
    abilities = [ability for ability in ABILITIES if hasattr(cls, ability)]
    if cls._sample_given is not Synthesizer._sample_given:
        abilities.append("native conditions")
    if cls.has_private_form():
        abilities.append("differential privacy")
    docs = parameter_docs(cls)
    parameters = {
        key: {
            "type": _type_name(hints.get(key, str)),
            "default": repr(parameter.default),
            "for": docs.get(key, ""),
        }
        for key, parameter in inspect.signature(cls.__init__).parameters.items()
        if key != "self"
    }
    return {
        "name": name,
        "class": f"{cls.__module__}:{cls.__qualname__}",
        "summary": cls.summary,
        "abilities": abilities,
        "log_prob": getattr(cls, "log_prob_kind", None),
        "parameters": parameters,
    }


def _type_name(hint: Any) -> str:
    if typing.get_origin(hint) is typing.Literal:
        return " or ".join(map(repr, typing.get_args(hint)))
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else ()
    if options:
        return " or ".join(_type_name(option) for option in options)
    return "None" if hint is type(None) else str(getattr(hint, "__name__", hint))


def usual_model(*, private: bool) -> str:
    """The name of the model that is fitted where none is named; `boosted` cannot keep a privacy budget.

    >>> usual_model(private=False), usual_model(private=True)
    ('boosted', 'auto')
    """
    return "auto" if private else "boosted"


def make_model(name: str, settings: Iterable[str] = (), **parameters: Any) -> Synthesizer:
    """An unfitted model; ``settings`` are texts such as ``max_components=20``, read by the parameter's type.

    Raises:
        ModelError: unknown model or parameter, or a value that does not fit its type.
    """
    cls = model_class(name)
    known = {key: hint for key, hint in typing.get_type_hints(cls.__init__).items() if key != "return"}
    for text in settings:
        key, equals, value = text.partition("=")
        if not equals:
            raise ModelError(f"The parameter {text!r} is not of the form KEY=VALUE.")
        parameters[key.strip()] = _read(value.strip(), known.get(key.strip(), str), key.strip())
    for key in parameters:
        if key not in inspect.signature(cls.__init__).parameters:
            raise ModelError(f"The model {name!r} has no parameter {key!r}.", did_you_mean(key, known))
    return cls(**parameters)


def load(path: str | Path) -> Synthesizer:
    """Read a model that `Synthesizer.save` wrote; a run folder works as well.

    Raises:
        ModelError: no model there, a newer version, or a damaged file.
    """
    folder = Path(path)
    if not (folder / "manifest.json").exists() and (folder / "model" / "manifest.json").exists():
        folder = folder / "model"
    manifest, arrays = artifact.load(folder)
    cls = model_class(manifest["model"])
    try:
        return cls._load(manifest, arrays)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ModelError(
            f"The model in {folder} does not fit this synthdata ({type(error).__name__}).",
            f"It was written with: {manifest.get('libraries')}. Install those versions, or fit it again.",
        ) from None


def _read(text: str, hint: Any, key: str) -> Any:
    options = (
        typing.get_args(hint)
        if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union
        else (hint,)
    )
    if type(None) in options and text.lower() in ("none", "null", ""):
        return None
    for option in options:
        if option is bool and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if typing.get_origin(option) is typing.Literal and text in typing.get_args(option):
            return text
        if option in (int, float):
            try:
                return option(text)
            except ValueError:
                continue
        if option is str:
            return text
    wanted = " or ".join(_type_name(option) for option in options if option is not type(None))
    raise ModelError(f"The parameter {key!r} should be {wanted}, found {text!r}.")
