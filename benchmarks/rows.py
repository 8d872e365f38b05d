"""What a benchmark measures: a value, and the peer or limit it stands beside."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the table of benchmarks.

    Attributes:
        name: What was measured.
        value: How much it was.
        unit: Unit of the value.
        peer: What it is compared with, measured in the same run; empty for none.
        peer_value: How much the peer was, in the same unit.
        wanted: Bound of the ratio that the project claims; empty for none.
    """

    name: str
    value: float
    unit: str
    peer: str = ""
    peer_value: float | None = None
    wanted: str = ""

    @property
    def ratio(self) -> float | None:
        """Value divided by the peer's."""
        return None if self.peer_value is None else self.value / self.peer_value
