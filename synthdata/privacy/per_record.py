"""Every record's own gradient, known by its parts: enough for its norm and for sums of clipped ones, never formed.

In one backward pass each layer sees what went into it and the slope of the loss at what came out. The gradient of its
weights for one record is made of these two, and so are its norm and any weighted sum over records: "ghost clipping" by
book-keeping (Goodfellow 2015, arXiv 1510.01799; Bu et al. 2023, "Differentially private optimization on large model at
small cost", arXiv 2210.00038). Norms and sums are made of the same parts, so that a use of a weight that no layer tells
of can spoil training, but never let a record in unclipped.

Layers of our own say what their gradients are made of by a method ``per_record(inputs, slopes)``, given what `forward`
was given and the slopes (like its output) of the losses; for torch's linear, embedding and normalisation layers it
stands here. Others go to Opacus.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import torch
from torch import nn
from torch.nn import functional

from synthdata.errors import PrivacyError

Sums = list[tuple[nn.Parameter, torch.Tensor]]


class Part(Protocol):
    """The gradients of some weights for every record of a batch."""

    def squares(self) -> torch.Tensor:
        """The squared norm (b,) of each record's gradient."""
        ...

    def sums(self, factors: torch.Tensor) -> Sums:
        """The sum over records of gradients times ``factors`` (b,), for each of the weights."""
        ...


@dataclass(frozen=True)
class Products:
    """Weights (g, n, m), or (n, m), whose gradients are products of inputs (g, b, n) and slopes (g, b, m); with a bias.

    ``turned`` for weights that are stored as (m, n).
    """

    #: along which axis of its tensors records lie; 0 for other parts
    axis: ClassVar[int] = 1

    weight: nn.Parameter
    bias: nn.Parameter | None
    inputs: torch.Tensor
    slopes: torch.Tensor
    turned: bool = False

    def squares(self) -> torch.Tensor:
        """Squared norms (b,): of a product, the norms' product."""
        inputs = self.inputs.square().sum(-1) + (0 if self.bias is None else 1)
        return (inputs * self.slopes.square().sum(-1)).sum(0)

    def sums(self, factors: torch.Tensor) -> Sums:
        """The weighted sums, each one product of matrices."""
        slopes = self.slopes * factors[:, None]
        left, right = (slopes, self.inputs) if self.turned else (self.inputs, slopes)
        out = [(self.weight, torch.bmm(left.transpose(1, 2), right).view(self.weight.shape))]
        return out if self.bias is None else [*out, (self.bias, slopes.sum(1).view(self.bias.shape))]


@dataclass(frozen=True)
class ProductSums:
    """Weights (m, n) whose gradients are sums over places of slopes (b, t, m) times inputs (b, t, n); with a bias."""

    weight: nn.Parameter
    bias: nn.Parameter | None
    inputs: torch.Tensor
    slopes: torch.Tensor

    def squares(self) -> torch.Tensor:
        """Squared norms (b,) by the products of each two places."""
        alike = self.inputs @ self.inputs.transpose(1, 2) + (0 if self.bias is None else 1)
        return (alike * (self.slopes @ self.slopes.transpose(1, 2))).sum((1, 2))

    def sums(self, factors: torch.Tensor) -> Sums:
        """The weighted sums."""
        slopes = (self.slopes * factors[:, None, None]).flatten(0, 1)
        out = [(self.weight, slopes.T @ self.inputs.flatten(0, 1))]
        return out if self.bias is None else [*out, (self.bias, slopes.sum(0))]


@dataclass(frozen=True)
class Lookups:
    """Vectors (v, w) looked up at ``index`` (b, t), with slopes (b, t, w); ``distinct`` if none is looked up twice."""

    weight: nn.Parameter
    index: torch.Tensor
    slopes: torch.Tensor
    distinct: bool = False

    def squares(self) -> torch.Tensor:
        """Squared norms (b,); what a record looks up twice has the sum of both slopes."""
        if self.distinct:
            return self.slopes.square().sum((1, 2))
        same = self.index[:, :, None] == self.index[:, None]
        return ((self.slopes @ self.slopes.transpose(1, 2)) * same).sum((1, 2))

    def sums(self, factors: torch.Tensor) -> Sums:
        """The weighted sums."""
        slopes = (self.slopes * factors[:, None, None]).flatten(0, 1)
        total = slopes.new_zeros(len(self.weight), slopes.shape[-1]).index_add_(0, self.index.flatten(), slopes)
        return [(self.weight, total.view(self.weight.shape))]


@dataclass(frozen=True)
class Whole:
    """Weights of any shape with every record's gradient (b, …) written out: for small ones."""

    weight: nn.Parameter
    gradients: torch.Tensor

    def squares(self) -> torch.Tensor:
        """Squared norms (b,)."""
        return self.gradients.flatten(1).square().sum(1)

    def sums(self, factors: torch.Tensor) -> Sums:
        """The weighted sums."""
        return [(self.weight, torch.einsum("b,b...->...", factors, self.gradients))]


