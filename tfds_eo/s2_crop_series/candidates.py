"""Two passes over the parcels of a tile: count the candidates, draw the samples."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import shapely

from tfds_eo import crosswalks, legends
from tfds_eo.geo import parcels, sampling, tile_parcels
from tfds_eo.geo.parcels import ParcelFields, Parcels
from tfds_eo.geo.sampling import Pixels
from tfds_eo.geo.squares import Squares
from tfds_eo.geo.tile_grid import TileGrid
from tfds_eo.geo.tile_parcels import TileParcels

LEGEND = legends.TIME_SEN2_CROP
"""The classes of the set."""

SPLITS = ("train", "validation", "test", "holdout")
"""Splits, by number; ``holdout`` are tiles where no training data were available."""

Unmapped = Literal["other_crops", "out"]
"""Where parcels go whose code the crosswalk does not have."""


# Types ---------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, kw_only=True)
class CropMap:
    """A parcel map, and how it is to be read.

    Attributes:
        path: The file.
        fields: Its columns.
        crosswalk: The CSV file that maps its codes to classes.
        unmapped: Where codes go that the crosswalk does not have.
        erosion: How far parcels are eroded inwards, in metres.
        least_pixels: Parcels with fewer pure pixels are dropped.
    """

    path: str
    fields: ParcelFields
    crosswalk: str
    unmapped: Unmapped
    erosion: float
    least_pixels: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Places:
    """Which split a place belongs to.

    Attributes:
        grids: All tiles, by name.
        split_of_tile: Number of the split of each tile.
        buffer: Parcels that lie so near to a tile of another split are dropped, in
            metres.
        squares: Squares that divide the tiles of the split ``train`` further; None if
            whole tiles are the places.
    """

    grids: tuple[TileGrid, ...]
    split_of_tile: Mapping[str, int]
    buffer: float
    squares: Squares | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Surveyed:
    """The parcels of a tile with their classes and splits.

    Attributes:
        parcels: The parcels, eroded where they may be sampled.
        label: Class id of each; below 0 for what is left out.
        split: Number of the split of each.
        square: Column and row of the square of each, ``[parcels, 2]``.
        places: The rule of the splits.
        dropped: Number of parcels left out, by reason.
        unmapped: Number of parcels of each code that the crosswalk does not have.
        read: Number of parcels that meet the tile.
    """

    parcels: TileParcels
    label: npt.NDArray[np.int64]
    split: npt.NDArray[np.int64]
    square: npt.NDArray[np.int64]
    places: Places
    dropped: dict[str, int]
    unmapped: dict[str, int]
    read: int

    def strips(self) -> Iterator[tuple[int, npt.NDArray[np.int64], int, int]]:
        """Yields candidates by strip.

        Yields:
            First row; parcel of each candidate pixel, else below 0; pixels dropped
            because parcels overlap; and because they lie in the buffer of a square.
        """
        squares, grid = self.places.squares, self.parcels.grid
        for first, found, overlapped in self.parcels.strips():
            buffered = 0
            if squares is not None:
                row, col = np.nonzero(found >= 0)
                x, y = grid.centres(row + first, col)
                inside = squares.inside(x, y, grid.crs, self.square[found[row, col]])
                found[row[~inside], col[~inside]] = -1
                buffered = int(np.count_nonzero(~inside))
            yield first, found, overlapped, buffered


@dataclasses.dataclass(frozen=True, kw_only=True)
class TileCounts:
    """What pass 1 counts in a tile.

    Attributes:
        tile: Name of the tile.
        pixels: Candidate pixels of each class.
        available: Those left when no parcel gives more than its share.
        parcels: Parcels of each class that have candidates.
        read: Parcels that meet the tile.
        dropped: Parcels left out, by reason.
        dropped_pixels: Pixels left out, by reason.
        unmapped: Parcels of each code that the crosswalk does not have.
    """

    tile: str
    pixels: list[int]
    available: list[int]
    parcels: list[int]
    read: int
    dropped: dict[str, int]
    dropped_pixels: dict[str, int]
    unmapped: dict[str, int]


# Public functions ----------------------------------------------------------------


def survey(crop_map: CropMap, places: Places, grid: TileGrid) -> Surveyed:
    """Reads the parcels of a tile and decides which of them may be sampled there.

    A parcel is sampled in one tile alone: the one in which its centroid lies deepest.
    """
    source = parcels.read_parcels(
        crop_map.path, crop_map.fields, bounds=grid.bounds, bounds_crs=grid.crs
    )
    label, unmapped = _labels(crop_map, source)
    dropped: collections.Counter[str] = collections.Counter()
    dropped["no_crop"] = int((label == crosswalks.NO_CLASS).sum())
    wanted = label >= 0

    near = tile_parcels.neighbours(grid, places.grids)
    tile, depth = tile_parcels.tile_of_parcels(source, near)
    here = tile == near.index(grid)
    dropped["in_another_tile"] = int((wanted & ~here).sum())
    wanted &= here
    split = np.full(len(source), places.split_of_tile[grid.tile], np.int64)
    other = [
        number
        for number, neighbour in enumerate(near)
        if places.split_of_tile[neighbour.tile] != places.split_of_tile[grid.tile]
    ]
    if other and len(source):
        own = depth[:, near.index(grid)]
        too_near = own - depth[:, other].max(axis=1) < places.buffer
        dropped["near_another_split"] = int((wanted & too_near).sum())
        wanted &= ~too_near

    prepared = tile_parcels.prepare(
        source, grid, erosion=crop_map.erosion, wanted=wanted
    )
    dropped.update(prepared.dropped)
    square = np.zeros((len(source), 2), np.int64)
    if places.squares is not None and SPLITS[places.split_of_tile[grid.tile]] == (
        "train"
    ):
        square, split = _squares_of(places.squares, prepared, split)
    elif places.squares is not None:
        places = dataclasses.replace(places, squares=None)
    return Surveyed(
        parcels=prepared,
        label=label,
        split=split,
        square=square,
        places=places,
        dropped={reason: count for reason, count in dropped.items() if count},
        unmapped=unmapped,
        read=len(source),
    )


def count(surveyed: Surveyed, crop_map: CropMap, most: int | None) -> TileCounts:
    """Pass 1: counts the candidates of each class in a tile.

    Args:
        surveyed: The parcels of the tile.
        crop_map: How the map is read.
        most: Most samples of a parcel; None for any number.
    """
    of_parcel, dropped_pixels = _pixels_of_parcels(surveyed)
    dropped = dict(surveyed.dropped)
    few = (of_parcel > 0) & (of_parcel < crop_map.least_pixels)
    if few.any():
        dropped["too_few_pixels"] = int(few.sum())
    pure = ~shapely.is_empty(surveyed.parcels.eroded)
    none = int((pure & (of_parcel == 0)).sum())
    if none:
        dropped["no_pure_pixel"] = none
    of_parcel = np.where(few, 0, of_parcel)
    share = of_parcel if most is None else np.minimum(of_parcel, most)
    has = of_parcel > 0

    def by_class(values: npt.NDArray[np.int64]) -> list[int]:
        totals = np.zeros(len(LEGEND), np.int64)
        np.add.at(totals, surveyed.label[has], values[has])
        return totals.tolist()

    return TileCounts(
        tile=surveyed.parcels.grid.tile,
        pixels=by_class(of_parcel),
        available=by_class(share),
        parcels=by_class(np.ones_like(of_parcel)),
        read=surveyed.read,
        dropped=dropped,
        dropped_pixels=dropped_pixels,
        unmapped=surveyed.unmapped,
    )


def draw(
    surveyed: Surveyed,
    crop_map: CropMap,
    *,
    allotted: Sequence[int],
    most: int | None,
    seed: int,
) -> dict[str, npt.NDArray]:
    """Pass 2: draws the samples of a tile.

    Args:
        surveyed: The parcels of the tile.
        crop_map: How the map is read.
        allotted: Number of samples of each class.
        most: Most samples of a parcel; None for any number.
        seed: Seed of the draw.

    Returns:
        Columns ``row``, ``col``, ``label``, ``split``, ``parcel``, ``code``,
        ``longitude`` and ``latitude``, by row and column.
    """
    grid = surveyed.parcels.grid
    numbers = np.asarray(allotted, np.int64)
    of_parcel, _ = _pixels_of_parcels(surveyed)
    enough = of_parcel >= crop_map.least_pixels
    pool = _no_pixels()
    for first, found, _, _ in surveyed.strips():
        strip = sampling.pixels_of(found, first, seed, grid.tile)
        pool = pool.joined(strip.take(enough[strip.parcel]))
        pool = sampling.thin(pool, most)
        if most is None:
            # Nothing will be thinned later, so what is too high already stays so.
            pool = _lowest(pool, surveyed.label, numbers)
    samples = sampling.draw(pool, surveyed.label, numbers)
    longitude, latitude = grid.longitude_latitude(samples.row, samples.col)
    source = surveyed.parcels.source
    return {
        "row": samples.row.astype(np.int32),
        "col": samples.col.astype(np.int32),
        "label": surveyed.label[samples.parcel].astype(np.int8),
        "split": surveyed.split[samples.parcel].astype(np.int8),
        "parcel": _bytes(source.parcel[samples.parcel]),
        "code": _bytes(source.code[samples.parcel]),
        "longitude": longitude,
        "latitude": latitude,
    }


# Private -------------------------------------------------------------------------


def _labels(
    crop_map: CropMap, source: Parcels
) -> tuple[npt.NDArray[np.int64], dict[str, int]]:
    crosswalk = crosswalks.read_crosswalk(crop_map.crosswalk, LEGEND)
    rest = (
        LEGEND.id_of("other_crops")
        if crop_map.unmapped == "other_crops"
        else crosswalks.NO_CLASS
    )
    codes, inverse, counts = np.unique(
        source.code.astype(str), return_inverse=True, return_counts=True
    )
    found = [crosswalk.class_of(code) for code in codes.tolist()]
    unmapped = {
        code: int(number)
        for code, label, number in zip(codes.tolist(), found, counts, strict=True)
        if label is None
    }
    labels = np.array([rest if f is None else f for f in found], np.int64)
    return labels[inverse] if len(labels) else labels, unmapped


def _squares_of(
    squares: Squares, prepared: TileParcels, split: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Returns the square and the split of the place of each parcel's centroid."""
    square = np.zeros((len(split), 2), np.int64)
    there = ~shapely.is_empty(prepared.whole)
    if there.any():
        centre = shapely.centroid(prepared.whole[there])
        square[there] = squares.square_of(
            shapely.get_x(centre), shapely.get_y(centre), prepared.grid.crs
        )
        split = split.copy()
        split[there] = squares.split_of(square[there])
    return square, split


