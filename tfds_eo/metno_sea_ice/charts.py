"""Finds the charts of the set and reads their polygons and codes."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
import re
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyogrio
import pyproj
import shapely

from tfds_eo import sigrid3
from tfds_eo.archives.inventory import Inventory
from tfds_eo.metno_sea_ice import protocol
from tfds_eo.metno_sea_ice.protocol import Halves

SECTION = "metno_sea_ice"
"""Section of the manifest."""

MAGIC = b"\x00\x00\x27\x0a"
"""First bytes of a shapefile."""

_CHART = re.compile(r"(^|/)seaice_s1_[^/]*\.shp$", re.I)
_ICEBERGS = re.compile(r"iceberg[^/]*(/[^/]*)*\.shp$", re.I)
_AREAS, _POINTS = (3, 6), (0, 4)  # Numbers of types of geometry in Shapely.
_VERSION = re.compile(r"(?:^|[/_\- ])v-?([12])(?=[/_\-.]|$)", re.I)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stated:
    """What a manifest may state in its section ``metno_sea_ice``."""

    forms: sigrid3.Numbering = "dmi"
    """Numbering of the forms of ice: dmi, or s411, which is shifted by one."""
    repair: bool = False
    """Whether invalid geometries are made valid; else they stop the build."""
    without_scenes: bool = False
    """Whether charts without a scene are left out of the patches; else they stop it."""
    crs: str = ""
    """CRS of charts that have no .prj, such as EPSG:3995 or a proj string."""


@dataclasses.dataclass(frozen=True)
class ChartFile:
    """Where a chart lies, and how it is to be read.

    Attributes:
        file: File as the user knows it.
        path: The shapefile.
        time: Start of its scene, ``20180116T075430``; for icebergs perhaps ``''``.
        stated: What the manifest states.
        areas: Whether it must hold polygons; icebergs may be points as well.
    """

    file: str
    path: str
    time: str
    stated: Stated
    areas: bool = True

    @property
    def name(self) -> str:
        """Name of the chart in records."""
        return pathlib.PurePosixPath(self.file).stem


@dataclasses.dataclass(frozen=True, eq=False)
class Chart:
    """The polygons of a chart.

    Attributes:
        file: Where it was read.
        crs: Its CRS as WKT.
        shapes: Geometries, all valid.
        fields: Values of each field, by name.
        halves: Where it is cut into halves.
    """

    file: ChartFile
    crs: str
    shapes: npt.NDArray[np.object_]
    fields: Mapping[str, list[object]]
    halves: Halves

    @functools.cached_property
    def decoded(self) -> sigrid3.Decoded:
        """What its codes mean."""
        return sigrid3.decode(
            self.fields, forms=self.file.stated.forms, chart=self.file.file
        )

    def splits(self) -> npt.NDArray[np.str_]:
        """Returns the split of each polygon, by a point inside of it."""
        points = shapely.point_on_surface(self.shapes)
        places = self.to_earth.transform(shapely.get_x(points), shapely.get_y(points))
        return self.halves.splits(*places)

    @functools.cached_property
    def to_earth(self) -> pyproj.Transformer:
        """From the CRS of the chart to longitude and latitude."""
        return pyproj.Transformer.from_crs(self.crs, "EPSG:4326", always_xy=True)


def find_charts(
    inventory: Inventory, version: str, stated: Stated, *, icebergs: bool = False
) -> list[ChartFile]:
    """Finds the charts of a version, or its files of icebergs, by time and name.

    A folder or archive called ``v-2-0-0`` or the like belongs to that version alone;
    files without such a name belong to the version that is asked for.

    Raises:
        ValueError: If there are none, or two for one time.
    """
    found: dict[str, list[ChartFile]] = {}
    for name, path in inventory.files.items():
        is_iceberg = bool(_ICEBERGS.search(name)) and not _CHART.search(name)
        if not (is_iceberg if icebergs else _CHART.search(name)):
            continue
        marks = set(_VERSION.findall(name))
        if marks and version[1:] not in marks:
            continue
        time = protocol.time_of(pathlib.PurePosixPath(name).name) or ""
        key = name if icebergs else time or name
        found.setdefault(key, []).append(
            ChartFile(name, path, time, stated, not icebergs)
        )
    what = "iceberg shapefiles" if icebergs else "charts seaice_s1_<time>.shp"
    if not found:
        raise ValueError(f"{SECTION}/{version} needs {what}; {inventory.text()}")
    twice = [[c.file for c in charts] for charts in found.values() if len(charts) > 1]
    if twice:
        raise ValueError(
            f"{SECTION}/{version} needs one chart for each scene; got {twice[0]}: keep"
            " each version in a folder of its own, called v1 or v2"
        )
    timeless = [c.file for (c,) in found.values() if not c.time and not icebergs]
    if timeless:
        raise ValueError(
            f"charts must bear the time of their scene, as seaice_s1_20180116t075430;"
            f" got {timeless}"
        )
    return [found[key][0] for key in sorted(found)]


@functools.lru_cache(maxsize=4)
def read_chart(file: ChartFile) -> Chart:
    """Reads a chart.

    Raises:
        ValueError: If it is no shapefile, lacks its .prj or .dbf, holds something else
            than polygons, or invalid ones.
    """
    path = pathlib.Path(file.path)
    with open(path, "rb") as source:
        if source.read(4) != MAGIC:
            raise ValueError(f"{file.file} must be a shapefile; it is none")
    besides = {p.suffix.lower() for p in path.parent.glob(f"{path.stem}.*")}
    besides |= {p.suffix.lower() for p in path.parent.glob(f"{path.stem.lower()}.*")}
    if not {".dbf", ".shx"} <= besides:
        raise ValueError(
            f"{file.file} must come with its .dbf and .shx; there are {sorted(besides)}"
        )
    try:
        meta, _, geometry, values = pyogrio.raw.read(path, datetime_as_string=True)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise ValueError(
            f"{file.file} must be a readable shapefile; {error}"
        ) from error
    crs = _crs(file, meta["crs"])
    shapes = _shapes(file, geometry)
    fields = {
        name: column.tolist()
        for name, column in zip(meta["fields"], values, strict=True)
    }
    to_earth = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    left, low, right, high = shapely.total_bounds(shapes)
    middle = to_earth.transform((left + right) / 2, (low + high) / 2)
    halves = Halves(file.time, float(middle[0]), float(middle[1]))
    return Chart(file, crs, shapes, fields, halves)


def _crs(file: ChartFile, found: str | None) -> str:
    stated = found or file.stated.crs
    if not stated:
        raise ValueError(
            f"{file.file} must come with a .prj that states its CRS; there is none:"
            f" state crs in [{SECTION}] of the manifest if you know it"
        )
    return str(pyproj.CRS.from_user_input(stated).to_wkt("WKT1_GDAL"))


def _shapes(
    file: ChartFile, geometry: npt.NDArray[np.object_]
) -> npt.NDArray[np.object_]:
    shapes = shapely.force_2d(shapely.from_wkb(geometry))
    if not len(shapes):
        raise ValueError(f"{file.file} must hold polygons; it holds none")
    kinds = shapely.get_type_id(shapes)
    fits = _AREAS if file.areas else (*_AREAS, *_POINTS)
    wrong = np.flatnonzero(~np.isin(kinds, fits) | shapely.is_empty(shapes))
    if len(wrong):
        raise ValueError(
            f"{file.file} must hold polygons; polygon {wrong[0]} is {shapes[wrong[0]]}:"
            " remove it"
        )
    invalid = np.flatnonzero(~shapely.is_valid(shapes))
    if len(invalid) and not file.stated.repair:
        reason = shapely.is_valid_reason(shapes[invalid[0]])
        raise ValueError(
            f"polygons of {file.file} must be valid; {len(invalid)} are not, the first"
            f" is polygon {invalid[0]}: {reason}; repair them, or state repair = true"
            f" in [{SECTION}] of the manifest"
        )
    for number in invalid:
        parts = shapely.get_parts(shapely.make_valid(shapes[number]))
        areas = parts[np.isin(shapely.get_type_id(parts), _AREAS)]
        shapes[number] = shapely.union_all(areas)
    return shapes
