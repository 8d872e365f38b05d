"""Where sensor pixels lie on the Earth, from a grid of tie points, and back.

Positions are interpolated as x, y, z on the unit sphere: between longitudes there is no
straight line near a pole, and none across 180 degrees. Whole numbers are the centres of
pixels, as in the annotation of Sentinel-1; GDAL counts from the corners of pixels.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

Floats = npt.NDArray[np.float64]

_ITERATIONS = 20
_CLOSE_ENOUGH = 1e-6  # In pixels.


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class TiePoints:
    """A grid of sensor pixels whose places on the Earth are known.

    Attributes:
        rows: Image rows of the grid, increasing, ``[R]`` with R at least 2.
        cols: Image columns of the grid, increasing, ``[C]`` with C at least 2.
        longitude: Degrees east, ``[R, C]``.
        latitude: Degrees north, ``[R, C]``.
    """

    rows: Floats
    cols: Floats
    longitude: Floats
    latitude: Floats

    def __post_init__(self) -> None:
        shape = (len(self.rows), len(self.cols))
        if min(shape) < 2 or self.longitude.shape != shape != self.latitude.shape:
            raise ValueError(
                "tie points need a grid of at least 2 x 2; got rows and columns"
                f" {shape}, longitudes {self.longitude.shape}, latitudes"
                f" {self.latitude.shape}"
            )

    def locate(self, row: npt.ArrayLike, col: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Returns longitude and latitude of pixels, in degrees.

        Args:
            row: Rows, fractions allowed; beyond the grid its outer cells go on.
            col: Columns, in a shape that broadcasts with ``row``.
        """
        row, col = np.broadcast_arrays(
            np.asarray(row, np.float64), np.asarray(col, np.float64)
        )
        place = self._cells(row.ravel(), col.ravel())[0]
        return (
            np.degrees(np.arctan2(place[:, 1], place[:, 0])).reshape(row.shape),
            np.degrees(
                np.arctan2(place[:, 2], np.hypot(place[:, 0], place[:, 1]))
            ).reshape(row.shape),
        )

    def find(
        self, longitude: npt.ArrayLike, latitude: npt.ArrayLike
    ) -> tuple[Floats, Floats]:
        """Returns row and column of places on the Earth, the inverse of `locate`.

        Places beyond the grid get rows and columns beyond it, as the outer cells go
        on; places further away than the grid is wide get NaN.

        Args:
            longitude: Degrees east.
            latitude: Degrees north, in a shape that broadcasts with ``longitude``.
        """
        longitude, latitude = np.broadcast_arrays(
            np.asarray(longitude, np.float64), np.asarray(latitude, np.float64)
        )
        target = unit_vectors(longitude.ravel(), latitude.ravel())
        known = np.isfinite(target).all(axis=1)
        distance = np.full(len(target), np.inf)
        nearest = np.zeros(len(target), np.intp)
        distance[known], nearest[known] = self._tree.query(target[known])
        row = self.rows[nearest // len(self.cols)].astype(np.float64)
        col = self.cols[nearest % len(self.cols)].astype(np.float64)
        active = np.flatnonzero(distance <= self._extent)
        row[distance > self._extent] = col[distance > self._extent] = np.nan
        for _ in range(_ITERATIONS):
            if not len(active):
                break
            place, along_row, along_col = self._cells(row[active], col[active])
            miss = target[active] - place
            a = np.einsum("ni,ni->n", along_row, along_row)
            b = np.einsum("ni,ni->n", along_row, along_col)
            c = np.einsum("ni,ni->n", along_col, along_col)
            p = np.einsum("ni,ni->n", along_row, miss)
            q = np.einsum("ni,ni->n", along_col, miss)
            determinant = a * c - b * b
            row_step = (c * p - b * q) / determinant
            col_step = (a * q - b * p) / determinant
            row[active] += row_step
            col[active] += col_step
            moving = np.maximum(np.abs(row_step), np.abs(col_step)) > _CLOSE_ENOUGH
            active = active[moving]
        row[active] = col[active] = np.nan
        return row.reshape(longitude.shape), col.reshape(longitude.shape)

    @functools.cached_property
    def _places(self) -> Floats:
        return unit_vectors(self.longitude, self.latitude)

    @functools.cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self._places.reshape(-1, 3))

    @functools.cached_property
    def _extent(self) -> float:
        """Largest distance between two corners of the grid, on the unit sphere."""
        corners = self._places[[0, 0, -1, -1], [0, -1, 0, -1]]
        return float(np.linalg.norm(corners[:, None] - corners[None], axis=-1).max())

    def _cells(self, row: Floats, col: Floats) -> tuple[Floats, Floats, Floats]:
        """Returns places on the unit sphere and their change a row and a column."""
        i = np.clip(np.searchsorted(self.rows, row, "right") - 1, 0, len(self.rows) - 2)
        j = np.clip(np.searchsorted(self.cols, col, "right") - 1, 0, len(self.cols) - 2)
        height = (self.rows[i + 1] - self.rows[i])[:, None]
        width = (self.cols[j + 1] - self.cols[j])[:, None]
        u = (row - self.rows[i])[:, None] / height
        v = (col - self.cols[j])[:, None] / width
        upper_left, upper_right = self._places[i, j], self._places[i, j + 1]
        lower_left, lower_right = self._places[i + 1, j], self._places[i + 1, j + 1]
        upper = upper_left + v * (upper_right - upper_left)
        lower = lower_left + v * (lower_right - lower_left)
        place = upper + u * (lower - upper)
        along_row = (lower - upper) / height
        along_col = (
            (1 - u) * (upper_right - upper_left) + u * (lower_right - lower_left)
        ) / width
        place /= np.linalg.norm(place, axis=1, keepdims=True)
        return place, along_row, along_col


def unit_vectors(longitude: npt.ArrayLike, latitude: npt.ArrayLike) -> Floats:
    """Returns x, y, z on the unit sphere, with a last dimension of 3.

    Geodetic latitude is taken as it stands: the sphere serves interpolation only.

    Args:
        longitude: Degrees east.
        latitude: Degrees north.
    """
    east, north = np.radians(longitude), np.radians(latitude)
    return np.stack(
        [np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)],
        axis=-1,
    )
