"""Monotone rational-quadratic splines of the unit interval onto itself: densities with a distribution function in hand.

Durkan, Bekasov, Murray and Papamakarios 2019, "Neural spline flows" (arXiv 1906.04032), equations 4 to 8.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch.nn import functional

#: the least width and height of a piece relative to an even one, and the least slope
_LEAST, _LEAST_SLOPE = 0.02, 1e-3


class Spline(NamedTuple):
    """Splines (n,) through knots (n, k + 1) with slopes there."""

    x: torch.Tensor
    y: torch.Tensor
    slopes: torch.Tensor

    @classmethod
    def of(cls, raw: torch.Tensor) -> Spline:
        """Splines by unconstrained parameters (..., 3 k + 1); zeros give the identity."""
        pieces = (raw.shape[-1] - 1) // 3
        widths, heights, slopes = torch.split(raw.float(), [pieces, pieces, pieces + 1], dim=-1)
        # The slope at zero parameters is one.
        slopes = _LEAST_SLOPE + functional.softplus(slopes + math.log(math.expm1(1 - _LEAST_SLOPE)))
        return cls(_knots(widths), _knots(heights), slopes)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The distribution function (n,) and the log-density (n,) at places x (n,)."""
        x0, y0, width, height, left, right = self._piece(x, self.x)
        slope, t = height / width, ((x - x0) / width).clamp(0.0, 1.0)
        between = t * (1 - t)
        below = slope + (left + right - 2 * slope) * between
        y = y0 + height * (slope * t * t + left * between) / below
        rise = slope * slope * (right * t * t + 2 * slope * between + left * (1 - t) ** 2)
        return y.clamp(0.0, 1.0), torch.log(rise) - 2 * torch.log(below)

    def inverse(self, y: torch.Tensor) -> torch.Tensor:
        """The places (n,) at which the distribution function is y (n,)."""
        x0, y0, width, height, left, right = self._piece(y, self.y)
        slope, up = height / width, (y - y0).clamp(min=0.0)
        bend = up * (left + right - 2 * slope)
        a, b, c = height * (slope - left) + bend, height * left - bend, -slope * up
        # The root in the form that does not cancel.
        t = 2 * c / (-b - torch.sqrt((b * b - 4 * a * c).clamp(min=0.0))).clamp(max=-1e-12)
        return (x0 + t.clamp(0.0, 1.0) * width).clamp(0.0, 1.0)

    def _piece(self, at: torch.Tensor, knots: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Corner, width, height and slopes at both ends of the piece in which places lie."""
        last = knots.shape[-1] - 2
        k = (torch.searchsorted(knots.contiguous(), at[..., None].contiguous(), right=True) - 1).clamp(0, last)
        x, y, slopes = (torch.cat([part.gather(-1, k), part.gather(-1, k + 1)], dim=-1) for part in self)
        return x[..., 0], y[..., 0], x[..., 1] - x[..., 0], y[..., 1] - y[..., 0], slopes[..., 0], slopes[..., 1]


def _knots(raw: torch.Tensor) -> torch.Tensor:
    """Knots (..., k + 1) from 0 to 1 by log-lengths (..., k)."""
    pieces = raw.shape[-1]
    lengths = _LEAST / pieces + (1 - _LEAST) * functional.softmax(raw, dim=-1)
    inner = lengths.cumsum(-1)[..., :-1]
    return torch.cat([torch.zeros_like(raw[..., :1]), inner, torch.ones_like(raw[..., :1])], dim=-1)
