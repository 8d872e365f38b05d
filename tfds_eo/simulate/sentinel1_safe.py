"""Writes a made Sentinel-1 EW GRDM product: folders, names and XML of a true one."""

from __future__ import annotations

import dataclasses
import datetime
import pathlib
import shutil
import warnings
import zipfile
import zlib
from collections.abc import Callable
from typing import Literal
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.errors
import rasterio.shutil
from rasterio.control import GroundControlPoint
from rasterio.windows import Window

from tfds_eo.simulate.sentinel1_radar import PIXEL, Radar

Layout = Literal["safe", "cog", "mirror"]
"""Names and TIFFs: of the archive, of its COG edition, or the short ones of mirrors."""

SIMULATED = "simulated by tfds-eo: not observed data"
"""What the manifest names as facility, and each TIFF as its description."""

_ROWS_AT_ONCE = 256
_GRID_POINTS = (23, 21)
_SECONDS_A_LINE = 6.004712e-3
_SAFE = "http://www.esa.int/safe/sentinel-1.0"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Product:
    """What a made product is called and how it is written.

    Attributes:
        start: Time of the first line, UTC.
        radar: Its image.
        layout: Names and TIFFs.
        version: Version of the processor (IPF), such as ``003.52``; before ``002.90``
            noise comes in the old format.
        orbit: Absolute orbit number.
        satellite: S1A to S1D.
    """

    start: datetime.datetime
    radar: Radar
    layout: Layout = "safe"
    version: str = "003.52"
    orbit: int = 20177
    satellite: str = "S1A"

    @property
    def stop(self) -> datetime.datetime:
        """Time of the last line."""
        seconds = (self.radar.rows - 1) * _SECONDS_A_LINE
        return self.start + datetime.timedelta(seconds=seconds)

    @property
    def old_noise(self) -> bool:
        """Whether noise tables have the format before IPF 2.9."""
        major, minor = self.version.split(".")
        return (int(major), int(minor)) < (2, 90)

    @property
    def name(self) -> str:
        """Name of the product, without ``.SAFE``."""
        times = f"{self.start:%Y%m%dT%H%M%S}_{self.stop:%Y%m%dT%H%M%S}"
        orbit = f"{self.orbit:06d}_{(self.orbit * 7) % 2**24:06X}"
        body = f"{self.satellite}_EW_GRDM_1SDH_{times}_{orbit}"
        return f"{body}_{zlib.crc32(body.encode()) & 0xFFFF:04X}"

    def file_name(self, polarisation: str) -> str:
        """Name of a polarisation's annotation, without folder and ``.xml``."""
        if self.layout == "mirror":
            return f"ew-{polarisation.lower()}"
        words = self.name.lower().split("_")
        number = "001" if polarisation == "HH" else "002"
        body = "-".join([words[0], "ew", "grd", polarisation.lower(), *words[4:8]])
        return f"{body}-{number}" + ("-cog" if self.layout == "cog" else "")


Truth = Callable[[str, int, int], npt.NDArray[np.float64]]
"""Returns linear sigma-nought of a polarisation, from a row on, for so many rows."""


def write_product(
    folder: pathlib.Path,
    product: Product,
    truth: Truth,
    *,
    seed: int,
    zipped: bool = False,
) -> pathlib.Path:
    """Writes a product.

    Args:
        folder: Where the SAFE folder or zip is put.
        product: What it is called and how it is written.
        truth: Gives the planted sigma-nought; 0 where there is no data.
        seed: Seed of the speckle.
        zipped: Whether to pack it.

    Returns:
        Path of the SAFE folder or the zip.

    Raises:
        FileExistsError: If it is there already.
    """
    ending = "_COG.SAFE" if product.layout == "cog" else ".SAFE"
    safe = folder / (product.name + ending)
    target = safe.with_suffix(".zip") if zipped else safe
    for there in {safe, target}:
        if there.exists():
            raise FileExistsError(f"a made product must be new; {there} is there")
    (safe / "measurement").mkdir(parents=True)
    (safe / "annotation" / "calibration").mkdir(parents=True)
    for number, polarisation in enumerate(("HH", "HV")):
        name = product.file_name(polarisation)
        calibration = safe / "annotation" / "calibration"
        _write_xml(_annotation(product, polarisation), safe / f"annotation/{name}.xml")
        _write_xml(
            _calibration(product, polarisation), calibration / f"calibration-{name}.xml"
        )
        _write_xml(_noise(product, polarisation), calibration / f"noise-{name}.xml")
        _write_tiff(
            safe / f"measurement/{name}.tiff",
            product,
            polarisation,
            truth,
            seed=2 * seed + number,
        )
    _write_xml(_manifest(product), safe / "manifest.safe")
    if zipped:
        _pack(safe, target)
    return target