def _pixels_of_parcels(
    surveyed: Surveyed,
) -> tuple[npt.NDArray[np.int64], dict[str, int]]:
    """Returns the candidates of each parcel, and the pixels dropped by reason."""
    totals = np.zeros(len(surveyed.label), np.int64)
    overlapping = in_buffer = 0
    for _, found, overlapped, buffered in surveyed.strips():
        totals += np.bincount(found[found >= 0], minlength=len(totals))
        overlapping += overlapped
        in_buffer += buffered
    dropped = {"parcels_overlap": overlapping, "between_squares": in_buffer}
    return totals, {reason: number for reason, number in dropped.items() if number}


def _no_pixels() -> Pixels:
    none = np.zeros(0, np.int64)
    return Pixels(parcel=none, row=none, col=none, priority=np.zeros(0, np.uint64))


def _lowest(
    pixels: Pixels, label: npt.NDArray[np.int64], numbers: npt.NDArray[np.int64]
) -> Pixels:
    """Keeps of each class as many pixels as it needs, those of the lowest priority."""
    labels = label[pixels.parcel]
    present = np.bincount(labels, minlength=len(numbers))
    return sampling.draw(pixels, label, np.minimum(present, numbers))


def _bytes(texts: npt.NDArray[np.object_]) -> npt.NDArray[np.bytes_]:
    encoded = [text.encode() for text in texts.tolist()]
    return np.array(encoded, f"S{max([1, *map(len, encoded)])}")
