"""One polarisation of a Sentinel-1 GRD scene: digital numbers to sigma-nought."""

from __future__ import annotations

import dataclasses
import functools
import threading
import warnings
from typing import Literal

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.errors
import rasterio.windows

from tfds_eo.geo.grid import PixelWindow
from tfds_eo.sensors.sentinel1_annotation import (
    Annotation,
    parse_calibration,
    parse_noise,
)
from tfds_eo.sensors.sentinel1_files import ProductFiles
from tfds_eo.sensors.sentinel1_tables import DenseNoise, DenseTable

FLOOR_DB = -50.0
"""Least sigma-nought in decibels; what noise removal leaves below is set to it.

Our choice: 15 dB below the weakest noise floor of the EW mode, so that no true signal
is touched.
"""

NoisePolicy = Literal["required", "optional"]
"""Whether a product without noise tables is an error or is read without removal."""

Singles = npt.NDArray[np.float32]

_CHUNK = 2**18  # Pixels worked on at once, so that arrays of them stay in the cache.
_DECIBELS = np.float32(10 / np.log(10))


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Channel:
    """One polarisation: its pixels and tables.

    Attributes:
        scene: Name of the scene, for messages.
        raster_path: Path of the TIFF for GDAL.
        rows: Number of lines.
        cols: Number of samples.
        gain: The calibration table sigmaNought.
        noise: Thermal noise; none where the product lacks it and may.
    """

    scene: str
    raster_path: str
    rows: int
    cols: int
    gain: DenseTable
    noise: DenseNoise | None

    def read_dn(self, window: PixelWindow) -> npt.NDArray[np.uint16]:
        """Reads digital numbers as they are, ``[rows, cols]``.

        Raises:
            OSError: If they cannot be read.
            ValueError: If the TIFF holds other pixels than the annotation says.
        """
        try:
            return self._raster.read(
                1,
                window=rasterio.windows.Window(
                    window.col, window.row, window.cols, window.rows
                ),
            )
        except rasterio.errors.RasterioIOError as error:
            raise OSError(
                f"the pixels of {self.raster_path!r} must be whole; rows {window.row}"
                f" to {window.end_row - 1} of scene {self.scene!r} cannot be read"
                f" ({error}); the file may be truncated: fetch it again"
            ) from error

    def read_power(
        self,
        window: PixelWindow,
        out: Singles,
        *,
        frame: npt.NDArray[np.bool_] | None,
        decibels: bool,
    ) -> int:
        """Writes sigma-nought of a window, NaN where there is no data.

        Args:
            window: Pixels inside the scene.
            out: Where to write, ``[rows, cols]``.
            frame: Pixels that hold no data beside those of DN 0, or none.
            decibels: Whether to write decibels, not below `FLOOR_DB`; else linear
                power, which noise removal can make negative.

        Returns:
            How many pixels were set to `FLOOR_DB`.
        """
        dn = self.read_dn(window)
        step = max(_CHUNK // window.cols, 1)
        table = np.empty((min(step, window.rows), window.cols), np.float32)
        floored = 0
        for top in range(0, window.rows, step):
            rows = min(step, window.rows - top)
            place = (window.row + top, rows, window.col, window.cols)
            part, scratch = out[top : top + rows], table[:rows]
            digital = dn[top : top + rows]
            np.multiply(digital, digital, out=part, dtype=np.float32)
            if self.noise is not None:
                self.noise.at(*place, scratch)
                part -= scratch
            self._calibrate(place, part, scratch)
            nodata = digital == 0
            if frame is not None:
                nodata |= frame[top : top + rows]
            if nodata.any():
                part[nodata] = np.nan
            if decibels:
                floored += to_decibels(part)
        return floored

    def _calibrate(
        self, place: tuple[int, int, int, int], part: Singles, scratch: Singles
    ) -> None:
        if self.gain.constant:
            _, _, col, cols = place
            part *= np.float32(1) / np.square(self.gain.values[:, col : col + cols])
        else:
            self.gain.at(*place, scratch)
            np.multiply(scratch, scratch, out=scratch)
            part /= scratch

    @property
    def _raster(self) -> rasterio.DatasetReader:
        """The TIFF, opened once in each thread: GDAL's handles serve one at a time."""
        if not hasattr(self._opened, "raster"):
            self._opened.raster = self._open()
        return self._opened.raster

    @functools.cached_property
    def _opened(self) -> threading.local:
        return threading.local()

    def _open(self) -> rasterio.DatasetReader:
        path = self.raster_path
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
                raster = rasterio.open(path, sharing=False)
        except rasterio.errors.RasterioIOError as error:
            raise OSError(
                f"{path!r} of scene {self.scene!r} must be a whole GeoTIFF; it cannot"
                f" be opened ({error}); fetch it again"
            ) from error
        size, dtype = (raster.height, raster.width), raster.dtypes[0]
        if size != (self.rows, self.cols) or dtype != "uint16":
            raise ValueError(
                f"{path!r} of scene {self.scene!r} must hold {self.rows} x {self.cols}"
                f" uint16 pixels, as its annotation says; got {size[0]} x {size[1]}"
                f" {dtype}"
            )
        return raster


def open_channel(
    files: ProductFiles, polarisation: str, annotation: Annotation, policy: NoisePolicy
) -> Channel:
    """Reads the tables of a polarisation; its pixels are opened when first read.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a table cannot be read.
    """
    for kind, there, where in (
        ("measurement", files.measurement, "measurement/*.tiff"),
        ("calibration", files.calibration, "annotation/calibration/calibration-*.xml"),
        ("noise", files.noise, "annotation/calibration/noise-*.xml"),
    ):
        noise = kind == "noise"
        if polarisation not in there and not (noise and policy == "optional"):
            raise FileNotFoundError(
                f"scene {files.name!r} must have a {polarisation} {kind} file"
                f" ({where}); its {kind} files are {sorted(there.values()) or 'none'}"
                + ("; allow missing noise to leave the noise in" if noise else "")
            )
    source = f"{files.calibration[polarisation]!r} of {files.name!r}"
    gain = parse_calibration(files.read_xml(files.calibration[polarisation]), source)
    noise_table = None
    if polarisation in files.noise:
        source = f"{files.noise[polarisation]!r} of {files.name!r}"
        table = parse_noise(files.read_xml(files.noise[polarisation]), source)
        noise_table = DenseNoise.of(table, annotation.cols)
    return Channel(
        scene=files.name,
        raster_path=files.raster_path(polarisation),
        rows=annotation.rows,
        cols=annotation.cols,
        gain=DenseTable.of(gain.rows, gain.spread(annotation.cols)),
        noise=noise_table,
    )


def to_decibels(power: Singles) -> int:
    """Turns linear power into decibels, in place.

    Args:
        power: Linear power of any shape; NaN stays NaN.

    Returns:
        How many values lay below `FLOOR_DB` and were set to it.
    """
    floor = np.float32(10 ** (FLOOR_DB / 10))
    count = int(np.count_nonzero(power < floor))
    if count:
        np.maximum(power, floor, out=power)
    np.log(power, out=power)
    power *= _DECIBELS
    return count