def _pack(safe: pathlib.Path, target: pathlib.Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in sorted(safe.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(safe.parent))
    shutil.rmtree(safe)


def _write_tiff(
    path: pathlib.Path, product: Product, polarisation: str, truth: Truth, *, seed: int
) -> None:
    radar = product.radar
    rows, cols = _grid(radar)
    longitude, latitude = radar.locate(*np.meshgrid(rows, cols, indexing="ij"))
    points = [
        GroundControlPoint(row=r, col=c, x=longitude[i, j], y=latitude[i, j], z=0.0)
        for i, r in enumerate(rows)
        for j, c in enumerate(cols)
    ]
    plain = path.with_suffix(".plain") if product.layout == "cog" else path
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(
            plain,
            "w",
            driver="GTiff",
            height=radar.rows,
            width=radar.cols,
            count=1,
            dtype="uint16",
            gcps=points,
            crs="EPSG:4326",
        ) as raster:
            raster.update_tags(TIFFTAG_IMAGEDESCRIPTION=SIMULATED)
            for block, row in enumerate(range(0, radar.rows, _ROWS_AT_ONCE)):
                count = min(_ROWS_AT_ONCE, radar.rows - row)
                random = np.random.default_rng([seed, block])
                sigma = truth(polarisation, row, count)
                dn = radar.digital_numbers(polarisation, sigma, row, random)
                raster.write(dn, 1, window=Window(0, row, radar.cols, count))
        if product.layout == "cog":
            rasterio.shutil.copy(
                plain, path, driver="COG", compress="DEFLATE", overviews="NONE"
            )
            plain.unlink()


def _grid(radar: Radar) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    rows = np.unique(np.linspace(0, radar.rows - 1, _GRID_POINTS[0]).astype(np.int64))
    cols = np.unique(np.linspace(0, radar.cols - 1, _GRID_POINTS[1]).astype(np.int64))
    return rows, cols


def _annotation(product: Product, polarisation: str) -> Element:
    radar = product.radar
    root = Element("product")
    _header(root, product, polarisation)
    general = SubElement(SubElement(root, "generalAnnotation"), "productInformation")
    _put(general, "pass", "Descending", "projection", "Ground Range")
    image = SubElement(SubElement(root, "imageAnnotation"), "imageInformation")
    _put(
        image,
        *("productFirstLineUtcTime", _stamp(product.start)),
        *("productLastLineUtcTime", _stamp(product.stop)),
        *("slantRangeTime", "4.964462411191149e-03"),
        *("pixelValue", "Detected"),
        *("outputPixels", "16 bit Unsigned Integer"),
        *("rangePixelSpacing", f"{PIXEL:.6e}"),
        *("azimuthPixelSpacing", f"{PIXEL:.6e}"),
        *("azimuthTimeInterval", f"{_SECONDS_A_LINE:.15e}"),
        *("numberOfSamples", str(radar.cols)),
        *("numberOfLines", str(radar.rows)),
        *("incidenceAngleMidSwath", f"{float(radar.angle((radar.cols - 1) / 2)):.15e}"),
    )
    rows, cols = _grid(radar)
    points = SubElement(
        SubElement(root, "geolocationGrid"),
        "geolocationGridPointList",
        count=str(len(rows) * len(cols)),
    )
    longitude, latitude = radar.locate(*np.meshgrid(rows, cols, indexing="ij"))
    for i, row in enumerate(rows):
        for j, col in enumerate(cols):
            angle = float(radar.angle(col))
            _put(
                SubElement(points, "geolocationGridPoint"),
                *("azimuthTime", _stamp(_time(product, row))),
                *("slantRangeTime", f"{4.9644624e-3 + 9.0e-8 * col:.15e}"),
                *("line", str(row), "pixel", str(col)),
                *("latitude", f"{latitude[i, j]:.15e}"),
                *("longitude", f"{longitude[i, j]:.15e}"),
                *("height", f"{0:.15e}"),
                *("incidenceAngle", f"{angle:.15e}"),
                *("elevationAngle", f"{angle - 2.0:.15e}"),
            )
    merges = SubElement(SubElement(root, "swathMerging"), "swathMergeList", count="5")
    for number, (first, last) in enumerate(radar.swaths, 1):
        merge = SubElement(merges, "swathMerge")
        _put(merge, "swath", f"EW{number}")
        bounds = SubElement(merge, "swathBoundsList", count="1")
        _put(
            SubElement(bounds, "swathBounds"),
            *("azimuthTime", _stamp(product.start)),
            *("firstAzimuthLine", "0", "firstRangeSample", str(first)),
            *("lastAzimuthLine", str(radar.rows - 1), "lastRangeSample", str(last)),
        )
    return root


def _calibration(product: Product, polarisation: str) -> Element:
    radar = product.radar
    root = Element("calibration")
    _header(root, product, polarisation)
    information = SubElement(root, "calibrationInformation")
    _put(information, "absoluteCalibrationConstant", f"{1:.6e}")
    rows = _table_rows(radar)
    vectors = SubElement(root, "calibrationVectorList", count=str(len(rows)))
    constant = np.full(len(radar.table_cols), 1087.0)
    for row in rows:
        vector = SubElement(vectors, "calibrationVector")
        _put(vector, "azimuthTime", _stamp(_time(product, row)), "line", str(row))
        _numbers(vector, "pixel", radar.table_cols, "d")
        _numbers(vector, "sigmaNought", radar.sigma_nought, ".6e")
        _numbers(vector, "betaNought", constant, ".6e")
        _numbers(vector, "gamma", radar.sigma_nought, ".6e")
        _numbers(vector, "dn", constant, ".6e")
    return root


def _noise(product: Product, polarisation: str) -> Element:
    radar = product.radar
    root = Element("noise")
    _header(root, product, polarisation)
    of_range = ("noiseVector", "noiseLut")
    if not product.old_noise:
        of_range = ("noiseRangeVector", "noiseRangeLut")
    # Noise is linear between the first and the last line: two vectors tell it all.
    rows = [0, radar.rows - 1]
    vectors = SubElement(root, f"{of_range[0]}List", count=str(len(rows)))
    for row in rows:
        vector = SubElement(vectors, of_range[0])
        _put(vector, "azimuthTime", _stamp(_time(product, row)), "line", str(row))
        _numbers(vector, "pixel", radar.table_cols, "d")
        _numbers(vector, of_range[1], radar.range_noise(polarisation, row), ".6e")
    if product.old_noise:
        return root
    vectors = SubElement(root, "noiseAzimuthVectorList", count="5")
    for number, (first, last) in enumerate(radar.swaths):
        vector = SubElement(vectors, "noiseAzimuthVector")
        _put(
            vector,
            *("swath", f"EW{number + 1}"),
            *("firstAzimuthLine", "0", "firstRangeSample", str(first)),
            *("lastAzimuthLine", str(radar.rows - 1), "lastRangeSample", str(last)),
        )
        _numbers(vector, "line", radar.azimuth_rows(), "d")
        _numbers(vector, "noiseAzimuthLut", radar.azimuth_noise_factors(number), ".6e")
    return root


def _manifest(product: Product) -> Element:
    ElementTree.register_namespace("safe", _SAFE)
    root = Element("XFDU")
    data = SubElement(SubElement(root, "metadataSection"), "xmlData")
    processing = SubElement(data, f"{{{_SAFE}}}processing", name="GRD Post Processing")
    facility = SubElement(processing, f"{{{_SAFE}}}facility", name=SIMULATED)
    SubElement(
        facility,
        f"{{{_SAFE}}}software",
        name="Sentinel-1 IPF",
        version=product.version,
    )
    return root


def _header(root: Element, product: Product, polarisation: str) -> None:
    _put(
        SubElement(root, "adsHeader"),
        *("missionId", product.satellite, "productType", "GRD"),
        *("polarisation", polarisation, "mode", "EW", "swath", "EW"),
        *("startTime", _stamp(product.start), "stopTime", _stamp(product.stop)),
        *("absoluteOrbitNumber", str(product.orbit)),
        *("missionDataTakeId", str(product.orbit * 7), "imageNumber", "001"),
    )


def _table_rows(radar: Radar) -> list[int]:
    return [*range(0, radar.rows - 1, 167), radar.rows - 1]


def _time(product: Product, row: int) -> datetime.datetime:
    return product.start + datetime.timedelta(seconds=int(row) * _SECONDS_A_LINE)


def _stamp(time: datetime.datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S.%f}"


def _put(parent: Element, *names_and_texts: str) -> None:
    pairs = iter(names_and_texts)
    for name, text in zip(pairs, pairs, strict=True):
        SubElement(parent, name).text = text


def _numbers(parent: Element, name: str, values: npt.NDArray, form: str) -> None:
    element = SubElement(parent, name, count=str(len(values)))
    element.text = " ".join(format(value, form) for value in values.tolist())


def _write_xml(root: Element, path: pathlib.Path) -> None:
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(path, "UTF-8", xml_declaration=True)
