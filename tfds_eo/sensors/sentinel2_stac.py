"""Sentinel-2 Level-2A products described by STAC items, mostly Cloud-Optimised GeoTIFF.

Understood are assets under the common names of bands (``rededge1``), as Earth Search
has them, and under the bands' own names (``B05``, ``B05_20m``), as the Planetary
Computer and the Copernicus Data Space have them. The offset of the numbers is taken
from ``raster:bands`` (or ``raster:offset``), unless the item says that it has been
applied; failing that from the product's own metadata, if the item links to them.
"""

from __future__ import annotations

import datetime
import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import fsspec

from tfds_eo.geo.tile_grid import TileGrid
from tfds_eo.schemas import CROP_BANDS
from tfds_eo.sensors import sentinel2, sentinel2_safe
from tfds_eo.sensors.sentinel2 import (
    BANDS_10M,
    LEAST_OFFSET_BASELINE,
    BandImage,
    Product,
)

Item = Mapping[str, Any]
"""A STAC item, as JSON gives it."""

_COMMON_NAMES = {
    "B2": "blue",
    "B3": "green",
    "B4": "red",
    "B5": "rededge1",
    "B6": "rededge2",
    "B7": "rededge3",
    "B8A": "nir08",
    "B11": "swir16",
    "B12": "swir22",
    "SCL": "scl",
}


def items_of(content: Any) -> list[Item]:  # noqa: ANN401 - whatever JSON holds.
    """Returns the items in a JSON document: one, a collection of them, or a list."""
    if isinstance(content, Mapping) and "features" in content:
        content = content["features"]
    if isinstance(content, Mapping):
        content = [content]
    if not isinstance(content, list):
        return []
    return [i for i in content if isinstance(i, Mapping) and "stac_version" in i]


def read_item(item: Item, path: str) -> Product:
    """Returns the product that a STAC item describes.

    Args:
        item: The item.
        path: Where it was found; relative links are resolved from there.

    Raises:
        ValueError: If an asset or property that is needed is missing.
    """
    properties = item.get("properties", {})
    name = str(properties.get("s2:product_uri") or item.get("id"))
    name = name.removesuffix(".SAFE")
    assets = {band: _asset(item, band) for band in (*CROP_BANDS, "SCL")}
    links = {band: _resolve(path, asset["href"]) for band, asset in assets.items()}
    baseline = str(
        properties.get("s2:processing_baseline")
        or properties.get("processing:version")
        or ""
    )
    sensed = properties.get("datetime") or properties.get("start_datetime")
    if not sensed:
        raise ValueError(f"item {name!r} in {path} must have a datetime; it has none")
    return Product(
        id=name,
        grid=_grid(item, assets["B2"], links["B2"]),
        sensed=datetime.datetime.fromisoformat(
            sensed.replace("Z", "+00:00")
        ).astimezone(datetime.UTC),
        strip=_strip(properties, sensed),
        baseline=baseline,
        generated=str(
            properties.get("s2:generation_time") or properties.get("created") or ""
        ),
        cloud=float(properties.get("eo:cloud_cover", 0.0)),
        empty=float(properties.get("s2:nodata_pixel_percentage", 0.0)),
        bands=tuple(
            _band_image(item, band, assets[band], links[band], baseline, path)
            for band in CROP_BANDS
        ),
        scene_classification=links["SCL"],
        simulated=bool(properties.get("tfds_eo:simulated", False)),
    )


# Private -------------------------------------------------------------------------


def _asset(item: Item, band: str) -> Mapping[str, Any]:
    assets = item.get("assets", {})
    padded = re.sub(r"^B(\d)$", r"B0\1", band)
    pixel = 10 if band in BANDS_10M else 20
    names = (f"{padded}_{pixel}m", padded, _COMMON_NAMES[band])
    for name in names:
        if name in assets:
            return assets[name]
    raise ValueError(
        f"item {item.get('id')!r} must have an asset {' or '.join(names)}; its assets"
        f" are {', '.join(assets) or 'none'}"
    )


def _resolve(path: str, link: str) -> str:
    if urlsplit(link).scheme or link.startswith("/"):
        return link
    return f"{posixpath.dirname(path)}/{posixpath.normpath(link)}"


