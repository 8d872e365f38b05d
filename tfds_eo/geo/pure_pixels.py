"""Which pixels lie wholly in one polygon: exact, and for many polygons at a time.

A polygon's winding number at the centre of a pixel is the sum, over the edges that
cross the pixel's row to the left of it, of +1 or -1 by direction. So all polygons of a
strip of rows are drawn at once as two marks an edge and row, and one running sum.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import shapely

from tfds_eo.geo.tile_grid import PIXEL, TileGrid

NONE = -1
"""Number of the polygon of a pixel that belongs to none."""

SLACK = 1e-6
"""How far an edge may reach into a pixel without touching it: 10 micrometres."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Edges:
    """The edges of polygons in pixels, so directed that inside has winding 1.

    Attributes:
        polygon: Number of the polygon of each edge.
        col: Column of its start and end, ``[edges, 2]``; 0 is the left edge.
        row: Row of its start and end, ``[edges, 2]``; 0 is the upper edge.
    """

    polygon: npt.NDArray[np.int64]
    col: npt.NDArray[np.float64]
    row: npt.NDArray[np.float64]

    def within(self, first: int, rows: int) -> Edges:
        """Returns the edges that meet rows, counted from the first of them."""
        meets = (self.row.max(axis=1, initial=-np.inf) >= first) & (
            self.row.min(axis=1, initial=np.inf) <= first + rows
        )
        return Edges(
            polygon=self.polygon[meets],
            col=self.col[meets],
            row=self.row[meets] - first,
        )


def edges_of(polygons: npt.NDArray[np.object_], grid: TileGrid) -> Edges:
    """Returns the edges of valid polygons, or multipolygons, in the grid's CRS."""
    polygons = shapely.orient_polygons(polygons)
    parts, part_of = shapely.get_parts(polygons, return_index=True)
    rings, ring_of = shapely.get_rings(parts, return_index=True)
    points, point_of = shapely.get_coordinates(rings, return_index=True)
    starts = np.flatnonzero(point_of[:-1] == point_of[1:])
    pairs = np.stack([starts, starts + 1], axis=1)
    left, _, _, top = grid.bounds
    return Edges(
        polygon=part_of[ring_of[point_of[starts]]].astype(np.int64),
        col=(points[pairs, 0] - left) / PIXEL,
        row=(top - points[pairs, 1]) / PIXEL,
    )


def winding(
    edges: Edges,
    rows: int,
    cols: int,
    weights: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[np.int64]:
    """Returns the sum of the polygons' weights at the centre of each pixel.

    Args:
        edges: Edges of the polygons.
        rows: Number of rows.
        cols: Number of columns.
        weights: Weight of each polygon; 1 if None.

    Returns:
        Sums, ``[rows, cols]``.
    """
    marks = np.zeros((rows, cols + 1), np.int64)
    # The centres r + 0.5 in [min, max): a shared vertex is crossed once.
    low, high = edges.row.min(axis=1), edges.row.max(axis=1)
    first = np.clip(np.ceil(low - 0.5), 0, rows).astype(np.int64)
    last = np.clip(np.ceil(high - 0.5), 0, rows).astype(np.int64)
    edge, row = _ranges(first, last)
    along = _col_at(edges, edge, row + 0.5)
    col = np.clip(np.ceil(along - 0.5), 0, cols).astype(np.int64)
    # Exteriors run counter-clockwise on the map: downwards on their left side.
    down = edges.row[edge, 1] > edges.row[edge, 0]
    sign = np.where(down, 1, -1)
    if weights is not None:
        sign = sign * weights[edges.polygon[edge]]
    np.add.at(marks, (row, col), sign)
    return np.cumsum(marks, axis=1)[:, :cols]


def touched(edges: Edges, rows: int, cols: int) -> npt.NDArray[np.bool_]:
    """Returns the pixels into whose squares an edge reaches, ``[rows, cols]``.

    An edge that runs along the side of a square does not reach into it.
    """
    marks = np.zeros((rows, cols + 1), np.int32)
    low, high = edges.row.min(axis=1), edges.row.max(axis=1)
    first = np.clip(np.floor(low + SLACK), 0, rows).astype(np.int64)
    last = np.clip(np.ceil(high - SLACK), 0, rows).astype(np.int64)
    edge, row = _ranges(first, last)
    ends = [
        _col_at(edges, edge, np.clip(at, low[edge], high[edge]))
        for at in (row, row + 1.0)
    ]
    level = low[edge] == high[edge]
    ends = [np.where(level, edges.col[edge, side], ends[side]) for side in (0, 1)]
    start = np.floor(np.minimum(*ends) + SLACK)
    stop = np.maximum(start, np.ceil(np.maximum(*ends) - SLACK))
    np.add.at(marks, (row, np.clip(start, 0, cols).astype(np.int64)), 1)
    np.add.at(marks, (row, np.clip(stop, 0, cols).astype(np.int64)), -1)
    return np.cumsum(marks, axis=1)[:, :cols] > 0


def pure_pixels(
    whole: Edges, eroded: Edges, first: int, rows: int, cols: int
) -> tuple[npt.NDArray[np.int64], int]:
    """Returns the polygon in whose eroded part each pixel of a strip wholly lies.

    A pixel is left out where any other polygon reaches into it, eroded or not.

    Args:
        whole: Edges of all polygons.
        eroded: Edges of their eroded parts, under the same numbers.
        first: First row of the strip.
        rows: Number of its rows.
        cols: Number of columns.

    Returns:
        Number of the polygon, or `NONE`, ``[rows, cols]``; and how many pixels belong
        to an eroded part but are left out because polygons overlap.
    """
    whole, eroded = whole.within(first, rows), eroded.within(first, rows)
    if not len(eroded.polygon):
        return np.full((rows, cols), NONE, np.int64), 0
    numbers = 1 + np.arange(1 + eroded.polygon.max(), dtype=np.int64)
    cover = winding(whole, rows, cols)
    inner = winding(eroded, rows, cols)
    number = winding(eroded, rows, cols, numbers)
    inside = (inner >= 1) & ~touched(eroded, rows, cols)
    pure = inside & (inner == 1) & (cover == 1) & ~touched(whole, rows, cols)
    overlapped = int(np.count_nonzero(inside & ~pure))
    return np.where(pure, number - 1, NONE), overlapped


# Private -------------------------------------------------------------------------


def _ranges(
    first: npt.NDArray[np.int64], last: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Returns all pairs (i, n) with first[i] <= n < last[i]."""
    counts = np.maximum(last - first, 0)
    which = np.repeat(np.arange(len(counts)), counts)
    before = np.cumsum(counts) - counts
    return which, first[which] + np.arange(len(which)) - before[which]


def _col_at(
    edges: Edges, edge: npt.NDArray[np.int64], row: npt.NDArray[np.floating]
) -> npt.NDArray[np.float64]:
    """Returns where edges are, across, at rows that they reach."""
    # Always from the upper end, so that both directions give the same number.
    upper = np.argmin(edges.row[edge], axis=1)
    each = np.arange(len(edge))
    row0 = edges.row[edge][each, upper]
    row1 = edges.row[edge][each, 1 - upper]
    col0 = edges.col[edge][each, upper]
    col1 = edges.col[edge][each, 1 - upper]
    height = np.where(row1 > row0, row1 - row0, 1.0)
    share = np.clip((row - row0) / height, 0.0, 1.0)
    return col0 + share * (col1 - col0)
