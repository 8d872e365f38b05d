"""Label rasters: what a pixel stands for, and which class its value or colour is."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from tfds_eo.archives import rasters
from tfds_eo.archives.rasters import RasterRef
from tfds_eo.belgica_bank.stated import (
    CELLS,
    PUBLISHED_COLS,
    PUBLISHED_ROWS,
    TILE,
    Stated,
)

UNKNOWN = 255
"""Class of a pixel that the raster marks as no data."""

_STRIP = 1024  # Rows of a raster looked through at a time.


@dataclasses.dataclass(frozen=True)
class LabelRaster:
    """A label raster that can be read.

    Attributes:
        ref: Where it lies.
        cell: Pixels of the image, along an edge, that a pixel stands for.
        table: Class by value; or by colour ``r * 65536 + g * 256 + b``.
    """

    ref: RasterRef
    cell: int
    table: tuple[tuple[int, int], ...]

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of whole patches."""
        return self.ref.rows * self.cell // TILE, self.ref.cols * self.cell // TILE

    def read(self, row: int, rows: int, cell: int) -> npt.NDArray[np.uint8]:
        """Returns classes of whole rows of patches.

        Args:
            row: First row of patches.
            rows: Number of rows of patches.
            cell: Pixels of the image that a value returned stands for: `TILE` for one a
                patch, or what else a multiple of the raster's own is.

        Returns:
            Classes, ``[rows * 256 / cell, cols * 256 / cell]``.

        Raises:
            ValueError: If the raster is coarser than ``cell``, or a cell holds several
                classes.
        """
        if cell % self.cell:
            raise ValueError(
                f"label raster {self.ref} must have a pixel for each {cell} pixels of"
                f" the image; it has one for {self.cell}"
            )
        across, step = TILE // self.cell, cell // self.cell
        width = self.grid[1] * across
        codes = _codes(self.ref, row * across, rows * across, width)
        values = np.array([code for code, _ in self.table], np.int64)
        classes = np.array([class_id for _, class_id in self.table], np.uint8)
        place = np.minimum(np.searchsorted(values, codes), len(values) - 1)
        if (values[place] != codes).any():
            wrong = np.unique(codes[values[place] != codes])
            raise ValueError(f"codes of {self.ref.file} must be known; got {wrong}")
        found = classes[place]
        cells = found.reshape(len(found) // step, step, width // step, step)
        if (cells != cells[:, :1, :, :1]).any():
            raise ValueError(
                f"each {cell} x {cell} pixels of {self.ref.file} must be of one class;"
                f" rows {row * TILE} to {(row + rows) * TILE} are not: check cell in"
                " the manifest"
            )
        return cells[:, 0, :, 0]


def cell_of(
    ref: RasterRef, image: tuple[int, int] | None, stated: Stated, section: str
) -> tuple[int, str]:
    """Decides how many pixels of the image a pixel of the raster stands for.

    Returns:
        256, 4 or 1, and why.

    Raises:
        ValueError: If neither the manifest, the image nor the published size tell.
    """
    if stated.cell is not None:
        if stated.cell not in CELLS:
            raise ValueError(f"cell must be one of {CELLS}; got {stated.cell}")
        return stated.cell, "the manifest says so"
    for cell in CELLS:
        # A remainder of the image that fills no patch may be left out of its raster.
        grid = ref.rows * cell // TILE, ref.cols * cell // TILE
        if image is not None:
            if (image[0] // TILE, image[1] // TILE) == grid:
                return cell, f"its grid {grid} is that of the image"
        elif grid[1] == PUBLISHED_COLS and grid[0] in PUBLISHED_ROWS:
            return cell, f"its grid {grid} is the published one"
    beside = f"image {image}" if image else f"published grid {PUBLISHED_ROWS} x 100"
    raise ValueError(
        f"label raster {ref} must fit the {beside} with a pixel for each 256, 4 or 1"
        f" pixels; it does not: state cell in [{section}] of the manifest"
    )


def values_of(ref: RasterRef) -> dict[int, int]:
    """Returns how often each value or colour occurs, by value.

    Raises:
        ValueError: If the pixels are no codes.
    """
    found: dict[int, int] = {}
    for row in range(0, ref.rows, _STRIP):
        codes = _codes(ref, row, min(_STRIP, ref.rows - row), ref.cols)
        for value, count in zip(
            *(part.tolist() for part in np.unique(codes, return_counts=True)),
            strict=True,
        ):
            found[value] = found.get(value, 0) + count
    return dict(sorted(found.items()))


def names_of(ref: RasterRef, value: int) -> list[str]:
    """Returns what a legend may call a value: its number and its colour."""
    if ref.bands >= 3:
        return [f"#{value:06x}"]
    names = [str(value)]
    if ref.palette and value < len(ref.palette):
        names.append("#{:02x}{:02x}{:02x}".format(*ref.palette[value]))
    return names


def class_names(
    counts: Mapping[RasterRef, Mapping[int, int]],
    known: Mapping[str, str],
    section: str,
) -> dict[RasterRef, dict[int, str]]:
    """Returns the class name of each value of each raster.

    Raises:
        ValueError: If a value has no name; the message lists all that have none.
    """
    unknown: dict[str, int] = {}
    found: dict[RasterRef, dict[int, str]] = {}
    for ref, values in counts.items():
        for value, count in values.items():
            names = names_of(ref, value)
            title = next((known[name] for name in names if name in known), None)
            if title is None:
                key = " or ".join(names)
                unknown[key] = unknown.get(key, 0) + count
            else:
                found.setdefault(ref, {})[value] = title
    if unknown:
        raise ValueError(
            f"every code or colour of {section} must have a class; these have none"
            f" (with their counts): {unknown}; known are {dict(known)}: state classes"
            f" in [{section}.classes] of the manifest"
        )
    return found


def _codes(ref: RasterRef, row: int, rows: int, cols: int) -> npt.NDArray[np.int64]:
    pixels = rasters.read_window(ref, row, 0, rows, cols)
    if pixels.dtype.kind == "f":
        whole = np.round(pixels)
        if not np.array_equal(whole, pixels):
            raise ValueError(f"label raster {ref} must hold whole numbers")
    codes = pixels.astype(np.int64)
    if ref.bands in (3, 4):
        return codes[..., 0] << 16 | codes[..., 1] << 8 | codes[..., 2]
    if ref.bands != 1:
        raise ValueError(f"label raster {ref} must have 1, 3 or 4 bands")
    return codes[..., 0]