def _scaling(asset: Mapping[str, Any]) -> tuple[float, float] | None:
    """Returns scale and offset of an asset, if it states an offset."""
    bands = asset.get("raster:bands") or asset.get("bands") or [{}]
    for place in (bands[0], asset):
        for prefix in ("", "raster:"):
            if f"{prefix}offset" in place:
                scale = place.get(f"{prefix}scale", 0.0001)
                return float(scale), float(place[f"{prefix}offset"])
    return None


def _band_image(
    item: Item,
    band: str,
    asset: Mapping[str, Any],
    link: str,
    baseline: str,
    path: str,
) -> BandImage:
    properties = item.get("properties", {})
    applied = properties.get("earthsearch:boa_offset_applied") or properties.get(
        "sentinel:boa_offset_applied"
    )
    scaling = _scaling(asset)
    if scaling is not None:
        scale, offset = scaling
        # In STAC the offset is added to reflectance, in SAFE to digital numbers.
        return BandImage(
            path=link,
            quantification=round(1 / scale, 6),
            offset=0.0 if applied else round(offset / scale, 6),
        )
    if applied or (baseline and baseline < LEAST_OFFSET_BASELINE):
        return BandImage(path=link, quantification=10000.0, offset=0.0)
    for other in item.get("assets", {}).values():
        metadata = _resolve(path, other.get("href", ""))
        if posixpath.basename(metadata) == sentinel2_safe.METADATA:
            product = sentinel2_safe.read_product(posixpath.dirname(metadata))
            original = product.image(band)
            return BandImage(
                path=link,
                quantification=original.quantification,
                offset=original.offset,
            )
    raise ValueError(
        f"item {item.get('id')!r} in {path} must say what is added to the numbers of"
        f" {band}, in raster:bands; it does not, and baseline {baseline!r} is not below"
        f" {LEAST_OFFSET_BASELINE}"
    )


def _grid(item: Item, asset: Mapping[str, Any], link: str) -> TileGrid:
    properties = item.get("properties", {})
    tile = _tile(item)

    def stated(key: str) -> Any:  # noqa: ANN401 - whatever JSON holds.
        return asset.get(key, properties.get(key))

    code = stated("proj:code") or stated("proj:epsg")
    transform, shape = stated("proj:transform"), stated("proj:shape")
    if code is None or transform is None or shape is None or transform[0] != 10:
        return sentinel2.grid_of_image(link, tile)
    return TileGrid(
        tile=tile,
        crs=code if str(code).startswith("EPSG:") else f"EPSG:{code}",
        left=float(transform[2]),
        top=float(transform[5]),
        rows=int(shape[0]),
        cols=int(shape[1]),
    )


def _tile(item: Item) -> str:
    properties = item.get("properties", {})
    for text in (
        properties.get("grid:code"),
        properties.get("s2:mgrs_tile"),
        item.get("id"),
    ):
        match = re.search(r"(?:^|[-_T])(\d\d?[C-X][A-Z]{2})(?:_|$)", str(text or ""))
        if match:
            return match[1].zfill(5)
    raise ValueError(
        f"item {item.get('id')!r} must name its tile in grid:code, s2:mgrs_tile or its"
        " id; it does not"
    )


def _strip(properties: Mapping[str, Any], sensed: str) -> str:
    match = re.search(r"_S(\d{8}T\d{6})_", str(properties.get("s2:datastrip_id", "")))
    return match[1] if match else sensed


def find_items(paths: list[str]) -> Iterator[tuple[Item, str]]:
    """Yields the STAC items in JSON files, or lines of ``.ndjson``, with the path.

    Raises:
        ValueError: If a file is not JSON.
    """
    for path in paths:
        with fsspec.open(path, "rt") as file:
            text = file.read()
        parts = text.splitlines() if path.endswith((".ndjson", ".jsonl")) else [text]
        for part in parts:
            if not part.strip():
                continue
            try:
                content = json.loads(part)
            except json.JSONDecodeError as error:
                raise ValueError(f"{path} must be JSON; {error}") from error
            for item in items_of(content):
                yield item, path
