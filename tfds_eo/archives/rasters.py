"""Rasters on disk as images: GeoTIFF, PNG and JPEG, read by window.

Only the driver that the ending names may open a file, and no file beside it is looked
at: a .tif that is a virtual raster in truth could name any other file of the machine.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.errors
from rasterio.enums import ColorInterp
from rasterio.windows import Window

from tfds_eo.archives.limits import LIMITS, Limits

DRIVERS = {
    ".tif": "GTiff",
    ".tiff": "GTiff",
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
}
"""GDAL's driver for each ending."""


@dataclasses.dataclass(frozen=True)
class RasterRef:
    """Where a raster lies, and what it is like.

    Attributes:
        file: File as the user knows it.
        path: The file itself.
        rows: Height in pixels.
        cols: Width in pixels.
        bands: Number of bands.
        dtype: Dtype of the pixels, as NumPy names it.
        palette: Colour ``(red, green, blue)`` of each pixel value; empty without one.
        crs: Coordinate reference system as WKT; ``''`` without one.
        nodata: Value that the file states for no data; None without one.
    """

    file: str
    path: str
    rows: int
    cols: int
    bands: int
    dtype: str
    palette: tuple[tuple[int, int, int], ...] = ()
    crs: str = ""
    nodata: float | None = None

    def __str__(self) -> str:
        kind = ", palette" if self.palette else ""
        return (
            f"{self.file} {self.dtype} ({self.rows}, {self.cols}, {self.bands}){kind}"
        )


@contextlib.contextmanager
def open_raster(path: str, file: str) -> Iterator[rasterio.DatasetReader]:
    """Opens a raster with the driver of its ending alone.

    Raises:
        ValueError: If it cannot be read.
    """
    driver = DRIVERS.get(pathlib.Path(path).suffix.lower())
    if driver is None:
        raise ValueError(f"{file} must end in one of {', '.join(DRIVERS)}")
    try:
        with (
            warnings.catch_warnings(),
            rasterio.Env(
                GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR", GDAL_PAM_ENABLED="NO"
            ),
        ):
            warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
            with rasterio.open(path, driver=driver) as source:
                yield source
    except rasterio.errors.RasterioIOError as error:
        raise ValueError(
            f"{file} must be a readable {driver} raster; {error}"
        ) from error


def list_raster(
    path: str | pathlib.Path, file: str, *, limits: Limits = LIMITS
) -> RasterRef:
    """Reads what a raster is like, not its pixels.

    Its inflated size is held to the limit of a member, not to the ratio: only windows
    of it are ever inflated.

    Raises:
        ValueError: If it cannot be read, or is larger than a member may be.
    """
    with open_raster(str(path), file) as source:
        palette: tuple[tuple[int, int, int], ...] = ()
        if source.count == 1 and source.colorinterp[0] == ColorInterp.palette:
            colours = source.colormap(1)
            palette = tuple(colours[value][:3] for value in sorted(colours))
        ref = RasterRef(
            file=file,
            path=str(path),
            rows=source.height,
            cols=source.width,
            bands=source.count,
            dtype=source.dtypes[0],
            palette=palette,
            crs=source.crs.to_wkt() if source.crs else "",
            nodata=source.nodata,
        )
    size = ref.rows * ref.cols * ref.bands * np.dtype(ref.dtype).itemsize
    limits.check(ref.file, inflated=size, stored=size)
    return ref


def read_window(
    ref: RasterRef, row: int, col: int, rows: int, cols: int
) -> npt.NDArray[Any]:
    """Returns the pixels of a window, ``[rows, cols, bands]``.

    Raises:
        ValueError: If a block of the raster is damaged.
    """
    with open_raster(ref.path, ref.file) as source:
        window = Window(col, row, cols, rows)
        return np.moveaxis(source.read(window=window), 0, 2)
