"""Windows of pixels, and regular grids on a map."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyproj


@dataclasses.dataclass(frozen=True, kw_only=True, order=True)
class PixelWindow:
    """A rectangle of whole pixels.

    Attributes:
        row: First row.
        col: First column.
        rows: Number of rows, at least 0.
        cols: Number of columns, at least 0.
    """

    row: int
    col: int
    rows: int
    cols: int

    @property
    def end_row(self) -> int:
        """The row behind the last one."""
        return self.row + self.rows

    @property
    def end_col(self) -> int:
        """The column behind the last one."""
        return self.col + self.cols

    def widened(self, margin: int) -> PixelWindow:
        """Returns the window with ``margin`` more pixels on each side."""
        return PixelWindow(
            row=self.row - margin,
            col=self.col - margin,
            rows=self.rows + 2 * margin,
            cols=self.cols + 2 * margin,
        )

    def within(self, rows: int, cols: int) -> PixelWindow:
        """Returns the part that lies in an image of ``rows`` x ``cols`` pixels.

        A window wholly outside comes back with no rows or no columns.
        """
        row, col = max(self.row, 0), max(self.col, 0)
        return PixelWindow(
            row=row,
            col=col,
            rows=max(min(self.end_row, rows) - row, 0),
            cols=max(min(self.end_col, cols) - col, 0),
        )


def tiles(rows: int, cols: int, *, size: int) -> Iterator[PixelWindow]:
    """Yields windows of at most ``size`` x ``size`` that tile an image, row by row."""
    for row in range(0, rows, size):
        for col in range(0, cols, size):
            yield PixelWindow(
                row=row, col=col, rows=min(size, rows - row), cols=min(size, cols - col)
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class MapGrid:
    """Square pixels on a map, rows from north (largest y) to south.

    Attributes:
        crs: The map's CRS in any form that PROJ reads, such as ``EPSG:3413``.
        left: x of the left edge of column 0, in metres.
        top: y of the upper edge of row 0, in metres.
        resolution: Width and height of a pixel, in metres.
        rows: Number of rows.
        cols: Number of columns.

    Raises:
        ValueError: If the CRS does not measure in metres, or a size is not positive.
    """

    crs: str
    left: float
    top: float
    resolution: float
    rows: int
    cols: int

    def __post_init__(self) -> None:
        if self.rows < 1 or self.cols < 1 or self.resolution <= 0:
            raise ValueError(
                "a map grid needs positive rows, cols and resolution; got"
                f" {self.rows}, {self.cols} and {self.resolution!r}"
            )
        check_metric(self.crs)

    def centres(
        self, window: PixelWindow
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Returns x of the columns and y of the rows of a window, in metres."""
        cols = np.arange(window.col, window.end_col, dtype=np.float64)
        rows = np.arange(window.row, window.end_row, dtype=np.float64)
        x = self.left + (cols + 0.5) * self.resolution
        y = self.top - (rows + 0.5) * self.resolution
        return x, y


def check_metric(crs: str) -> None:
    """Checks that a map's CRS is projected and measures in metres.

    Raises:
        ValueError: If it is not.
    """
    parsed = pyproj.CRS.from_user_input(crs)
    units = {axis.unit_name for axis in parsed.axis_info[:2]}
    if not parsed.is_projected or units != {"metre"}:
        raise ValueError(
            "a map grid needs a projected CRS in metres, such as EPSG:3413, 3995 or"
            f" 3575; got {crs!r} ({', '.join(sorted(units)) or 'no axes'})"
        )


def grid_around(
    longitude: npt.NDArray[np.float64],
    latitude: npt.NDArray[np.float64],
    *,
    crs: str,
    resolution: float,
) -> MapGrid:
    """Returns the smallest grid that holds points, on whole multiples of resolution.

    Edges lie on multiples of ``resolution`` in the map's CRS, so that grids of
    neighbouring scenes fall on one another.

    Args:
        longitude: Degrees east of the points, in any shape.
        latitude: Degrees north of the points, in the same shape.
        crs: A projected CRS in metres.
        resolution: Pixel size in metres.
    """
    check_metric(crs)
    to_map = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    x, y = to_map.transform(np.ravel(longitude), np.ravel(latitude))
    first_col = math.floor(np.min(x) / resolution)
    last_col = math.ceil(np.max(x) / resolution)
    last_row = math.floor(np.min(y) / resolution)
    first_row = math.ceil(np.max(y) / resolution)
    return MapGrid(
        crs=crs,
        left=first_col * resolution,
        top=first_row * resolution,
        resolution=resolution,
        rows=max(first_row - last_row, 1),
        cols=max(last_col - first_col, 1),
    )
