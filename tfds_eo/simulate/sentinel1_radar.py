"""What a made EW image is like: geometry, calibration, thermal noise, speckle.

Reduced images keep all five sub-swaths and the whole range of incidence angles, which
no true image of that size does; pixels stay 40 m wide.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools

import numpy as np
import numpy.typing as npt
import pyproj

Floats = npt.NDArray[np.float64]

PIXEL = 40.0
"""Width and height of a pixel in metres."""

ANGLES = (18.9, 46.5)
"""Incidence angle at the first and last sample, in degrees; linear in between."""

LOOKS = 4.4
"""Equivalent number of looks of the speckle, which is gamma distributed."""

BETA_NOUGHT = 1087.0
"""Square root of the constant between DN^2 and radar brightness, that of S1A's EW."""

SWATH_EDGES = (0.0, 0.2967, 0.4779, 0.6754, 0.8542, 1.0)
"""Where sub-swaths EW1 to EW5 begin and end, as shares of a line; a true product's."""

NOISE_FLOORS = (6000.0, 2250.0, 1400.0, 700.0, 780.0)
"""Thermal noise in the middle of each sub-swath, in DN^2; HV of a true product."""

NOISE_STEP = 40
"""Samples from one value of a noise or calibration table to the next."""

AZIMUTH_STEP = 10
"""Lines from one factor of a noise table along azimuth to the next."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Radar:
    """A made image's size, place and tables.

    Attributes:
        rows: Lines.
        cols: Samples.
        longitude: Of the centre, degrees east.
        latitude: Of the centre, degrees north.
        heading: Direction of increasing rows, degrees clockwise from north.
        azimuth_noise: Whether noise varies along lines of flight (IPF 2.9 and later).
    """

    rows: int
    cols: int
    longitude: float
    latitude: float
    heading: float = 200.0
    azimuth_noise: bool = True

    def locate(self, row: npt.ArrayLike, col: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Returns longitude and latitude of pixels, exact on the ellipsoid.

        Rows and columns are straight lines on an azimuthal equidistant map around the
        centre.
        """
        along = (np.asarray(row, np.float64) - (self.rows - 1) / 2) * PIXEL
        across = (np.asarray(col, np.float64) - (self.cols - 1) / 2) * PIXEL
        turn = np.radians(self.heading)
        east = along * np.sin(turn) + across * np.cos(turn)
        north = along * np.cos(turn) - across * np.sin(turn)
        return self._from_map.transform(east, north)

    @property
    def map_crs(self) -> str:
        """The azimuthal equidistant map around the centre."""
        centre = f"+lat_0={self.latitude} +lon_0={self.longitude}"
        return f"+proj=aeqd {centre} +ellps=WGS84"

    @functools.cached_property
    def _from_map(self) -> pyproj.Transformer:
        return pyproj.Transformer.from_crs(self.map_crs, "EPSG:4326", always_xy=True)

    def angle(self, col: npt.ArrayLike) -> Floats:
        """Returns incidence angles of columns, in degrees."""
        share = np.asarray(col, np.float64) / max(self.cols - 1, 1)
        return ANGLES[0] + (ANGLES[1] - ANGLES[0]) * share

    @functools.cached_property
    def swaths(self) -> tuple[tuple[int, int], ...]:
        """First and last column of each sub-swath."""
        edges = [round(edge * self.cols) for edge in SWATH_EDGES]
        return tuple((first, behind - 1) for first, behind in itertools.pairwise(edges))

    @functools.cached_property
    def table_cols(self) -> npt.NDArray[np.int64]:
        """Columns of the calibration and noise tables, ends of swaths among them."""
        ends = [col for swath in self.swaths for col in swath]
        return np.unique([*range(0, self.cols, NOISE_STEP), *ends])

    @functools.cached_property
    def sigma_nought(self) -> Floats:
        """The calibration table at `table_cols`, as written: 7 digits."""
        table = BETA_NOUGHT / np.sqrt(np.sin(np.radians(self.angle(self.table_cols))))
        return as_written(table)

    def range_noise(self, polarisation: str, row: int) -> Floats:
        """The noise table at `table_cols` for a line, in DN^2, as written.

        It rises by a tenth from the first to the last line, so that values between
        lines of the table matter.
        """
        level = np.zeros(len(self.table_cols))
        for (first, last), floor in zip(self.swaths, NOISE_FLOORS, strict=True):
            inside = (self.table_cols >= first) & (self.table_cols <= last)
            across = (self.table_cols[inside] - first) / max(last - first, 1) * 2 - 1
            level[inside] = floor * (1 + 1.2 * across**2)
        level *= 1 + 0.1 * row / max(self.rows - 1, 1)
        if polarisation == "HH":
            level *= 0.95
        return as_written(level)

    def azimuth_rows(self) -> npt.NDArray[np.int64]:
        """Rows of the factors of noise along azimuth."""
        return np.arange(0, self.rows, AZIMUTH_STEP)

    def azimuth_noise_factors(self, swath: int) -> Floats:
        """Factors of the noise of a sub-swath at `azimuth_rows`, as written.

        Scalloping: a ripple whose mean is 1, with another phase in each sub-swath.
        """
        rows = self.azimuth_rows()
        if not self.azimuth_noise:
            return np.ones(len(rows))
        return as_written(1 + 0.12 * np.sin(rows / 35.0 + swath))

    def noise(self, polarisation: str, first_row: int, rows: int) -> Floats:
        """Returns the noise of whole rows, in DN^2, ``[rows, cols]``.

        Between values of the tables it is linear: first along, then across lines.
        """
        cols, every = np.arange(self.cols), np.arange(first_row, first_row + rows)
        top = np.interp(cols, self.table_cols, self.range_noise(polarisation, 0))
        end = self.range_noise(polarisation, self.rows - 1)
        bottom = np.interp(cols, self.table_cols, end)
        share = (every / max(self.rows - 1, 1))[:, None]
        field = top * (1 - share) + bottom * share
        for number, (first, last) in enumerate(self.swaths):
            factors = self.azimuth_noise_factors(number)
            along = np.interp(every, self.azimuth_rows(), factors)
            field[:, first : last + 1] *= along[:, None]
        return field

    def digital_numbers(
        self,
        polarisation: str,
        sigma_nought: Floats,
        first_row: int,
        random: np.random.Generator,
    ) -> npt.NDArray[np.uint16]:
        """Returns DN that calibration and noise removal turn back, but for speckle.

        The mean of DN^2 is sigma-nought x table^2 + noise; signal and noise both
        speckle. Rounding adds a twelfth to DN^2, a bias below 0.001 dB.

        Args:
            polarisation: HH or HV.
            sigma_nought: Linear power of whole rows, ``[rows, cols]``; 0 or NaN where
                there is no data.
            first_row: Row of its first row in the image.
            random: Where speckle comes from.
        """
        rows, cols = sigma_nought.shape
        gain = np.interp(np.arange(cols), self.table_cols, self.sigma_nought)
        nodata = ~(sigma_nought > 0)
        power = np.where(nodata, 0, sigma_nought) * gain**2
        power += self.noise(polarisation, first_row, rows)
        power *= random.standard_gamma(LOOKS, size=(rows, cols), dtype=np.float32)
        power /= LOOKS
        dn = np.clip(np.rint(np.sqrt(power)), 1, 65535).astype(np.uint16)
        dn[nodata] = 0
        return dn


def as_written(values: Floats) -> Floats:
    """Rounds values to the 7 digits with which tables are written."""
    return np.array([float(f"{value:.6e}") for value in np.ravel(values)])
