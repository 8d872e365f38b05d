"""Pairs of scenes taken of the same place at nearly the same time.

Scenes are items of a SpatioTemporal Asset Catalogue (STAC). Edges of footprints are
taken as straight on an equal-area map around the first scene, which is where great
circles run but for some hundred metres; so neither the pole nor the antimeridian is a
special place.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import fsspec
import numpy as np
import numpy.typing as npt
import pyproj
import shapely

from tfds_eo.geo.geocoding import unit_vectors

HALF_VALUE_MINUTES = 60.0
"""Time gap that halves the worth of a pair: ice drifts; our choice."""

UNKNOWN_CLOUD = 50.0
"""Cloud cover, in per cent, of an item that does not tell it; our choice."""

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Item:
    """A scene of a catalogue.

    Attributes:
        id: Its identifier.
        collection: Its collection, or an empty text.
        start: First moment, UTC.
        stop: Last moment, UTC; that of ``start`` if only one is told.
        footprint: Outline in longitude and latitude.
        cloud: Cloud cover in per cent; None if not told.
    """

    id: str
    collection: str
    start: datetime.datetime
    stop: datetime.datetime
    footprint: shapely.Geometry
    cloud: float | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScenePair:
    """A radar scene and an optical one.

    Attributes:
        radar: Identifier of the radar scene.
        optical: Identifier of the optical scene.
        overlap_km2: Area that both cover, in square kilometres.
        gap_minutes: Time from one to the other; 0 if they overlap in time.
        cloud: Cloud cover of the optical scene in per cent; None if not told.
    """

    radar: str
    optical: str
    overlap_km2: float
    gap_minutes: float
    cloud: float | None

    @property
    def worth(self) -> float:
        """Clear area in square kilometres, halved for each hour between the scenes."""
        cloud = UNKNOWN_CLOUD if self.cloud is None else self.cloud
        clear = self.overlap_km2 * (1 - cloud / 100)
        return clear * 0.5 ** (self.gap_minutes / HALF_VALUE_MINUTES)


def read_items(path: str) -> list[Item]:
    """Reads a STAC item list: a FeatureCollection, a list, an item, or one a line.

    Raises:
        ValueError: If it is none of these, or an item lacks what is needed.
    """
    with fsspec.open(path, "rt", encoding="utf-8") as file:
        text = file.read()
    try:
        content = json.loads(text)
    except json.JSONDecodeError:
        try:
            content = [json.loads(line) for line in text.splitlines() if line.strip()]
        except json.JSONDecodeError as error:
            raise ValueError(
                f"item list {path!r} must be JSON, or JSON a line; {error}"
            ) from error
    if isinstance(content, Mapping):
        content = content.get("features", [content])
    return [_item(entry, path) for entry in content]


def match_scenes(
    radar: Sequence[Item],
    optical: Sequence[Item],
    *,
    max_gap_minutes: float,
    min_overlap_km2: float = 0.0,
    max_cloud: float = 100.0,
) -> list[ScenePair]:
    """Returns pairs of a radar and an optical scene, the most useful first.

    They are sorted by the clear area that both cover, halved for each hour between
    them (`ScenePair.worth`), then by identifiers.

    Args:
        radar: Sentinel-1 scenes.
        optical: Sentinel-2 or Sentinel-3 scenes.
        max_gap_minutes: Longest time between them.
        min_overlap_km2: Least area that both cover; more than nothing in any case.
        max_cloud: Highest cloud cover in per cent; scenes that do not tell it stay.
    """
    chosen = [o for o in optical if o.cloud is None or o.cloud <= max_cloud]
    chosen.sort(key=lambda item: item.start)
    starts = np.array([_seconds(item.start) for item in chosen])
    stops = np.array([_seconds(item.stop) for item in chosen])
    centres, radii = _caps([item.footprint for item in chosen])
    pairs = []
    for scene in radar:
        first, last = _seconds(scene.start), _seconds(scene.stop)
        gap = np.maximum(0, np.maximum(starts - last, first - stops)) / 60
        centre, radius = _caps([scene.footprint])
        near = np.linalg.norm(centres - centre, axis=1) <= radii + radius
        for number in np.flatnonzero((gap <= max_gap_minutes) & near):
            area = overlap_km2(scene.footprint, chosen[number].footprint)
            if area > 0 and area >= min_overlap_km2:
                pairs.append(
                    ScenePair(
                        radar=scene.id,
                        optical=chosen[number].id,
                        overlap_km2=area,
                        gap_minutes=float(gap[number]),
                        cloud=chosen[number].cloud,
                    )
                )
    return sorted(pairs, key=lambda p: (-p.worth, p.radar, p.optical))


def overlap_km2(first: shapely.Geometry, second: shapely.Geometry) -> float:
    """Returns the area that two footprints share, in square kilometres.

    Args:
        first: Outline in longitude and latitude.
        second: Another one.
    """
    places = shapely.get_coordinates(first)
    middle = unit_vectors(places[:, 0], places[:, 1]).mean(axis=0)
    longitude = np.degrees(np.arctan2(middle[1], middle[0]))
    latitude = np.degrees(np.arctan2(middle[2], np.hypot(middle[0], middle[1])))
    to_map = pyproj.Transformer.from_crs(
        "EPSG:4326",
        f"+proj=laea +lon_0={longitude} +lat_0={latitude} +ellps=WGS84",
        always_xy=True,
    )

    def put(shape: shapely.Geometry) -> shapely.Geometry:
        moved = shapely.transform(shape, lambda xy: np.c_[to_map.transform(*xy.T)])
        # Parts that were split at the antimeridian meet again.
        return shapely.union_all(shapely.get_parts(shapely.make_valid(moved)))

    return float(shapely.area(shapely.intersection(put(first), put(second))) / 1e6)


def _caps(
    shapes: Iterable[shapely.Geometry],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Returns centres and radii of caps of the unit sphere that hold the shapes."""
    centres, radii = [np.zeros((0, 3))], [np.zeros(0)]
    for shape in shapes:
        places = shapely.get_coordinates(shape)
        vectors = unit_vectors(places[:, 0], places[:, 1])
        centre = vectors.mean(axis=0)
        reach = np.linalg.norm(vectors - centre, axis=1).max()
        centres.append(centre[None])
        radii.append(np.array([reach]))
    return np.concatenate(centres), np.concatenate(radii)


