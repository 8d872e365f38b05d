"""Squares on a map of equal areas: the places of a split that is not by tile.

The map is the azimuthal equal-area projection about the middle of the tiles, so that
all tiles, whatever their UTM zone, share one grid of squares; up to 500 km from the
middle lengths are within 0.1 % of those on the ground.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tfds_eo.geo.tile_grid import TileGrid, transformer

LEAST_SIZE = 5000.0
"""Least width of a square in metres."""

BUFFERED = -1
"""Split of a place that is too near the edge of its square."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Squares:
    """A division of a region into squares that belong to splits.

    Attributes:
        longitude: Longitude of the middle of the map, in degrees.
        latitude: Its latitude.
        size: Width of a square in metres.
        buffer: Least distance between samples of two squares, in metres.
        shares: Share of the squares of each split; they sum to 1.
        seed: Seed by which squares are assigned.

    Raises:
        ValueError: If squares are too small, or leave nothing between their buffers, or
            the shares do not sum to 1.
    """

    longitude: float
    latitude: float
    size: float
    buffer: float
    shares: tuple[float, ...]
    seed: int

    def __post_init__(self) -> None:
        if self.size < LEAST_SIZE or not 0 <= self.buffer < self.size:
            raise ValueError(
                f"squares must be at least {LEAST_SIZE:.0f} m wide, and wider than the"
                f" buffer between them; got {self.size} and {self.buffer}"
            )
        if abs(sum(self.shares) - 1) > 1e-6 or min(self.shares) < 0:
            raise ValueError(f"shares must sum to 1; got {self.shares}")

    @property
    def crs(self) -> str:
        """The map's CRS."""
        return (
            f"+proj=laea +lat_0={self.latitude} +lon_0={self.longitude} +datum=WGS84"
            " +units=m"
        )

    def square_of(
        self, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], crs: str
    ) -> npt.NDArray[np.int64]:
        """Returns column and row of the square of each place, ``[places, 2]``."""
        return np.floor(self._on_map(x, y, crs) / self.size).astype(np.int64)

    def inside(
        self,
        x: npt.NDArray[np.float64],
        y: npt.NDArray[np.float64],
        crs: str,
        square: npt.NDArray[np.int64],
    ) -> npt.NDArray[np.bool_]:
        """Says which places lie in a given square, half a buffer from its edges."""
        there = self._on_map(x, y, crs) - square * self.size
        margin = self.buffer / 2
        kept: npt.NDArray[np.bool_] = (there >= margin) & (there <= self.size - margin)
        return kept[:, 0] & kept[:, 1]

    def split_of(self, square: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Returns the number of the split of each square, ``[squares, 2]``."""
        unique, inverse = np.unique(square, axis=0, return_inverse=True)
        bounds = np.cumsum(self.shares)
        chance = [
            int.from_bytes(
                hashlib.sha256(f"{self.seed}/{col}/{row}".encode()).digest()[:8]
            )
            / 2**64
            for col, row in unique.tolist()
        ]
        splits = np.searchsorted(bounds[:-1], chance, side="right")
        return splits[inverse.reshape(-1)].astype(np.int64)

    def _on_map(
        self, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], crs: str
    ) -> npt.NDArray[np.float64]:
        return np.stack(transformer(crs, self.crs).transform(x, y), axis=1)


def middle_of(grids: Sequence[TileGrid]) -> tuple[float, float]:
    """Returns longitude and latitude of the middle of tiles, in whole degrees."""
    places = []
    for grid in grids:
        left, bottom, right, top = grid.bounds
        to_degrees = transformer(grid.crs, "EPSG:4326")
        places.append(to_degrees.transform((left + right) / 2, (bottom + top) / 2))
    longitude, latitude = np.mean(places, axis=0)
    return float(round(longitude)), float(round(latitude))
