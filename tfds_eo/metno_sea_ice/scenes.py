"""The scenes under the charts, as images at 80 m: SAFE products or GeoTIFFs.

A SAFE product keeps the geometry of the sensor: 2 x 2 of its pixels of 40 m are one of
80 m. A GeoTIFF keeps its map. Means are taken in linear power, not in decibels.
"""

from __future__ import annotations

import functools
import pathlib
import re
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.transform import Affine
from rasterio.windows import Window

from tfds_eo import schemas
from tfds_eo.archives import radar_channels, rasters
from tfds_eo.archives.inventory import Inventory
from tfds_eo.geo import polygons
from tfds_eo.metno_sea_ice import protocol

RESOLUTION = 80.0
"""Pixel size of patches in metres."""

DENSE = 2000.0
"""Longest straight edge of a polygon, in metres, before it is put into another CRS."""

_RGB = re.compile(r"rgb.*8bit", re.I)

Singles = npt.NDArray[np.float32]


class SceneImage(Protocol):
    """An image at 80 m.

    Attributes:
        name: Name of the scene.
        content: One of `schemas.CHART_IMAGES`.
        rows: Height in pixels of 80 m.
        cols: Width.
        denoised: Whether thermal noise was taken off; True where the file is expected
            to hold it so.
        simulated: Whether it is a made scene.
    """

    name: str
    content: str
    rows: int
    cols: int
    denoised: bool
    simulated: bool

    def read(self, row: int, col: int, size: int) -> Singles:
        """Returns a square of the image, ``[size, size, 3]``; NaN for no data."""
        ...

    def place(
        self, shapes: npt.NDArray[np.object_], crs: str
    ) -> npt.NDArray[np.object_]:
        """Returns shapes of a CRS in pixels of the image, x columns, y rows."""
        ...

    def locate(self, row: float, col: float) -> tuple[float, float]:
        """Returns longitude and latitude of a place, (0, 0) the upper-left corner."""
        ...


def find_scenes(inventory: Inventory, times: Sequence[str]) -> dict[str, str]:
    """Finds the scene of each time: a .SAFE folder, a zip of one, or a GeoTIFF.

    Returns:
        Path of each scene that was found, by time.

    Raises:
        ValueError: If there are two for one time.
    """
    found: dict[str, set[str]] = {}
    for name, path in inventory.files.items():
        parts = pathlib.PurePosixPath(name).parts
        safe = [n for n, part in enumerate(parts) if part.upper().endswith(".SAFE")]
        if safe:
            up = len(parts) - 1 - safe[0]
            where = pathlib.Path(path).parents[up - 1] if up else pathlib.Path(path)
            named = parts[safe[0]]
        elif path.lower().endswith((".zip", ".tif", ".tiff")):
            where, named = pathlib.Path(path), parts[-1]
        else:
            continue
        time = protocol.time_of(named)
        if time in times:
            found.setdefault(str(time), set()).add(str(where))
    for time, places in found.items():
        if len(places) > 1:
            raise ValueError(
                f"chart of {time} must have one scene; got {sorted(places)}: remove all"
                " but the one to be used"
            )
    return {time: next(iter(places)) for time, places in found.items()}


@functools.lru_cache(maxsize=2)
def open_image(path: str) -> SceneImage:
    """Opens a scene.

    Raises:
        ValueError: If it is no HH and HV scene, or its pixels do not go into 80 m.
    """
    if path.lower().endswith((".tif", ".tiff")):
        return MapImage(path)
    return SensorImage(path)


class SensorImage:
    """A SAFE product in the geometry of the sensor."""

    def __init__(self, path: str) -> None:
        from tfds_eo.sensors.sentinel1 import open_scene

        self._scene = open_scene(path)
        spacing = self._scene.row_spacing, self._scene.col_spacing
        self._step = _step(path, *spacing)
        self.name: str = self._scene.name
        self.content = schemas.CHART_IMAGES[0]
        self.rows = self._scene.rows // self._step
        self.cols = self._scene.cols // self._step
        self.denoised: bool = self._scene.denoised
        self.simulated: bool = self._scene.simulated

    def read(self, row: int, col: int, size: int) -> Singles:
        """As `SceneImage.read`."""
        from tfds_eo.geo.grid import PixelWindow

        step = self._step
        window = PixelWindow(
            row=row * step, col=col * step, rows=size * step, cols=size * step
        )
        power = self._scene.read_power(window)
        image = np.empty((size, size, 3), np.float32)
        image[..., :2] = _decibels(_means(power, step))
        image[..., 2] = _means(self._scene.read_angle(window)[..., None], step)[..., 0]
        return image

    def place(
        self, shapes: npt.NDArray[np.object_], crs: str
    ) -> npt.NDArray[np.object_]:
        """As `SceneImage.place`."""
        placed = self._scene.place(shapes, crs)
        return shapely.transform(placed, lambda xy: xy / self._step)

    def locate(self, row: float, col: float) -> tuple[float, float]:
        """As `SceneImage.locate`."""
        # The scene counts from the centre of its first pixel.
        east, north = self._scene.locate(row * self._step - 0.5, col * self._step - 0.5)
        return float(east), float(north)


