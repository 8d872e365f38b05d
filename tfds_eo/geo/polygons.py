"""Rasterises the polygons of an ice chart, tile by tile.

A chart is painted once, as the numbers of its polygons; what each polygon stands for is
looked up after that, so that any number of rasters costs one pass.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
import rasterio.features
import shapely
from rasterio.transform import Affine

NOWHERE = -1
"""Number of a pixel that lies in no polygon."""


class PolygonRaster:
    """Polygons in pixels of an image, ready to be painted window by window.

    x counts columns and y rows; (0, 0) is the upper-left corner of the first pixel. A
    pixel belongs to a polygon if its centre does; where polygons overlap, to the last.

    Attributes:
        shapes: The polygons; empty ones are never painted.
    """

    def __init__(self, shapes: npt.NDArray[np.object_]) -> None:
        self.shapes = shapes

    @functools.cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree(self.shapes)

    def numbers(
        self, *, row: int, col: int, rows: int, cols: int
    ) -> npt.NDArray[np.int32]:
        """Returns the number of the polygon at each pixel of a window; else `NOWHERE`.

        However an image is cut into windows, its pixels get the same numbers.

        Args:
            row: First row of the window.
            col: First column.
            rows: Number of rows.
            cols: Number of columns.
        """
        box = shapely.box(col, row, col + cols, row + rows)
        hits = np.sort(self._tree.query(box, predicate="intersects"))
        if not len(hits):
            return np.full((rows, cols), NOWHERE, np.int32)
        return rasterio.features.rasterize(
            [(self.shapes[hit], int(hit)) for hit in hits],
            out_shape=(rows, cols),
            transform=Affine.translation(col, row),
            fill=NOWHERE,
            dtype="int32",
        )


def look_up(
    numbers: npt.NDArray[np.int32], *values: npt.NDArray[np.uint8], fill: int = 255
) -> list[npt.NDArray[np.uint8]]:
    """Returns the values of the polygon at each pixel, ``fill`` where there is none.

    Args:
        numbers: What `PolygonRaster.numbers` has returned.
        values: For each raster, the value of each polygon.
        fill: Value outside of all polygons.

    Returns:
        A raster for each of ``values``.
    """
    # NOWHERE is -1: moved by one, it is the first place of each table.
    places = np.add(numbers, 1, dtype=np.intp)
    tables = [np.insert(table, 0, fill) for table in values]
    return [np.take(table, places, mode="clip") for table in tables]


def to_pixels(
    shapes: npt.NDArray[np.object_], transform: Affine
) -> npt.NDArray[np.object_]:
    """Returns shapes in pixels of a raster from shapes in its CRS."""
    inverse = ~transform

    def move(xy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        col, row = inverse @ (xy[:, 0], xy[:, 1])
        return np.column_stack([col, row])

    return shapely.transform(shapes, move)
