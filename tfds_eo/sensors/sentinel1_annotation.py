"""The XML tables of a Sentinel-1 GRD product: geometry, calibration, noise.

Products are untrusted: entities and document types are refused.
"""

from __future__ import annotations

import dataclasses
import datetime
from xml.etree.ElementTree import Element, ParseError

import defusedxml
import defusedxml.ElementTree
import numpy as np
import numpy.typing as npt

from tfds_eo.geo.geocoding import TiePoints

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Annotation:
    """What the annotation of one polarisation tells of the image.

    Attributes:
        polarisation: HH, HV, VV or VH.
        mode: EW, IW or a stripmap beam.
        start: Time of the first line, UTC.
        stop: Time of the last line, UTC.
        rows: Lines of the image.
        cols: Samples of a line.
        row_spacing: Metres from line to line.
        col_spacing: Metres from sample to sample, on the ground.
        tie_points: Positions of the geolocation grid.
        angle: Incidence angle at the tie points, in degrees from the vertical,
            ``[R, C]``.
    """

    polarisation: str
    mode: str
    start: datetime.datetime
    stop: datetime.datetime
    rows: int
    cols: int
    row_spacing: float
    col_spacing: float
    tie_points: TiePoints
    angle: Floats


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class LineTable:
    """Values along some lines of an image, each line with columns of its own.

    Attributes:
        rows: The lines, increasing, ``[N]``.
        cols: For each line, increasing columns.
        values: For each line, the values at its columns.
    """

    rows: Floats
    cols: list[Floats]
    values: list[Floats]

    def spread(self, cols: int) -> npt.NDArray[np.float32]:
        """Returns the values at columns 0 to ``cols`` - 1 of each line, ``[N, cols]``.

        Each line is interpolated linearly on its own columns; before the first and
        behind the last of them their value holds.
        """
        every = np.arange(cols)
        return np.stack(
            [
                np.interp(every, at, values).astype(np.float32)
                for at, values in zip(self.cols, self.values, strict=True)
            ]
        )


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class AzimuthBlock:
    """How the noise of one swath changes along some lines.

    Attributes:
        first_row: First line.
        last_row: Last line, included.
        first_col: First sample.
        last_col: Last sample, included.
        rows: Lines of the values, increasing, ``[N]``.
        factors: Factor of the range noise at these lines, ``[N]``.
    """

    first_row: int
    last_row: int
    first_col: int
    last_col: int
    rows: Floats
    factors: Floats


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class NoiseTable:
    """Thermal noise, in the square of digital numbers.

    Attributes:
        along_range: Noise along lines.
        along_azimuth: Factors of it; none in products before IPF 2.9.
    """

    along_range: LineTable
    along_azimuth: tuple[AzimuthBlock, ...]


def parse_annotation(content: bytes, source: str) -> Annotation:
    """Reads the annotation of one polarisation.

    Args:
        content: The XML file.
        source: What errors call it.

    Raises:
        ValueError: If it is no annotation, or its geolocation grid is missing or
            incomplete.
    """
    root = _parse(content, source)
    points = root.findall("./geolocationGrid//geolocationGridPoint")
    if not points:
        raise ValueError(
            f"{source} must have a geolocationGrid with geolocationGridPoint elements;"
            " found none; the product cannot be placed on the Earth"
        )
    fields = ("line", "pixel", "longitude", "latitude", "incidenceAngle")
    table = np.array([[_number(p, f, source) for f in fields] for p in points])
    rows, at_row = np.unique(table[:, 0], return_inverse=True)
    cols, at_col = np.unique(table[:, 1], return_inverse=True)
    grid = np.full((3, len(rows), len(cols)), np.nan)
    grid[:, at_row, at_col] = table[:, 2:].T
    if len(points) != len(rows) * len(cols) or np.isnan(grid).any():
        raise ValueError(
            f"the geolocationGrid of {source} must be complete; it has {len(points)}"
            f" points for {len(rows)} lines x {len(cols)} samples"
        )
    image = "./imageAnnotation/imageInformation/"
    return Annotation(
        polarisation=_text(root, "./adsHeader/polarisation", source),
        mode=_text(root, "./adsHeader/mode", source),
        start=_time(root, "./adsHeader/startTime", source),
        stop=_time(root, "./adsHeader/stopTime", source),
        rows=int(_number(root, image + "numberOfLines", source)),
        cols=int(_number(root, image + "numberOfSamples", source)),
        row_spacing=_number(root, image + "azimuthPixelSpacing", source),
        col_spacing=_number(root, image + "rangePixelSpacing", source),
        tie_points=TiePoints(rows=rows, cols=cols, longitude=grid[0], latitude=grid[1]),
        angle=grid[2],
    )


