"""Parcel maps of any format and CRS: identifiers, crop codes and outlines."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

import fsspec
import numpy as np
import numpy.typing as npt
import pyogrio
import pyproj
import shapely

Geometries = npt.NDArray[np.object_]
"""Shapely geometries."""

Texts = npt.NDArray[np.object_]
"""Strings."""

_BATCH = 1 << 16
"""Rows of a GeoParquet file that are looked at together."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ParcelFields:
    """How a country's parcel map names its columns.

    Attributes:
        code: Column of the crop's code.
        name: Column of the crop's name; None if there is none.
        parcel: Column of the parcel's identifier; None takes the feature's number.
    """

    code: str
    name: str | None = None
    parcel: str | None = None


PRESETS = {
    "invekos": ParcelFields(code="SNAR_CODE", name="SNAR_BEZEICHNUNG", parcel="GEO_ID"),
    "eurocrops": ParcelFields(code="EC_hcat_c", name="EC_hcat_n"),
}
"""Columns of Austria's INVEKOS parcels and of the EuroCrops collection."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parcels:
    """Parcels as they stand in their file.

    Attributes:
        crs: Their CRS, as WKT or authority code.
        parcel: Identifier of each.
        code: Code of its crop.
        name: Name of its crop; empty where there is none.
        outline: Its geometry; None where there is none.
    """

    crs: str
    parcel: Texts
    code: Texts
    name: Texts
    outline: Geometries

    def __len__(self) -> int:
        return len(self.parcel)


def read_parcels(
    path: str,
    fields: ParcelFields,
    *,
    bounds: tuple[float, float, float, float] | None = None,
    bounds_crs: str = "EPSG:4326",
) -> Parcels:
    """Reads the parcels of a file, or those whose boxes meet a box.

    Args:
        path: GeoPackage, Shapefile, FlatGeobuf or whatever else pyogrio reads, or
            GeoParquet; a path or an URL.
        fields: Names of the columns.
        bounds: Left, bottom, right and top edge of the box.
        bounds_crs: Its CRS.

    Returns:
        The parcels in the order of the file.

    Raises:
        ValueError: If the file has no CRS, or lacks a column.
        OSError: If the file cannot be read.
    """
    columns = [c for c in (fields.code, fields.name, fields.parcel) if c is not None]
    if path.endswith((".parquet", ".geoparquet")):
        return _read_parquet(path, fields, columns, bounds, bounds_crs)
    try:
        info = pyogrio.read_info(path)
    except pyogrio.errors.DataSourceError as error:
        raise OSError(f"parcel file {path} cannot be read: {error}") from error
    _check_columns(path, columns, list(info["fields"]))
    crs = _known_crs(path, info["crs"])
    _, numbers, outlines, values = pyogrio.raw.read(
        path,
        columns=columns,
        bbox=_bounds_in(crs, bounds, bounds_crs),
        return_fids=True,
        datetime_as_string=True,
    )
    # pyogrio gives columns in the order of the file.
    order = [name for name in info["fields"] if name in columns]
    by_name = dict(zip(order, values, strict=True))
    return _parcels(crs, fields, by_name, numbers, shapely.from_wkb(outlines))


def names_of_codes(path: str, fields: ParcelFields) -> dict[str, str]:
    """Returns each crop code of a file with its name, or an empty one, by code."""
    parcels = read_parcels(path, fields)
    return dict(sorted(zip(parcels.code, parcels.name, strict=True)))


# Private -------------------------------------------------------------------------


def _read_parquet(
    path: str,
    fields: ParcelFields,
    columns: Sequence[str],
    bounds: tuple[float, float, float, float] | None,
    bounds_crs: str,
) -> Parcels:
    import pyarrow.parquet

    with fsspec.open(path, "rb") as opened:
        file = pyarrow.parquet.ParquetFile(opened)
        metadata = file.schema_arrow.metadata or {}
        if b"geo" not in metadata:
            raise ValueError(f"parcel file {path} must be GeoParquet; it has no 'geo'")
        geo = json.loads(metadata[b"geo"])
        shape = geo["primary_column"]
        about = geo["columns"][shape]
        if about.get("encoding") != "WKB":
            raise ValueError(
                f"geometries of {path} must be encoded as WKB; got"
                f" {about.get('encoding')!r}"
            )
        # The specification's default, where no CRS is given, is OGC:CRS84.
        stated = about.get("crs", "OGC:CRS84")
        crs = _known_crs(
            path, json.dumps(stated) if isinstance(stated, dict) else stated
        )
        _check_columns(path, columns, file.schema_arrow.names)
        box = _bounds_in(crs, bounds, bounds_crs)
        parts, start = [], 0
        for batch in file.iter_batches(_BATCH, columns=[*columns, shape]):
            outlines = shapely.from_wkb(batch.column(shape).to_numpy(False))
            numbers = np.arange(start, start + len(outlines))
            start += len(outlines)
            rows = np.arange(len(outlines))
            if box is not None:
                left, bottom, right, top = shapely.bounds(outlines).T
                meets = (left <= box[2]) & (right >= box[0])
                rows = np.flatnonzero(meets & (bottom <= box[3]) & (top >= box[1]))
            by_name = {c: batch.column(c).to_numpy(False)[rows] for c in columns}
            parts.append(_parcels(crs, fields, by_name, numbers[rows], outlines[rows]))
    if not parts:
        none = np.zeros(0, object)
        return Parcels(crs=crs, parcel=none, code=none, name=none, outline=none)
    return Parcels(
        crs=crs,
        parcel=np.concatenate([p.parcel for p in parts]),
        code=np.concatenate([p.code for p in parts]),
        name=np.concatenate([p.name for p in parts]),
        outline=np.concatenate([p.outline for p in parts]),
    )


def _parcels(
    crs: str,
    fields: ParcelFields,
    by_name: dict[str, npt.NDArray],
    numbers: npt.NDArray,
    outlines: Geometries,
) -> Parcels:
    nameless = np.full(len(numbers), "", object)
    return Parcels(
        crs=crs,
        parcel=_texts(by_name[fields.parcel] if fields.parcel else numbers),
        code=_texts(by_name[fields.code]),
        name=_texts(by_name[fields.name]) if fields.name else nameless,
        outline=outlines,
    )


def _texts(values: npt.NDArray) -> Texts:
    """Returns values as strings: whole numbers without a point, nothing as empty."""

    def text(value: object) -> str:
        if value is None or value != value:
            return ""
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        return str(value).strip()

    return np.array([text(value) for value in values.tolist()], object)


def _check_columns(path: str, wanted: Sequence[str], there: Sequence[str]) -> None:
    missing = [name for name in wanted if name not in there]
    if missing:
        raise ValueError(
            f"parcel file {path} must have the columns {', '.join(wanted)}; it lacks"
            f" {', '.join(missing)} and has {', '.join(there)}"
        )


def _known_crs(path: str, crs: str | None) -> str:
    if not crs:
        raise ValueError(
            f"parcel file {path} must state its CRS; it does not: for a Shapefile, add"
            " the .prj file"
        )
    return crs


def _bounds_in(
    crs: str, bounds: tuple[float, float, float, float] | None, bounds_crs: str
) -> tuple[float, float, float, float] | None:
    if bounds is None:
        return None
    transformer = pyproj.Transformer.from_crs(bounds_crs, crs, always_xy=True)
    return transformer.transform_bounds(*bounds, densify_pts=21)