@dataclass
class Recording:
    """What layers were given and gave while a batch of records went through them once."""

    calls: list[tuple[nn.Module, Sequence[Any], torch.Tensor]] = field(default_factory=list)

    def parts(self, losses: torch.Tensor) -> list[Part]:
        """What the gradients of ``losses`` (b,), each of one record, are made of.

        Raises:
            PrivacyError: a layer was used twice, or a weight outside of any layer that can tell of it.
        """
        outputs = [output for _, _, output in self.calls]
        seen: set[nn.Module] = set()
        for layer, _, _ in self.calls:
            if layer in seen:
                raise PrivacyError(
                    f"A layer of the kind {type(layer).__name__} is used twice for the same records.",
                    "Let each layer be used once in a loss that has to be private.",
                )
            seen.add(layer)
        if not losses.requires_grad:
            # Where every column has one cell there is nothing to learn.
            return []
        slopes = torch.autograd.grad(losses.sum(), outputs, allow_unused=True)
        parts: list[Part] = []
        for (layer, inputs, _), slope in zip(self.calls, slopes, strict=True):
            if slope is not None:
                given = [_full(each) if isinstance(each, torch.Tensor) else each for each in inputs]
                parts += _parts_of(layer, given, _full(slope))
        return parts


@contextmanager
def recording(networks: nn.Module) -> Iterator[Recording]:
    """Take down what every layer with weights of its own is given, while the context lasts."""
    record = Recording()

    def note(layer: nn.Module, inputs: tuple[Any, ...], keywords: Mapping[str, Any], output: torch.Tensor) -> None:
        if keywords:
            raise PrivacyError(f"A layer of the kind {type(layer).__name__} was given inputs by name.")
        if torch.is_grad_enabled():
            if not output.requires_grad:
                output.requires_grad_(True)
            record.calls.append((layer, inputs, output))

    layers = [layer for layer in networks.modules() if _own(layer)]
    hooks = [layer.register_forward_hook(note, with_kwargs=True) for layer in layers]
    try:
        yield record
    finally:
        for hook in hooks:
            hook.remove()


def require_layers(networks: nn.Module, losses: Callable[[], torch.Tensor]) -> None:
    """Refuse networks of which a weight is used outside of the layers that tell of it.

    ``losses`` are those (b,) of a few records, made up or not; only which weights matter to them is looked at.

    Raises:
        PrivacyError: with the weight's name.
    """
    with recording(networks) as record:
        found = losses()
    told = {id(p) for layer, _, _ in record.calls for p in _told(layer)}
    names = [(name, p) for name, p in networks.named_parameters() if p.requires_grad and id(p) not in told]
    if not names or not found.requires_grad:
        return
    slopes = torch.autograd.grad(found.sum(), [p for _, p in names], allow_unused=True)
    for (name, _), slope in zip(names, slopes, strict=True):
        if slope is not None:
            raise PrivacyError(f"No layer tells how the weight {name!r} enters the loss of single records.")


def clipped_sums(
    networks: nn.Module, losses: Callable[[], torch.Tensor], clip: float
) -> tuple[dict[nn.Parameter, torch.Tensor], torch.Tensor]:
    """The sums over records of gradients of norm ``clip`` at most, by weight, and the norms (b,) before clipping.

    ``losses`` makes the losses (b,), each of which depends on one record alone.
    """
    gradients = clipped_gradients(networks, losses, clip)
    return gradients.sums(), gradients.norms


@dataclass(frozen=True)
class ClippedGradients:
    """The clipped gradients of a batch of records, by their parts, and the norms (b,) before clipping."""

    parts: Sequence[Part]
    factors: torch.Tensor
    norms: torch.Tensor

    def sums(self, counted: torch.Tensor | None = None) -> dict[nn.Parameter, torch.Tensor]:
        """Their sums by weight, each record times ``counted`` (b,), or once."""
        factors = self.factors if counted is None else self.factors * counted
        sums: dict[nn.Parameter, torch.Tensor] = {}
        for part in self.parts:
            for weight, total in part.sums(factors):
                if weight in sums:
                    raise PrivacyError("A weight belongs to two layers; its gradients would be clipped apart.")
                sums[weight] = total
        return sums

    def along(self, direction: Mapping[nn.Parameter, torch.Tensor]) -> torch.Tensor:
        """The inner product (b,) of each record's clipped gradient with a direction.

        The sums are linear in how often each record counts, so that its slope is what is asked for.
        """
        counted = torch.ones_like(self.factors, requires_grad=True)
        with torch.enable_grad():
            sums = self.sums(counted)
            products = [(sums[weight] * direction[weight]).sum() for weight in sums if weight in direction]
            if not products:
                return torch.zeros_like(self.factors)
            total = torch.stack(products).sum()
        return torch.autograd.grad(total, counted)[0]


