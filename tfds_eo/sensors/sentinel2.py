"""Sentinel-2 Level-2A images to surface reflectance and condition.

Digital numbers become reflectance x 10000 in uint16: ``(DN + offset) x 10000 /
quantification``, where the offset (BOA_ADD_OFFSET) exists from processing baseline
04.00 on. Our choices at the ends of the range: 0 means no data and nothing else, so a
reflectance that is not positive becomes 1; 65535 (saturated) stays 65535.
"""

from __future__ import annotations

import dataclasses
import datetime

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.windows import Window

from tfds_eo.geo.tile_grid import TileGrid
from tfds_eo.schemas import CONDITIONS, CROP_BANDS

BANDS_10M = ("B2", "B3", "B4")
"""The bands of a crop series that are measured at 10 m."""

BANDS_20M = ("B5", "B6", "B7", "B8A", "B11", "B12")
"""The bands of a crop series that are measured at 20 m.

On the 10 m grid a pixel takes the value of the 20 m pixel that it lies in: nothing is
interpolated, so that every value is one that was measured.
"""

NO_DATA = 0
"""Digital number, and reflectance, of a pixel without data."""

SATURATED = 65535
"""Digital number, and reflectance, of a saturated pixel."""

LEAST_OFFSET_BASELINE = "04.00"
"""The first processing baseline whose products have an offset."""

SCENE_CONDITIONS = {
    0: "cloud",  # No data: the ground was not seen.
    1: "cloud",  # Saturated or defective: likewise.
    2: "shadow",  # Dark feature; from baseline 04.00 on, shadow of the terrain.
    3: "shadow",  # Cloud shadow.
    4: "clear",  # Vegetation.
    5: "clear",  # Not vegetated.
    6: "clear",  # Water.
    7: "clear",  # Unclassified.
    8: "cloud",  # Cloud, medium probability.
    9: "cloud",  # Cloud, high probability.
    10: "cloud",  # Thin cirrus.
    11: "snow",  # Snow or ice.
}
"""Condition of each class of the scene classification: our choice."""

NOT_SEEN = CONDITIONS.index("cloud")
"""Condition of a pixel for which a band, or the scene classification, has no data."""

_CONDITION_OF = np.full(256, NOT_SEEN, np.uint8)
for _scene_class, _condition in SCENE_CONDITIONS.items():
    _CONDITION_OF[_scene_class] = CONDITIONS.index(_condition)


# Types ---------------------------------------------------------------------------


class BrokenImage(ValueError):
    """An image of a product that is missing, damaged, or not where it must be."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class BandImage:
    """The file of a band, and what its numbers mean.

    Attributes:
        path: Path or URL, as rasterio reads it.
        quantification: Digital numbers for a reflectance of 1.
        offset: What is added to a digital number before.
    """

    path: str
    quantification: float
    offset: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Product:
    """A Level-2A product of one tile and one overpass.

    Attributes:
        id: Its name.
        grid: Its 10 m pixels.
        sensed: When the datatake began, UTC.
        strip: When its data strip began, ``YYYYMMDDTHHMMSS``: two strips of a date
            see different parts of a tile.
        baseline: Processing baseline, such as ``05.09``.
        generated: When it was processed, ISO 8601.
        cloud: Cloudy pixels, in percent.
        empty: Pixels without data, in percent.
        bands: The image of each band, in the order of `CROP_BANDS`.
        scene_classification: Path of the scene classification at 20 m.
        simulated: Whether the product says that it is made up.
    """

    id: str
    grid: TileGrid
    sensed: datetime.datetime
    strip: str
    baseline: str
    generated: str
    cloud: float
    empty: float
    bands: tuple[BandImage, ...]
    scene_classification: str
    simulated: bool = False

    @property
    def date(self) -> int:
        """UTC day of the overpass, counted from 1970-01-01."""
        return (self.sensed.date() - datetime.date(1970, 1, 1)).days

    def image(self, band: str) -> BandImage:
        """Returns the image of a band of `CROP_BANDS`."""
        return self.bands[CROP_BANDS.index(band)]


# Public functions ----------------------------------------------------------------


def reflectance(
    numbers: npt.NDArray[np.uint16], image: BandImage
) -> npt.NDArray[np.uint16]:
    """Returns surface reflectance x 10000; see the module for the ends of the range."""
    scaled = numbers.astype(np.float64) + image.offset
    if image.quantification != 10000:
        scaled *= 10000 / image.quantification
    values = np.clip(np.rint(scaled), 1, SATURATED).astype(np.uint16)
    values[numbers == NO_DATA] = NO_DATA
    values[numbers == SATURATED] = SATURATED
    return values


def condition(
    scene_class: npt.NDArray[np.integer], values: npt.NDArray[np.uint16]
) -> npt.NDArray[np.uint8]:
    """Returns the condition of pixels by `SCENE_CONDITIONS`.

    Args:
        scene_class: Scene classification, any shape.
        values: Reflectance, of that shape and a last dimension of bands; where any is
            `NO_DATA` the pixel counts as not seen.
    """
    codes = _CONDITION_OF[np.minimum(scene_class, 255)]
    codes[(values == NO_DATA).any(axis=-1)] = NOT_SEEN
    return codes


def block_shape(path: str) -> tuple[int, int]:
    """Returns rows and columns of the blocks in which an image is stored.

    Raises:
        BrokenImage: If the image cannot be opened.
    """
    try:
        with rasterio.open(path) as image:
            rows, cols = image.block_shapes[0]
            return min(rows, image.height), min(cols, image.width)
    except rasterio.errors.RasterioError as error:
        raise BrokenImage(f"image {path} cannot be opened: {error}") from error


def read_window(
    path: str, grid: TileGrid, pixel: int, window: tuple[int, int, int, int]
) -> npt.NDArray[np.uint16]:
    """Reads a window of an image as it is stored.

    Args:
        path: The image.
        grid: The grid that it must lie on.
        pixel: Size of its pixels in metres, 10 or 20.
        window: First row, first column, rows and columns, in its pixels.

    Raises:
        BrokenImage: If the image is missing or damaged, or does not lie on the grid.
    """
    row, col, rows, cols = window
    try:
        with rasterio.open(path) as image:
            _check_grid(image, grid, pixel)
            return image.read(1, window=Window(col, row, cols, rows))
    except rasterio.errors.RasterioError as error:
        raise BrokenImage(f"image {path} cannot be read: {error}") from error


def grid_of_image(path: str, tile: str) -> TileGrid:
    """Returns the grid of a tile from one of its 10 m images.

    Raises:
        BrokenImage: If the image cannot be opened.
    """
    try:
        with rasterio.open(path) as image:
            return TileGrid(
                tile=tile,
                crs=f"EPSG:{image.crs.to_epsg()}",
                left=image.transform.c,
                top=image.transform.f,
                rows=image.height,
                cols=image.width,
            )
    except rasterio.errors.RasterioError as error:
        raise BrokenImage(f"image {path} cannot be opened: {error}") from error


# Private -------------------------------------------------------------------------


def _check_grid(image: rasterio.DatasetReader, grid: TileGrid, pixel: int) -> None:
    found = (tuple(image.transform)[:6], image.height, image.width)
    scale = pixel // 10
    wanted = (grid.transform(pixel), grid.rows // scale, grid.cols // scale)
    epsg = image.crs.to_epsg() if image.crs else None
    if found != wanted or f"EPSG:{epsg}" != grid.crs:
        raise BrokenImage(
            f"image {image.name} must lie on the {pixel} m grid of tile {grid.tile},"
            f" {grid.crs} {wanted}; got EPSG:{epsg} {found}"
        )