def _seconds(time: datetime.datetime) -> float:
    return (time - _EPOCH).total_seconds()


def _item(entry: Mapping[str, Any], path: str) -> Item:
    name = entry.get("id") if isinstance(entry, Mapping) else None
    where = f"item {name!r} of {path!r}"
    if not isinstance(name, str):
        raise ValueError(
            f"an item of {path!r} must have an id; got {str(entry)[:80]!r}"
        )
    properties = entry.get("properties") or {}
    single = properties.get("datetime")
    start = properties.get("start_datetime") or single
    stop = properties.get("end_datetime") or single
    if not start or not stop:
        raise ValueError(
            f"{where} must have a datetime, or start_datetime and end_datetime"
        )
    try:
        footprint = shapely.from_geojson(json.dumps(entry.get("geometry")))
    except shapely.errors.GEOSException as error:
        raise ValueError(f"{where} must have a geometry; {error}") from error
    if footprint is None or footprint.geom_type not in ("Polygon", "MultiPolygon"):
        raise ValueError(f"{where} must have a polygon as geometry; got {footprint}")
    cloud = properties.get("eo:cloud_cover")
    return Item(
        id=name,
        collection=str(entry.get("collection") or ""),
        start=_time(start, where),
        stop=_time(stop, where),
        footprint=footprint,
        cloud=None if cloud is None else float(cloud),
    )


def _time(text: str, where: str) -> datetime.datetime:
    try:
        time = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise ValueError(
            f"{where} must have times in ISO 8601; got {text!r}"
        ) from error
    return time if time.tzinfo else time.replace(tzinfo=datetime.UTC)
