"""The parcels of one tile, made ready for sampling: each in one tile, valid, eroded."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import shapely

from tfds_eo.geo import pure_pixels
from tfds_eo.geo.parcels import Geometries, Parcels
from tfds_eo.geo.tile_grid import TileGrid, transformer

STRIP_ROWS = 256
"""Rows of a tile that are looked at together."""


# Types ---------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, kw_only=True)
class TileParcels:
    """The parcels that meet a tile, in the order of their file.

    Attributes:
        grid: The tile.
        source: The parcels as they stand in the file.
        whole: Their valid outlines in the tile's CRS; empty where there is none.
        eroded: What is left of them at least the erosion's distance from their outline;
            empty for parcels that are not to be sampled here.
        dropped: Number of parcels, or repairs, by reason.
    """

    grid: TileGrid
    source: Parcels
    whole: Geometries
    eroded: Geometries
    dropped: dict[str, int]

    def strips(
        self, rows: int = STRIP_ROWS
    ) -> Iterator[tuple[int, npt.NDArray[np.int64], int]]:
        """Yields the pure pixels of the tile in strips, from north to south.

        Args:
            rows: Most rows of a strip; what is found does not depend on it.

        Yields:
            First row; number of the parcel of each pixel or `pure_pixels.NONE`,
            ``[rows, cols]``; pixels left out because parcels overlap.
        """
        whole = pure_pixels.edges_of(self.whole, self.grid)
        eroded = pure_pixels.edges_of(self.eroded, self.grid)
        for first in range(0, self.grid.rows, rows):
            height = min(rows, self.grid.rows - first)
            found, overlapped = pure_pixels.pure_pixels(
                whole, eroded, first, height, self.grid.cols
            )
            yield first, found, overlapped


# Public functions ----------------------------------------------------------------


def prepare(
    source: Parcels,
    grid: TileGrid,
    *,
    erosion: float,
    wanted: npt.NDArray[np.bool_] | None = None,
) -> TileParcels:
    """Brings parcels into the tile's CRS, repairs and erodes them.

    Vertices are projected, edges stay straight. Distances are those of the tile's UTM
    zone, which are within 0.1 % of metres on the ground.

    Args:
        source: Parcels that meet the tile.
        grid: The tile.
        erosion: How far a parcel is eroded inwards, in metres, at least 0.
        wanted: Which parcels are to be sampled; the others still make pixels impure.
    """
    dropped: collections.Counter[str] = collections.Counter()
    to_tile = transformer(source.crs, grid.crs)
    missing = shapely.is_missing(source.outline) | shapely.is_empty(source.outline)
    dropped["without_outline"] = int(missing.sum())
    outlines = np.where(missing, shapely.Polygon(), source.outline)
    outlines = shapely.force_2d(outlines)
    if len(outlines):
        outlines = shapely.transform(
            outlines, lambda x, y: to_tile.transform(x, y), interleaved=False
        )
    invalid = ~shapely.is_valid(outlines)
    dropped["repaired"] = int(invalid.sum())
    whole = outlines.copy()
    whole[invalid] = shapely.make_valid(outlines[invalid])
    whole = _polygons(whole)
    gone = shapely.is_empty(whole) & ~missing
    dropped["without_area"] = int(gone.sum())
    keep = ~shapely.is_empty(whole)
    if wanted is not None:
        keep &= wanted
    eroded = np.full(len(whole), shapely.Polygon(), object)
    # Mitred: nothing that remains is nearer to the outline, at any kind of corner.
    eroded[keep] = (
        _polygons(shapely.buffer(whole[keep], -erosion, join_style="mitre"))
        if erosion > 0
        else whole[keep]
    )
    dropped["too_small"] = int((shapely.is_empty(eroded) & keep).sum())
    return TileParcels(
        grid=grid,
        source=source,
        whole=whole,
        eroded=eroded,
        dropped={reason: count for reason, count in dropped.items() if count},
    )


def tile_of_parcels(
    source: Parcels, grids: Sequence[TileGrid]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Assigns each parcel to the tile in which its centroid lies deepest.

    Tiles overlap, by 10 km or more; so each parcel is in one of them alone. Of equally
    deep tiles the one first in ``grids`` is taken.

    Args:
        source: Parcels.
        grids: All tiles.

    Returns:
        Number of the tile, -1 outside all of them; and how deep the centroid lies in
        each tile in metres, ``[parcels, tiles]``.
    """
    usable = ~(shapely.is_missing(source.outline) | shapely.is_empty(source.outline))
    depth = np.full((len(source), len(grids)), -np.inf)
    if usable.any():
        centre = shapely.centroid(source.outline[usable])
        x, y = shapely.get_x(centre), shapely.get_y(centre)
        for number, grid in enumerate(grids):
            there = transformer(source.crs, grid.crs).transform(x, y)
            depth[usable, number] = grid.depth(*map(np.asarray, there))
    tile = np.where(depth.max(axis=1, initial=-np.inf) > 0, depth.argmax(axis=1), -1)
    return tile.astype(np.int64), depth


def neighbours(grid: TileGrid, grids: Sequence[TileGrid]) -> list[TileGrid]:
    """Returns the tiles that a tile overlaps, itself among them, in their order."""
    found = []
    for other in grids:
        box = transformer(other.crs, grid.crs).transform_bounds(
            *other.bounds, densify_pts=21
        )
        left, bottom, right, top = grid.bounds
        if (
            box[0] <= right and box[2] >= left and box[1] <= top and box[3] >= bottom
        ) or other == grid:
            found.append(other)
    return found


# Private -------------------------------------------------------------------------


def _polygons(shapes: Geometries) -> Geometries:
    """Returns the polygonal parts of shapes, as one geometry each."""
    kinds = shapely.get_type_id(shapes)
    mixed = ~np.isin(kinds, (3, 6))  # Polygon, MultiPolygon.
    if not mixed.any():
        return shapes
    shapes = shapes.copy()
    for number in np.flatnonzero(mixed):
        parts = shapely.get_parts(shapes[number])
        while (shapely.get_type_id(parts) > 3).any():
            parts = shapely.get_parts(parts)
        shapes[number] = shapely.MultiPolygon(
            list(parts[(shapely.get_type_id(parts) == 3) & (shapely.area(parts) > 0)])
        )
    return shapes
