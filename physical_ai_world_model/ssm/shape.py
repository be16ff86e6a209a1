"""The sizes of the people model; they travel with its weights and say which architecture those are of."""

from __future__ import annotations

from dataclasses import dataclass

ARCHITECTURE = "selective-zoh-people-1"


@dataclass(frozen=True)
class Shape:
    """Recurrence: features in, width, inner channels, states a channel, rank of the step's gate, layers.

    Head: edge features, modes of the mixture (beside one best guess), polynomials a path, coefficients of a spread.
    """

    features: int = 8
    width: int = 64
    inner: int = 128
    state: int = 16
    rank: int = 4
    layers: int = 2
    edge: int = 22
    modes: int = 20
    basis: int = 6
    spread: int = 3

    @property
    def outputs(self) -> int:
        """Coefficients of one mode: path along and across, log spread along and across, correlation, log weight."""
        return 2 * self.basis + 2 * self.spread + 2
