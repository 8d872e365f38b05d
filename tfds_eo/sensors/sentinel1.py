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

import numpy as np
import numpy.typing as npt

from tfds_eo.geo.geocoding import TiePoints
from tfds_eo.geo.grid import PixelWindow
from tfds_eo.geo.scene_polygons import Shapes, put_onto_scene
from tfds_eo.sensors import speckle
from tfds_eo.sensors.sentinel1_annotation import (
    Annotation,
    Manifest,
    parse_annotation,
    parse_manifest,
)
from tfds_eo.sensors.sentinel1_border import DarkFrame, find_frame
from tfds_eo.sensors.sentinel1_channel import (
    Channel,
    NoisePolicy,
    open_channel,
    to_decibels,
)
from tfds_eo.sensors.sentinel1_files import ProductFiles, find_files
from tfds_eo.sensors.sentinel1_tables import DenseTable

POLARISATIONS = ("HH", "HV")
"""Channels of an image before the incidence angle, in this order."""

Singles = npt.NDArray[np.float32]

_ZEROS_FROM = (2, 90)  # From this IPF version on, nodata is DN 0.


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class SceneImage:
    """A window of a scene in physical units.

    Attributes:
        image: ``[rows, cols, 3]``: sigma-nought of HH and HV in dB, not below
            `sentinel1_channel.FLOOR_DB`, NaN where there is no data; incidence angle in
            degrees, always there. A view of memory in which each channel lies apart.
        floored: Pixels of HH and of HV that were set to that floor.
    """

    image: Singles
    floored: tuple[int, int]

    @property
    def valid(self) -> npt.NDArray[np.bool_]:
        """Where both polarisations have data, ``[rows, cols]``."""
        known = np.isfinite(self.image)
        return known[:, :, 0] & known[:, :, 1]


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
        simulated: Whether it is a made product.
    """

    def __init__(
        self,
        files: ProductFiles,
        annotation: Annotation,
        channels: tuple[Channel, ...],
        *,
        simulated: bool,
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
        self.simulated = simulated
        self._has_frame = dark_frame
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
        planes = np.empty((3, window.rows, window.cols), np.float32)
        floored = []
        for plane, channel in zip(planes, self._channels, strict=False):
            if boxcar == 1:
                frame = self._frame_at(window)
                count = channel.read_power(window, plane, frame=frame, decibels=True)
            else:
                self._smooth(channel, window, plane, boxcar)
                count = to_decibels(plane)
            floored.append(count)
        self._angle.at(window.row, window.rows, window.col, window.cols, planes[2])
        return SceneImage(
            image=np.moveaxis(planes, 0, -1), floored=(floored[0], floored[1])
        )

    def read_power(self, window: PixelWindow, *, boxcar: int = 1) -> Singles:
        """Reads sigma-nought of HH and HV in linear power, ``[rows, cols, 2]``.

        Values that noise removal made negative are kept, so that means are unbiased;
        NaN stands where there is no data. The arguments are those of `read`.

        Raises:
            ValueError: If the window is not inside the scene, or ``boxcar`` is even.
            OSError: If the pixels cannot be read.
        """
        self._check_inside(window)
        planes = np.empty((2, window.rows, window.cols), np.float32)
        for plane, channel in zip(planes, self._channels, strict=True):
            self._smooth(channel, window, plane, boxcar)
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
            valid &= channel.read_dn(window) != 0
        frame = self._frame_at(window)
        return valid if frame is None else valid & ~frame

    def locate(
        self, row: npt.ArrayLike, col: npt.ArrayLike
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Returns longitude and latitude of pixels; as `TiePoints.locate`."""
        return self.tie_points.locate(row, col)

    def place(self, shapes: Shapes, crs: str) -> Shapes:
        """Puts polygons onto the pixels of the scene; empty where they miss it."""
        return put_onto_scene(
            shapes, crs, self.tie_points, rows=self.rows, cols=self.cols
        )

    def read_dn(self, polarisation: str, window: PixelWindow) -> npt.NDArray[np.uint16]:
        """Reads digital numbers as they are, ``[rows, cols]``."""
        self._check_inside(window)
        return self._channel(polarisation).read_dn(window)

    def noise(self, polarisation: str, window: PixelWindow) -> Singles:
        """Returns thermal noise in the square of digital numbers, ``[rows, cols]``.

        Raises:
            ValueError: If the window is not inside the scene, or the product has no
                noise table.
        """
        self._check_inside(window)
        table = self._channel(polarisation).noise
        if table is None:
            raise ValueError(f"scene {self.name!r} has no {polarisation} noise table")
        out = np.empty((window.rows, window.cols), np.float32)
        table.at(window.row, window.rows, window.col, window.cols, out)
        return out

    def gain(self, polarisation: str, window: PixelWindow) -> Singles:
        """Returns the calibration table sigmaNought, ``[rows, cols]``."""
        self._check_inside(window)
        out = np.empty((window.rows, window.cols), np.float32)
        place = (window.row, window.rows, window.col, window.cols)
        self._channel(polarisation).gain.at(*place, out)
        return out

    def _channel(self, polarisation: str) -> Channel:
        return self._channels[POLARISATIONS.index(polarisation)]

    def _smooth(
        self, channel: Channel, window: PixelWindow, out: Singles, boxcar: int
    ) -> None:
        """Writes linear power of a window, filtered by what lies around it too."""
        speckle.check_boxcar(boxcar)
        wide = window.widened(boxcar // 2).within(self.rows, self.cols)
        power = np.empty((wide.rows, wide.cols), np.float32)
        frame = self._frame_at(wide)
        channel.read_power(wide, power, frame=frame, decibels=False)
        row, col = window.row - wide.row, window.col - wide.col
        smooth = speckle.boxcar(power, boxcar)
        out[:] = smooth[row : row + window.rows, col : col + window.cols]

    @functools.cached_property
    def _frame(self) -> DarkFrame:
        return find_frame(self._channels)

    def _frame_at(self, window: PixelWindow) -> npt.NDArray[np.bool_] | None:
        return self._frame.at(window) if self._has_frame else None

    def _check_inside(self, window: PixelWindow) -> None:
        if window.within(self.rows, self.cols) != window or not (
            window.rows and window.cols
        ):
            raise ValueError(
                f"a window must have pixels and lie inside scene {self.name!r} of"
                f" {self.rows} x {self.cols}; got {window!r}"
            )


def open_scene(path: str | pathlib.Path, *, noise: NoisePolicy = "required") -> Scene:
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
        open_channel(files, polarisation, first, noise)
        for polarisation in POLARISATIONS
    )
    manifest = Manifest()
    if files.manifest is not None:
        source = f"{files.manifest!r} of {files.name!r}"
        manifest = parse_manifest(files.read_xml(files.manifest), source)
    return Scene(
        files,
        first,
        channels,
        simulated=manifest.simulated,
        dark_frame=_has_dark_frame(manifest, channels),
    )


def _has_dark_frame(manifest: Manifest, channels: tuple[Channel, ...]) -> bool:
    """Says whether nodata may be low, not zero; by the noise's format if unsaid."""
    if manifest.version is not None:
        return manifest.version < _ZEROS_FROM
    return any(c.noise is not None and not c.noise.blocks for c in channels)
