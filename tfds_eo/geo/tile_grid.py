"""The pixel grid of a Sentinel-2 tile, or of a part of one."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import numpy.typing as npt
import pyproj

PIXEL = 10
"""Width and height of a pixel of the grid, in metres."""

Metres = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, kw_only=True, order=True)
class TileGrid:
    """The 10 m pixels of a tile, rows from north to south.

    The 20 m pixels of the tile nest in it: the 10 m pixel (row, col) lies in the 20 m
    pixel (row // 2, col // 2).

    Attributes:
        tile: Name of the tile in the MGRS, such as ``33UVP``.
        crs: Its UTM zone, such as ``EPSG:32633``.
        left: x of the left edge of column 0, in metres.
        top: y of the upper edge of row 0, in metres.
        rows: Number of 10 m rows; even.
        cols: Number of 10 m columns; even.

    Raises:
        ValueError: If the numbers of rows and columns are not positive and even.
    """

    tile: str
    crs: str
    left: float
    top: float
    rows: int
    cols: int

    def __post_init__(self) -> None:
        if min(self.rows, self.cols) < 2 or self.rows % 2 or self.cols % 2:
            raise ValueError(
                f"tile {self.tile} must have an even, positive number of 10 m rows and"
                f" columns; got {self.rows} and {self.cols}"
            )

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, bottom, right and top edge in metres."""
        return (
            self.left,
            self.top - self.rows * PIXEL,
            self.left + self.cols * PIXEL,
            self.top,
        )

    def transform(self, pixel: int = PIXEL) -> tuple[float, ...]:
        """Returns the six numbers of the affine transform for pixels of a size."""
        return (float(pixel), 0.0, self.left, 0.0, -float(pixel), self.top)

    def centres(
        self, row: npt.NDArray[np.integer], col: npt.NDArray[np.integer]
    ) -> tuple[Metres, Metres]:
        """Returns x and y of the centres of pixels, in metres."""
        return (
            self.left + (np.asarray(col, np.float64) + 0.5) * PIXEL,
            self.top - (np.asarray(row, np.float64) + 0.5) * PIXEL,
        )

    def longitude_latitude(
        self, row: npt.NDArray[np.integer], col: npt.NDArray[np.integer]
    ) -> tuple[Metres, Metres]:
        """Returns degrees east and north (WGS 84) of the centres of pixels."""
        return transformer(self.crs, "EPSG:4326").transform(*self.centres(row, col))

    def depth(self, x: Metres, y: Metres) -> Metres:
        """Returns how far inside the grid points lie, in metres; outside, below 0.

        Args:
            x: Eastings in the grid's CRS.
            y: Northings.
        """
        left, bottom, right, top = self.bounds
        return np.minimum(
            np.minimum(x - left, right - x), np.minimum(y - bottom, top - y)
        )


@functools.lru_cache(maxsize=64)
def transformer(source: str, target: str) -> pyproj.Transformer:
    """Returns a transformer between two CRS, x (or longitude) before y."""
    return pyproj.Transformer.from_crs(source, target, always_xy=True)
