"""Sentinel-1 GRD products as sigma-nought and incidence angle, window by window.

Sigma-nought is (DN^2 - noise along range x noise along azimuth) / sigmaNought^2: noise
is taken off in linear power, before decibels. DN 0 is no data. Nothing larger than the
window asked for, and one row of each table line, is held in memory.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import pathlib
import warnings
from typing import Literal

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.errors
import rasterio.windows

from tfds_eo.geo.geocoding import TiePoints
from tfds_eo.geo.grid import PixelWindow
from tfds_eo.sensors import sentinel1_border
from tfds_eo.sensors.sentinel1_annotation import (
    Annotation,
    parse_annotation,
    parse_calibration,
    parse_noise,
    parse_processor_version,
)
from tfds_eo.sensors.sentinel1_files import ProductFiles, find_files
from tfds_eo.sensors.sentinel1_tables import DenseNoise, DenseTable
from tfds_eo.sensors.speckle import boxcar as filter_boxcar
from tfds_eo.sensors.speckle import check_boxcar

POLARISATIONS = ("HH", "HV")
"""Channels of an image before the incidence angle, in this order."""

FLOOR_DB = -50.0
"""Least sigma-nought in decibels; what noise removal leaves below is set to it.

Our choice: 15 dB below the weakest noise floor of the EW mode, so that no true signal
is touched. `SceneImage.floored` counts the pixels.
"""

NoisePolicy = Literal["required", "optional"]
"""Whether a product without noise tables is an error or is read without removal."""

Singles = npt.NDArray[np.float32]

_ZEROS_FROM = (2, 90)  # From this IPF version on, nodata is DN 0.
_CHUNK = 2**18  # Pixels worked on at once, so that arrays of them stay in the cache.
_DECIBELS = np.float32(10 / np.log(10))


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class SceneImage:
    """A window of a scene in physical units.

    Attributes:
        image: ``[rows, cols, 3]``: sigma-nought of HH and HV in dB, never below
            `FLOOR_DB`, NaN where there is no data; incidence angle in degrees, always
            there. A view of memory in which each channel lies apart.
        floored: Pixels of HH and of HV that were set to `FLOOR_DB`.
    """

    image: Singles
    floored: tuple[int, int]

    @property
    def valid(self) -> npt.NDArray[np.bool_]:
        """Where both polarisations have data, ``[rows, cols]``."""
        return ~np.isnan(self.image[:, :, :2]).any(axis=2)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class _Channel:
    """One polarisation: its pixels and tables.

    Attributes:
        raster_path: Path of the TIFF for GDAL.
        gain: The calibration table sigmaNought.
        noise: Thermal noise; none where the product lacks it and may.
    """

    raster_path: str
    gain: DenseTable
    noise: DenseNoise | None


class Scene:
    """An HH + HV scene, opened; use `open_scene` to get one.

    Attributes:
        name: Name of the product.
        path: Where it lies.
        mode: EW or IW.
        start: Time of the first line, UTC.
        stop: Time of the last line, UTC.
        rows: Number of lines.
        cols: Number of samples.
        row_spacing: Metres from line to line.
        col_spacing: Metres from sample to sample on the ground.
        tie_points: Where pixels lie on the Earth.
        denoised: Whether thermal noise is taken off both polarisations.
    """

    def __init__(
        self,
        files: ProductFiles,
        annotation: Annotation,
        channels: tuple[_Channel, ...],
        *,
        dark_frame: bool,
    ) -> None:
        self.name = files.name
        self.path = files.path
        self.mode = annotation.mode
        self.start: datetime.datetime = annotation.start
        self.stop: datetime.datetime = annotation.stop
        self.rows = annotation.rows
        self.cols = annotation.cols
        self.row_spacing = annotation.row_spacing
        self.col_spacing = annotation.col_spacing
        self.tie_points: TiePoints = annotation.tie_points
        self.denoised = all(channel.noise is not None for channel in channels)
        self._channels = channels
        self._dark_frame = dark_frame
        self._rasters: dict[str, rasterio.DatasetReader] = {}
        self._angle = DenseTable.of(
            self.tie_points.rows,
            np.stack(
                [
                    np.interp(np.arange(self.cols), self.tie_points.cols, angles)
                    for angles in annotation.angle
                ]
            ).astype(np.float32),
        )

    @property
    def window(self) -> PixelWindow:
        """The whole scene."""
        return PixelWindow(row=0, col=0, rows=self.rows, cols=self.cols)

    def read(self, window: PixelWindow, *, boxcar: int = 1) -> SceneImage:
        """Reads sigma-nought in dB and incidence angle.

        Args:
            window: Pixels to read, inside the scene.
            boxcar: Width of a mean filter against speckle, odd; 1 for none. It works
                on linear power and sees the pixels around the window.

        Raises:
            ValueError: If the window is not inside the scene, or ``boxcar`` is even.
            OSError: If the pixels cannot be read.
        """
        self._check_inside(window)
        check_boxcar(boxcar)
        planes = np.empty((3, window.rows, window.cols), np.float32)
        floored = []
        for plane, channel in zip(planes, self._channels, strict=False):
            if boxcar == 1:
                count = self._fill(channel, window, plane, decibels=True)
            else:
                wide = window.widened(boxcar // 2).within(self.rows, self.cols)
                power = np.empty((wide.rows, wide.cols), np.float32)
                self._fill(channel, wide, power, decibels=False)
                row, col = window.row - wide.row, window.col - wide.col
                smooth = filter_boxcar(power, boxcar)
                plane[:] = smooth[row : row + window.rows, col : col + window.cols]
                count = to_decibels(plane)
            floored.append(count)
        self._angle.at(window.row, window.rows, window.col, window.cols, planes[2])
        return SceneImage(
            image=np.moveaxis(planes, 0, -1), floored=(floored[0], floored[1])
        )

    def read_power(self, window: PixelWindow) -> Singles:
        """Reads sigma-nought of HH and HV in linear power, ``[rows, cols, 2]``.

        Values that noise removal made negative are kept, so that means are unbiased;
        NaN stands where there is no data.

        Raises:
            ValueError: If the window is not inside the scene.
            OSError: If the pixels cannot be read.
        """
        self._check_inside(window)
        planes = np.empty((2, window.rows, window.cols), np.float32)
        for plane, channel in zip(planes, self._channels, strict=True):
            self._fill(channel, window, plane, decibels=False)
        return np.moveaxis(planes, 0, -1)

    def read_angle(self, window: PixelWindow) -> Singles:
        """Returns the incidence angle in degrees, ``[rows, cols]``.

        Raises:
            ValueError: If the window is not inside the scene.
        """
        self._check_inside(window)
        out = np.empty((window.rows, window.cols), np.float32)
        self._angle.at(window.row, window.rows, window.col, window.cols, out)
        return out

    def read_valid(self, window: PixelWindow) -> npt.NDArray[np.bool_]:
        """Returns where both polarisations have data, without calibrating anything.

        Raises:
            ValueError: If the window is not inside the scene.
            OSError: If the pixels cannot be read.
        """
        self._check_inside(window)
        valid = np.ones((window.rows, window.cols), np.bool_)
        for channel in self._channels:
            dn = self._read_dn(channel, window)
            valid &= dn != 0
        if self._dark_frame:
            valid &= ~self._frame(window)
        return valid

    def read_dn(self, polarisation: str, window: PixelWindow) -> npt.NDArray[np.uint16]:
        """Reads digital numbers as they are, ``[rows, cols]``."""
        self._check_inside(window)
        return self._read_dn(
            self._channels[POLARISATIONS.index(polarisation)], window
        )

    def noise(self, polarisation: str, window: PixelWindow) -> Singles:
        """Returns thermal noise in the square of digital numbers, ``[rows, cols]``.

        Raises:
            ValueError: If the window is not inside the scene, or the product has no
                noise table.
        """
        self._check_inside(window)
        table = self._channels[POLARISATIONS.index(polarisation)].noise
        if table is None:
            raise ValueError(f"scene {self.name!r} has no {polarisation} noise table")
        out = np.empty((window.rows, window.cols), np.float32)
        table.at(window.row, window.rows, window.col, window.cols, out)
        return out

    def gain(self, polarisation: str, window: PixelWindow) -> Singles:
        """Returns the calibration table sigmaNought, ``[rows, cols]``."""
        self._check_inside(window)
        out = np.empty((window.rows, window.cols), np.float32)
        self._channels[POLARISATIONS.index(polarisation)].gain.at(
            window.row, window.rows, window.col, window.cols, out
        )
        return out

    def _check_inside(self, window: PixelWindow) -> None:
        if window.within(self.rows, self.cols) != window or not (
            window.rows and window.cols
        ):
            raise ValueError(
                f"a window must have pixels and lie inside scene {self.name!r} of"
                f" {self.rows} x {self.cols}; got {window!r}"
            )

    def _fill(
        self, channel: _Channel, window: PixelWindow, out: Singles, *, decibels: bool
    ) -> int:
        """Writes one polarisation of a window; returns how many pixels were floored."""
        dn = self._read_dn(channel, window)
        frame = self._frame(window) if self._dark_frame else None
        step = max(_CHUNK // window.cols, 1)
        table = np.empty((min(step, window.rows), window.cols), np.float32)
        floored = 0
        for top in range(0, window.rows, step):
            rows = min(step, window.rows - top)
            place = (window.row + top, rows, window.col, window.cols)
            part, scratch = out[top : top + rows], table[:rows]
            digital = dn[top : top + rows]
            np.multiply(digital, digital, out=part, dtype=np.float32)
            if channel.noise is not None:
                channel.noise.at(*place, scratch)
                part -= scratch
            self._calibrate(channel, place, part, scratch)
            nodata = digital == 0
            if frame is not None:
                nodata |= frame[top : top + rows]
            if nodata.any():
                part[nodata] = np.nan
            if decibels:
                floored += to_decibels(part)
        return floored

    def _calibrate(
        self,
        channel: _Channel,
        place: tuple[int, int, int, int],
        part: Singles,
        scratch: Singles,
    ) -> None:
        if channel.gain.constant:
            _, _, col, cols = place
            part *= np.float32(1) / np.square(channel.gain.values[:, col : col + cols])
        else:
            channel.gain.at(*place, scratch)
            np.multiply(scratch, scratch, out=scratch)
            part /= scratch

    def _read_dn(
        self, channel: _Channel, window: PixelWindow
    ) -> npt.NDArray[np.uint16]:
        path = channel.raster_path
        try:
            return self._raster(path).read(
                1,
                window=rasterio.windows.Window(
                    window.col, window.row, window.cols, window.rows
                ),
            )
        except rasterio.errors.RasterioIOError as error:
            raise OSError(
                f"the pixels of {path!r} must be whole; rows {window.row} to"
                f" {window.end_row - 1} of scene {self.name!r} cannot be read"
                f" ({error}); the file may be truncated: fetch it again"
            ) from error

    def _raster(self, path: str) -> rasterio.DatasetReader:
        if path not in self._rasters:
            self._rasters[path] = _open_raster(path, self.name, self.rows, self.cols)
        return self._rasters[path]

    @functools.cached_property
    def _frame_widths(self) -> dict[str, npt.NDArray[np.int32]]:
        """Width of the dark frame at each side, of the wider polarisation."""
        deep = min(sentinel1_border.MARGIN, self.cols)
        high = min(sentinel1_border.MARGIN, self.rows)
        sides = {
            "left": PixelWindow(row=0, col=0, rows=self.rows, cols=deep),
            "right": PixelWindow(
                row=0, col=self.cols - deep, rows=self.rows, cols=deep
            ),
            "top": PixelWindow(row=0, col=0, rows=high, cols=self.cols),
            "bottom": PixelWindow(
                row=self.rows - high, col=0, rows=high, cols=self.cols
            ),
        }
        widths: dict[str, npt.NDArray[np.int32]] = {}
        for side, window in sides.items():
            for channel in self._channels:
                dn = self._read_dn(channel, window)
                noise = np.zeros(dn.shape, np.float32)
                if channel.noise is not None:
                    channel.noise.at(
                        window.row, window.rows, window.col, window.cols, noise
                    )
                if side in ("top", "bottom"):
                    dn, noise = dn.T, noise.T
                if side in ("right", "bottom"):
                    dn, noise = dn[:, ::-1], noise[:, ::-1]
                found = sentinel1_border.frame_widths(dn, noise)
                widths[side] = np.maximum(widths.get(side, found), found)
        return widths

    def _frame(self, window: PixelWindow) -> npt.NDArray[np.bool_]:
        """Returns which pixels of a window belong to the dark frame."""
        widths = self._frame_widths
        row = np.arange(window.row, window.end_row)
        col = np.arange(window.col, window.end_col)
        return (
            (col[None] < widths["left"][row, None])
            | (col[None] >= self.cols - widths["right"][row, None])
            | (row[:, None] < widths["top"][None, col])
            | (row[:, None] >= self.rows - widths["bottom"][None, col])
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


def open_scene(
    path: str | pathlib.Path, *, noise: NoisePolicy = "required"
) -> Scene:
    """Opens an HH + HV product, EW GRDM or IW GRDH.

    Args:
        path: A SAFE folder or a .zip of one, local or under ``gs://``.
        noise: ``optional`` reads a product without noise tables all the same, with its
            noise left in; `Scene.denoised` then says so.

    Raises:
        FileNotFoundError: If there is no product, or a file of it is missing.
        ValueError: If the product is not HH + HV, or its files contradict each other.
    """
    files = find_files(path)
    found = sorted(files.annotation)
    if not set(POLARISATIONS) <= set(found):
        raise ValueError(
            f"scene {files.name!r} must have the polarisations HH and HV; its"
            f" annotation has {', '.join(found)}"
        )
    annotations = {
        polarisation: parse_annotation(
            files.read_xml(files.annotation[polarisation]),
            f"{files.annotation[polarisation]!r} of {files.name!r}",
        )
        for polarisation in POLARISATIONS
    }
    sizes = {p: (a.rows, a.cols) for p, a in annotations.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(
            f"HH and HV of scene {files.name!r} must cover the same pixels; got {sizes}"
        )
    first = annotations["HH"]
    channels = tuple(
        _open_channel(files, polarisation, first, noise)
        for polarisation in POLARISATIONS
    )
    return Scene(files, first, channels, dark_frame=_has_dark_frame(files))


def _open_channel(
    files: ProductFiles, polarisation: str, annotation: Annotation, policy: NoisePolicy
) -> _Channel:
    for kind, there, folder in (
        ("measurement", files.measurement, "measurement/*.tiff"),
        ("calibration", files.calibration, "annotation/calibration/calibration-*.xml"),
        ("noise", files.noise, "annotation/calibration/noise-*.xml"),
    ):
        if polarisation not in there and not (kind == "noise" and policy == "optional"):
            raise FileNotFoundError(
                f"scene {files.name!r} must have a {polarisation} {kind} file"
                f" ({folder}); its {kind} files are {sorted(there.values()) or 'none'}"
                + (
                    "; allow missing noise to read it with its noise left in"
                    if kind == "noise"
                    else ""
                )
            )
    source = f"{files.calibration[polarisation]!r} of {files.name!r}"
    gain = parse_calibration(files.read_xml(files.calibration[polarisation]), source)
    noise = None
    if polarisation in files.noise:
        source = f"{files.noise[polarisation]!r} of {files.name!r}"
        table = parse_noise(files.read_xml(files.noise[polarisation]), source)
        noise = DenseNoise.of(table, annotation.cols)
    return _Channel(
        raster_path=files.raster_path(polarisation),
        gain=DenseTable.of(gain.rows, gain.spread(annotation.cols)),
        noise=noise,
    )


def _has_dark_frame(files: ProductFiles) -> bool:
    """Says whether nodata may be low instead of zero; by the format if unsaid."""
    version = None
    if files.manifest is not None:
        version = parse_processor_version(
            files.read_xml(files.manifest), f"{files.manifest!r} of {files.name!r}"
        )
    if version is not None:
        return version < _ZEROS_FROM
    return any(
        parse_noise(files.read_xml(member), member).original
        for member in files.noise.values()
    )


def _open_raster(path: str, scene: str, rows: int, cols: int) -> rasterio.DatasetReader:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
            raster = rasterio.open(path)
    except rasterio.errors.RasterioIOError as error:
        raise OSError(
            f"{path!r} of scene {scene!r} must be a whole GeoTIFF; it cannot be opened"
            f" ({error}); fetch it again"
        ) from error
    if (raster.height, raster.width) != (rows, cols) or raster.dtypes[0] != "uint16":
        raise ValueError(
            f"{path!r} of scene {scene!r} must hold {rows} x {cols} uint16 pixels, as"
            f" its annotation says; got {raster.height} x {raster.width}"
            f" {raster.dtypes[0]}"
        )
    return raster
