"""Where a network is trained, in which precision, and with which random numbers."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from synthdata.errors import MissingExtraError, ModelError

if TYPE_CHECKING:
    import torch

DeviceName = Literal["auto", "cpu", "cuda"]


def require_torch() -> Any:
    """The package torch.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import torch
    except ImportError:
        raise MissingExtraError("torch", "neural") from None
    return torch


def choose_device(name: str = "auto") -> torch.device:
    """The device to compute on; ``auto`` takes a GPU where there is one.

    Raises:
        ModelError: the name is unknown, or there is no such device here.

    >>> choose_device("cpu").type
    'cpu'
    """
    torch = require_torch()
    if name not in ("auto", "cpu", "cuda"):
        raise ModelError(f"There is no device {name!r}.", "Known: auto, cpu, cuda.")
    if name == "cuda" and not torch.cuda.is_available():
        raise ModelError("No GPU that this torch can use was found.", "Use device='cpu', or device='auto'.")
    return torch.device("cuda" if name == "cuda" or (name == "auto" and torch.cuda.is_available()) else "cpu")


def half_precision(device: torch.device) -> AbstractContextManager[Any]:
    """A context in which matrices are multiplied in bfloat16 where the hardware does that natively, else in float32."""
    torch = require_torch()
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported()
    else:
        checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        fast = any(getattr(torch.cpu, check, lambda: False)() for check in checks)
    return torch.autocast(device.type, dtype=torch.bfloat16) if fast else nullcontext()


def torch_generator(generator: np.random.Generator, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator of torch, seeded from one of NumPy; the caller's global state is not moved."""
    torch = require_torch()
    made = torch.Generator(device=device)
    made.manual_seed(int(generator.integers(2**62)))
    return made


def free_bytes(device: torch.device) -> int:
    """How much memory of a GPU is free; for the CPU, where the table lies anyway, more than is ever asked for."""
    torch = require_torch()
    return int(torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else 2**62