def parse_calibration(content: bytes, source: str) -> LineTable:
    """Reads the sigmaNought table: sigma-nought is DN^2 divided by its square.

    Raises:
        ValueError: If it is no calibration table, or a value is not positive.
    """
    root = _parse(content, source)
    table = _line_table(root, "calibrationVector", "sigmaNought", source)
    if min(values.min() for values in table.values) <= 0:
        raise ValueError(f"sigmaNought of {source} must be positive; found 0 or less")
    return table


def parse_noise(content: bytes, source: str) -> NoiseTable:
    """Reads a noise table of either format.

    Raises:
        ValueError: If it is no noise table.
    """
    root = _parse(content, source)
    if root.find(".//noiseRangeVector") is None:
        return NoiseTable(
            along_range=_line_table(root, "noiseVector", "noiseLut", source),
            along_azimuth=(),
        )
    blocks = []
    for vector in root.findall(".//noiseAzimuthVector"):
        rows = _numbers(vector, "line", source)
        factors = _numbers(vector, "noiseAzimuthLut", source)
        if len(rows) != len(factors) or not len(rows):
            raise ValueError(
                f"a noiseAzimuthVector of {source} must have a factor for each line;"
                f" got {len(rows)} lines and {len(factors)} factors"
            )
        order = np.argsort(rows, kind="stable")
        blocks.append(
            AzimuthBlock(
                first_row=int(_number(vector, "firstAzimuthLine", source)),
                last_row=int(_number(vector, "lastAzimuthLine", source)),
                first_col=int(_number(vector, "firstRangeSample", source)),
                last_col=int(_number(vector, "lastRangeSample", source)),
                rows=rows[order],
                factors=factors[order],
            )
        )
    return NoiseTable(
        along_range=_line_table(root, "noiseRangeVector", "noiseRangeLut", source),
        along_azimuth=tuple(blocks),
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Manifest:
    """What the manifest tells of how a product was made.

    Attributes:
        version: Version of the processor (IPF), such as (2, 91); None if not said.
        simulated: Whether it is a made product.
    """

    version: tuple[int, int] | None = None
    simulated: bool = False


def parse_manifest(content: bytes, source: str) -> Manifest:
    """Reads the manifest; what it does not say is left at its default.

    Raises:
        ValueError: If it is no XML.
    """
    version, simulated = None, False
    for element in _parse(content, source).iter():
        name = element.get("name", "")
        if element.tag.endswith("}facility") and name.startswith("simulated"):
            simulated = True
        if version is None and element.tag.endswith("}software") and "IPF" in name:
            major, _, minor = element.get("version", "").partition(".")
            if major.isdigit() and minor.isdigit():
                version = int(major), int(minor)
    return Manifest(version=version, simulated=simulated)


def _line_table(root: Element, vector: str, values: str, source: str) -> LineTable:
    """Reads vectors of line, pixel and values; sorted by line, doubles left out."""
    found: dict[float, tuple[Floats, Floats]] = {}
    for element in root.iter(vector):
        cols = _numbers(element, "pixel", source)
        at_cols = _numbers(element, values, source)
        row = _number(element, "line", source)
        if len(cols) != len(at_cols) or not len(cols) or (np.diff(cols) < 0).any():
            raise ValueError(
                f"{vector} at line {row:g} of {source} must have a {values} for each"
                f" of its increasing pixels; got {len(cols)} pixels and"
                f" {len(at_cols)} values"
            )
        found.setdefault(row, (cols, at_cols))
    if not found:
        raise ValueError(f"{source} must have {vector} elements; found none")
    rows = sorted(found)
    return LineTable(
        rows=np.array(rows),
        cols=[found[row][0] for row in rows],
        values=[found[row][1] for row in rows],
    )


def _parse(content: bytes, source: str) -> Element:
    try:
        return defusedxml.ElementTree.fromstring(content, forbid_dtd=True)
    except (ParseError, defusedxml.DefusedXmlException) as error:
        raise ValueError(
            f"{source} must be well-formed XML without entities; {error!r}"
        ) from error


def _text(element: Element, path: str, source: str) -> str:
    found = element.findtext(path)
    if found is None or not found.strip():
        raise ValueError(f"{source} must have {path.lstrip('./')!r}; found none")
    return found.strip()


def _number(element: Element, path: str, source: str) -> float:
    text = _text(element, path, source)
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(
            f"{path.lstrip('./')!r} of {source} must be a number; got {text!r}"
        ) from error


def _numbers(element: Element, path: str, source: str) -> Floats:
    text = _text(element, path, source)
    try:
        return np.array(text.split(), np.float64)
    except ValueError as error:
        raise ValueError(
            f"{path!r} of {source} must be numbers; got {text[:40]!r}"
        ) from error


def _time(element: Element, path: str, source: str) -> datetime.datetime:
    text = _text(element, path, source)
    try:
        time = datetime.datetime.fromisoformat(text.rstrip("Z"))
    except ValueError as error:
        raise ValueError(
            f"{path.lstrip('./')!r} of {source} must be a time; got {text!r}"
        ) from error
    return time.replace(tzinfo=datetime.UTC)
