"""Metadata of a Sentinel-2 Level-2A product in the SAFE format.

Read by the names of elements, not by their paths: product specifications before 14.5
(baselines 02.04 to 02.07) write ``L2A_`` before, or ``_2A`` behind, what later ones
call ``PRODUCT_URI`` or ``IMAGE_FILE``, and list a granule once for each resolution.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from xml.etree import ElementTree

import fsspec

from tfds_eo.geo.tile_grid import TileGrid
from tfds_eo.schemas import CROP_BANDS
from tfds_eo.sensors.sentinel2 import (
    BANDS_10M,
    LEAST_OFFSET_BASELINE,
    BandImage,
    Product,
)

METADATA = "MTD_MSIL2A.xml"
"""The file of a product that describes it."""

SIMULATED = b"simulated by tfds-eo"
"""Comment in the metadata of a product that is made up."""

_BAND_IDS = {
    name: number
    for number, name in enumerate(
        "B1 B2 B3 B4 B5 B6 B7 B8 B8A B9 B10 B11 B12".split()  # noqa: SIM905
    )
}
"""Number of each band in metadata (``band_id``)."""


def read_product(folder: str) -> Product:
    """Reads the metadata of a product.

    Args:
        folder: The ``.SAFE`` folder, a path or an URL that fsspec reads.

    Raises:
        ValueError: If it is not Level-2A, holds more than one tile, or lacks something.
        OSError: If a file is missing.
    """
    folder = folder.rstrip("/")
    path = f"{folder}/{METADATA}"
    content = _read(path)
    product = _Metadata(path, content)
    level = product.text("PROCESSING_LEVEL")
    if not level.startswith("Level-2A"):
        raise ValueError(f"product {folder} must be of Level-2A; got {level!r}")
    images = _image_files(product, folder)
    # Every IMAGE_FILE begins with GRANULE and the name of the granule's folder.
    granules = {"/".join(image.split("/")[:2]) for image in images.values()}
    if len(granules) != 1:
        raise ValueError(
            f"product {folder} must hold one granule; its metadata name"
            f" {sorted(granules)}"
        )
    granule = _Metadata(
        path := f"{folder}/{granules.pop()}/MTD_TL.xml",
        _read(path),
    )
    name = product.text("PRODUCT_URI", "PRODUCT_URI_2A").removesuffix(".SAFE")
    baseline = product.text("PROCESSING_BASELINE")
    quantification = float(
        product.text("BOA_QUANTIFICATION_VALUE", "L2A_BOA_QUANTIFICATION_VALUE")
    )
    offsets = _offsets(product, baseline)
    return Product(
        id=name,
        grid=_grid(granule, name),
        sensed=_time(product.text("DATATAKE_SENSING_START")),
        strip=_strip(granule),
        baseline=baseline,
        generated=product.text("GENERATION_TIME"),
        cloud=float(
            product.text("Cloud_Coverage_Assessment", "CLOUDY_PIXEL_PERCENTAGE")
        ),
        empty=float(granule.text("NODATA_PIXEL_PERCENTAGE", default="0")),
        bands=tuple(
            BandImage(
                path=f"{folder}/{images[band]}.jp2",
                quantification=quantification,
                offset=offsets.get(_BAND_IDS[band], 0.0),
            )
            for band in CROP_BANDS
        ),
        scene_classification=f"{folder}/{images['SCL']}.jp2",
        simulated=SIMULATED in content,
    )


# Private -------------------------------------------------------------------------


class _Metadata:
    """An XML file whose elements are found by name, whatever their namespace."""

    def __init__(self, path: str, content: bytes) -> None:
        self._path = path
        try:
            self._root = ElementTree.fromstring(content)
        except ElementTree.ParseError as error:
            raise ValueError(f"metadata {path} must be XML; {error}") from error

    def all(self, *names: str) -> Iterator[ElementTree.Element]:
        for element in self._root.iter():
            if element.tag.rpartition("}")[2] in names:
                yield element

    def text(self, *names: str, default: str | None = None) -> str:
        for element in self.all(*names):
            if element.text and element.text.strip():
                return element.text.strip()
        if default is not None:
            return default
        raise ValueError(
            f"metadata {self._path} must have an element {' or '.join(names)}; there"
            " is none, or it is empty"
        )

    def text_below(self, parent: str, attribute: tuple[str, str], name: str) -> str:
        for element in self.all(parent):
            if element.get(attribute[0]) == attribute[1]:
                found = element.findtext(name)
                if found:
                    return found.strip()
        raise ValueError(
            f"metadata {self._path} must have an element {name} in {parent} with"
            f" {attribute[0]}={attribute[1]!r}; there is none"
        )


def _read(path: str) -> bytes:
    with fsspec.open(path, "rb") as file:
        return file.read()


def _image_files(product: _Metadata, folder: str) -> dict[str, str]:
    """Returns the path of each band and of SCL in the product, without extension."""
    found = {}
    for element in product.all("IMAGE_FILE", "IMAGE_FILE_2A"):
        path = (element.text or "").strip()
        match = re.search(r"_(B\d[\dA]|SCL)_(\d\d)m$", path)
        if match:
            found[match[1].replace("B0", "B"), int(match[2])] = path
    images = {}
    for band in (*CROP_BANDS, "SCL"):
        pixel = 10 if band in BANDS_10M else 20
        if (band, pixel) not in found:
            raise ValueError(
                f"product {folder} must list an image of {band} at {pixel} m; it lists"
                f" {sorted(found)}"
            )
        images[band] = found[band, pixel]
    return images


def _offsets(product: _Metadata, baseline: str) -> dict[int, float]:
    offsets = {
        int(element.attrib["band_id"]): float(element.text or "")
        for element in product.all("BOA_ADD_OFFSET")
    }
    if not offsets and baseline >= LEAST_OFFSET_BASELINE and baseline != "99.99":
        # 99.99 is what a user's own run of the processor writes, of any age.
        raise ValueError(
            f"a product of baseline {baseline} must have BOA_ADD_OFFSET in its"
            " metadata; there is none"
        )
    return offsets


def _grid(granule: _Metadata, name: str) -> TileGrid:
    tile = re.search(r"_T(\d\d[A-Z]{3})(_|$)", name)
    if not tile:
        raise ValueError(
            f"the name of a product must hold its tile, such as _T33UVP_; got {name!r}"
        )
    ten = ("resolution", "10")
    return TileGrid(
        tile=tile[1],
        crs=granule.text("HORIZONTAL_CS_CODE").upper(),
        left=float(granule.text_below("Geoposition", ten, "ULX")),
        top=float(granule.text_below("Geoposition", ten, "ULY")),
        rows=int(granule.text_below("Size", ten, "NROWS")),
        cols=int(granule.text_below("Size", ten, "NCOLS")),
    )


def _strip(granule: _Metadata) -> str:
    strip = granule.text("DATASTRIP_ID", "DATASTRIP_ID_2A")
    match = re.search(r"_S(\d{8}T\d{6})_", strip)
    return match[1] if match else strip


def _time(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(
        datetime.UTC
    )