def clipped_gradients(networks: nn.Module, losses: Callable[[], torch.Tensor], clip: float) -> ClippedGradients:
    """The gradients of single records, of norm ``clip`` at most.

    A record whose gradient is not a number counts nothing. Norms are taken a little larger than computed, for
    rounding's sake.
    """
    with recording(networks) as record:
        found = losses()
    parts = record.parts(found)
    squares = torch.zeros(len(found), device=found.device)
    for part in parts:
        squares = squares + part.squares()
    finite = torch.isfinite(squares)
    if not bool(finite.all()):
        parts = [_without(part, ~finite) for part in parts]
    norms = squares.sqrt()
    factors = torch.where(finite, clip / (norms * (1 + _ROUNDING)).clamp(min=clip), 0.0)
    return ClippedGradients(parts, factors, norms)


#: by how much a norm of single precision may be too small
_ROUNDING = 1e-5


def _own(layer: nn.Module) -> list[nn.Parameter]:
    """The weights that a layer has by itself and that are learnt; bags of weights are no layers."""
    if isinstance(layer, nn.ParameterDict | nn.ParameterList):
        return []
    return [weight for weight in layer.parameters(recurse=False) if weight.requires_grad]


def _told(layer: nn.Module) -> list[nn.Parameter]:
    """The weights that a layer tells the gradients of; one of ours tells of those in its bags as well."""
    bags = [bag for bag in layer.children() if isinstance(bag, nn.ParameterDict | nn.ParameterList)]
    inside = [weight for bag in bags for weight in bag.parameters()] if hasattr(layer, "per_record") else []
    return _own(layer) + inside


def _full(tensor: torch.Tensor) -> torch.Tensor:
    """In single precision at least; half of it would not do for a norm that must hold."""
    tensor = tensor.detach()
    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor


def _without(part: Part, bad: torch.Tensor) -> Part:
    """The same with nothing at records (b,) that are bad: 0 times what is no number is no number."""
    values = {}
    for name, value in vars(part).items():
        if isinstance(value, torch.Tensor) and not isinstance(value, nn.Parameter) and value.is_floating_point():
            axis = getattr(part, "axis", 0)
            shape = [-1 if k == axis else 1 for k in range(value.dim())]
            value = torch.where(bad.view(shape), 0.0, value)
        values[name] = value
    return type(part)(**values)


def _parts_of(layer: nn.Module, inputs: Sequence[Any], slopes: torch.Tensor) -> Sequence[Part]:
    """What the gradients of one layer's weights are made of."""
    own = getattr(layer, "per_record", None)
    if own is not None:
        return list(own(inputs, slopes))
    for kind, rule in _RULES.items():
        if type(layer) is kind:
            return rule(layer, inputs[0], slopes)
    from synthdata.privacy.dpsgd import parts_by_opacus

    return [Whole(weight, gradients) for weight, gradients in parts_by_opacus(layer, inputs, slopes)]


def _linear(layer: Any, inputs: torch.Tensor, slopes: torch.Tensor) -> Sequence[Part]:
    if inputs.dim() == 2:
        return [Products(layer.weight, layer.bias, inputs[None], slopes[None], turned=True)]
    flat = [each.flatten(1, -2) for each in (inputs, slopes)]
    return [ProductSums(layer.weight, layer.bias, *flat)]


def _embedding(layer: Any, index: torch.Tensor, slopes: torch.Tensor) -> Sequence[Part]:
    slopes = slopes.view(len(index), -1, slopes.shape[-1])
    index = index.view(len(index), -1)
    if layer.padding_idx is not None:
        slopes = torch.where((index == layer.padding_idx)[..., None], 0.0, slopes)
    return [Lookups(layer.weight, index, slopes)]


def _layer_norm(layer: Any, inputs: torch.Tensor, slopes: torch.Tensor) -> Sequence[Part]:
    shape = layer.normalized_shape
    level = functional.layer_norm(inputs, shape, eps=layer.eps) * slopes
    between = tuple(range(1, inputs.dim() - len(shape)))

    def summed(each: torch.Tensor) -> torch.Tensor:
        return each.sum(between) if between else each

    out: list[Part] = [Whole(layer.weight, summed(level))]
    return out if layer.bias is None else [*out, Whole(layer.bias, summed(slopes))]


def _group_norm(layer: Any, inputs: torch.Tensor, slopes: torch.Tensor) -> Sequence[Part]:
    level = functional.group_norm(inputs, layer.num_groups, eps=layer.eps) * slopes
    level, slopes = (each.flatten(2).sum(2) if each.dim() > 2 else each for each in (level, slopes))
    return [Whole(layer.weight, level), Whole(layer.bias, slopes)]


_RULES: dict[type[nn.Module], Callable[[Any, torch.Tensor, torch.Tensor], Sequence[Part]]] = {
    nn.Linear: _linear,
    nn.Embedding: _embedding,
    nn.LayerNorm: _layer_norm,
    nn.GroupNorm: _group_norm,
}
