"""What a neural family tells the training loop: its networks, its loss for every record, and how good it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import torch


class Player(Protocol):
    """Networks that learn together by one loss; a plain family has one player, an adversarial one has two.

    ``sees_real_rows`` says whether the loss depends on real records. Such a player's gradients are what differential
    privacy has to guard; its loss must then be a sum over records, each of which enters its own term alone.
    """

    @property
    def modules(self) -> torch.nn.Module:
        """The networks whose weights this player moves."""
        ...

    @property
    def sees_real_rows(self) -> bool:
        """Whether the loss depends on real records."""
        ...

    def losses(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """The loss of every record (b,) for training rows by their positions (b,) int64."""
        ...


@runtime_checkable
class PrivatePlayer(Protocol):
    """A player who can be trained privately although real rows are seen.

    The loss of each record must depend on this record and on numbers drawn for it alone: not on the other records of
    the batch, nor on how many they are, nor on how often this was called. Records may come in another order.
    """

    def private_losses(
        self, rows: torch.Tensor, generator: torch.Generator, share: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss of every record (b,) for training rows by their positions (b,) int64, at a ``share`` of training.

        With them the positions (b,) in the order in which the networks saw them, which is that of the losses.
        """
        ...


@runtime_checkable
class HasOwnLosses(Protocol):
    """A private player with losses beside those of real records, as a discriminator has of made-up ones.

    No real record enters them, so that they cost nothing and are not noised. They are clipped one by one as those of
    real records are, or the two would not balance where made-up records are like real ones.
    """

    def own_losses(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """The losses (count,) of records that were made up."""
        ...


@runtime_checkable
class HasOwnRates(Protocol):
    """A player whose weights are to move otherwise than the settings say, which are for the players beside it.

    ``relative_rate`` is how large its learning rate is beside theirs.
    """

    relative_rate: float
    weight_decay: float


@runtime_checkable
class TakesPart(Protocol):
    """A player who has less to learn than others, and takes a share of a batch at each turn."""

    batch_share: float


class Objective(Protocol):
    """All players in the order of their turns, and the held-out figure by which training is judged.

    It may have an attribute ``parts``, a list of numbers that `quality` sets to what its figure was made of.
    """

    @property
    def players(self) -> Sequence[Player]:
        """The players in the order of their turns."""
        ...

    @property
    def quality_name(self) -> str:
        """What `quality` is called where people see it."""
        ...

    def to(self, device: torch.device) -> None:
        """Move networks and table to a device."""
        ...

    def quality(self, rows: torch.Tensor) -> float:
        """How badly held-out rows (b,) are modelled, by their positions: lower is better."""
        ...
