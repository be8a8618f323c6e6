"""How rows are drawn and scored by networks of columns, in parts that a machine holds at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from synthdata.encoders.base import UNSEEN, AllowedCells, Encoded
from synthdata.models.networks.columns import ColumnNetworks
from synthdata.training.device import half_precision, torch_generator

#: how many numbers a step of sampling may hold at once
_MOST_NUMBERS = 2**26
#: how many rows are drawn at once on a CPU: so many that they stay in its cache, and rows alike are among them
_CACHED = 4096


def rows_at_once(sizes: Sequence[int]) -> int:
    """How many rows are scored at once, by the numbers of codes of all columns."""
    return max(64, min(2048, _MOST_NUMBERS // max([512, *sizes]) // 2))


def draw_cells(
    networks: ColumnNetworks,
    rows: Encoded,
    allowed: Mapping[int, AllowedCells],
    generator: np.random.Generator,
    order: Sequence[int],
) -> np.ndarray:
    """Draw the `UNSEEN` cells of columns in place, in turn, each given all cells known by then.

    Gives the log-probability (n,) with which free draws would have met the conditions ``allowed``.
    """
    device = networks.places.device
    noise = torch_generator(generator, device)
    log_weight = np.zeros(len(rows))
    widest = max([*networks.sizes, networks.columns * networks.shape.cell_width, 512])
    size = max(256, min(_MOST_NUMBERS // widest, _CACHED if device.type == "cpu" else _MOST_NUMBERS))
    with torch.no_grad(), half_precision(device):
        for start in range(0, len(rows), size):
            part = slice(start, start + size)
            codes, values = _tensors(rows, part, device)
            weight = networks.draw(codes, values, order, allowed, noise)
            rows.codes[part] = codes.cpu().numpy()
            rows.values[part] = values.double().cpu().numpy()
            log_weight[part] = weight.double().cpu().numpy()
    return log_weight


def log_cells(networks: ColumnNetworks, rows: Encoded) -> np.ndarray:
    """Log-probabilities (n,) of rows by the chain rule in the fixed order; `UNSEEN` cells are left out of account."""
    if not networks.columns:
        return np.zeros(len(rows))
    device, out = networks.places.device, [np.zeros(0)]
    with torch.no_grad():
        size = rows_at_once(networks.sizes)
        for start in range(0, len(rows), size):
            codes, values = _tensors(rows, slice(start, start + size), device)
            observed = codes != UNSEEN
            known = networks.seen_before(networks.places.expand(len(codes), -1)) & observed[:, None, :]
            here = networks.log_probs(codes, values, known, exact=True)
            out.append(torch.where(observed, here, 0.0).double().sum(1).cpu().numpy())
    return np.concatenate(out)


def _tensors(rows: Encoded, part: slice, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """The codes and values (b, d) of some rows."""
    codes = torch.from_numpy(rows.codes[part].astype(np.int64)).to(device)
    return codes, torch.from_numpy(rows.values[part].astype(np.float32)).to(device)