class MapImage:
    """A GeoTIFF: sigma-nought in dB and angle, or the published 8-bit channels."""

    def __init__(self, path: str) -> None:
        self.name = pathlib.Path(path).stem
        self._path = path
        with rasters.open_raster(path, self.name) as source:
            if not source.crs:
                raise ValueError(f"scene {path} must state its CRS; it does not")
            if source.count != 3:
                raise ValueError(
                    f"scene {path} must have three bands, HH dB, HV dB and incidence"
                    f" angle, or red, green and blue; it has {source.count}"
                )
            transform = source.transform
            if transform.b or transform.d:
                raise ValueError(f"scene {path} must not be turned; got {transform!r}")
            self._step = _step(path, abs(transform.e), abs(transform.a))
            self._crs: CRS = source.crs
            self._transform: Affine = transform @ Affine.scale(self._step)
            self.rows = source.height // self._step
            self.cols = source.width // self._step
            self._nodata = source.nodata
            eight_bit = set(source.dtypes) == {"uint8"}
            self.simulated = "simulated" in source.tags().get("TIFFTAG_SOFTWARE", "")
            self.content = schemas.CHART_IMAGES[int(eight_bit)]
            self._order = (
                None
                if eight_bit
                else _order(
                    path,
                    source.read(out_shape=(3, 256, 256), resampling=Resampling.nearest),
                )
            )
        self.denoised = True

    def read(self, row: int, col: int, size: int) -> Singles:
        """As `SceneImage.read`."""
        step = self._step
        window = Window(col * step, row * step, size * step, size * step)
        with rasters.open_raster(self._path, self.name) as source:
            found = np.moveaxis(source.read(window=window), 0, 2).astype(np.float32)
        if self._order is None:
            found[(found == 0).all(axis=2)] = np.nan  # As the publisher marks no data.
            return _means(found, step)
        found = found[..., self._order]
        empty = ~np.isfinite(found[..., :2]).all(axis=2)
        empty |= (found[..., :2] == 0).any(axis=2)
        if self._nodata is not None:
            empty |= (found == self._nodata).any(axis=2)
        found[empty] = np.nan
        found[..., :2] = 10 ** (found[..., :2] / 10)
        image = _means(found, step)
        image[..., :2] = _decibels(image[..., :2])
        return image

    def place(
        self, shapes: npt.NDArray[np.object_], crs: str
    ) -> npt.NDArray[np.object_]:
        """As `SceneImage.place`."""
        source, target = pyproj.CRS.from_user_input(crs), pyproj.CRS(self._crs.to_wkt())
        if source != target:
            convert = pyproj.Transformer.from_crs(source, target, always_xy=True)
            shapes = shapely.transform(
                shapely.segmentize(shapes, DENSE),
                lambda xy: np.column_stack(convert.transform(xy[:, 0], xy[:, 1])),
            )
        return polygons.to_pixels(shapes, self._transform)

    def locate(self, row: float, col: float) -> tuple[float, float]:
        """As `SceneImage.locate`."""
        return self._to_earth.transform(*(self._transform @ (col, row)))

    @functools.cached_property
    def _to_earth(self) -> pyproj.Transformer:
        crs = pyproj.CRS(self._crs.to_wkt())
        return pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)


def _order(path: str, sample: npt.NDArray) -> list[int]:
    """Which band is HH dB, HV dB and angle, by their statistics."""
    # Windows of 8 rows stand for patches: within one, an angle hardly changes.
    found = [
        radar_channels.statistics(band.reshape(-1, 8, 8).astype(np.float32))
        for band in np.stack([_tiles(band, 8) for band in sample])
    ]
    name = f"bands of scene {path}"
    order, _ = radar_channels.find_order(name, (), found, with_angle=True)
    units, _ = radar_channels.find_units(
        name, None, found[order["hh"]], found[order["hv"]]
    )
    if units != "db":
        raise ValueError(f"{name} must be sigma-nought in dB; they are {units}")
    return list(order.values())


def _tiles(band: npt.NDArray, size: int) -> npt.NDArray:
    rows, cols = band.shape
    cut = band.reshape(rows // size, size, cols // size, size)
    return cut.swapaxes(1, 2).reshape(-1, size, size)


def _step(path: str, *spacing: float) -> int:
    step = round(RESOLUTION / spacing[0])
    if step < 1 or any(abs(step * s / RESOLUTION - 1) > 0.01 for s in spacing):
        raise ValueError(
            f"pixels of scene {path} must be {RESOLUTION:g} m wide, or a whole part of"
            f" it; got {spacing}"
        )
    return step


def _means(image: Singles, step: int) -> Singles:
    """Returns the means of ``step`` x ``step`` pixels that have data."""
    rows, cols, channels = image.shape
    cells = image.reshape(rows // step, step, cols // step, step, channels)
    known = ~np.isnan(cells)
    count = known.sum(axis=(1, 3))
    total = np.where(known, cells, 0).sum(axis=(1, 3), dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return (total / np.where(count == 0, np.nan, count)).astype(np.float32)


def _decibels(power: Singles) -> Singles:
    """Returns dB, not below the floor of the SAFE reader; NaN stays."""
    least = np.float32(10 ** (FLOOR_DB / 10))
    return 10 * np.log10(np.maximum(power, least))


FLOOR_DB = -50.0
"""Least sigma-nought in dB, where noise removal leaves nothing; as `sentinel1`."""
