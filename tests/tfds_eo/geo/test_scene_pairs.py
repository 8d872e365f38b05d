"""Near-simultaneous scenes: areas against PROJ's ellipsoid, order worked by hand."""

import json

import pyproj
import pytest
import shapely

from beam_pipelines import match_scenes as command
from tfds_eo.geo.scene_pairs import match_scenes, overlap_km2, read_items


def entry(name, box, time, *, stop=None, cloud=None):
    properties = {"datetime": time}
    if stop:
        properties = {"datetime": None, "start_datetime": time, "end_datetime": stop}
    if cloud is not None:
        properties["eo:cloud_cover"] = cloud
    return {
        "type": "Feature",
        "id": name,
        "collection": "c",
        "properties": properties,
        "geometry": json.loads(shapely.to_geojson(box)),
    }


def write(path, entries):
    path.write_text(json.dumps({"type": "FeatureCollection", "features": entries}))
    return str(path)


RADAR = entry(
    "S1",
    shapely.box(0, 70, 10, 72),
    "2018-01-16T07:54:30Z",
    stop="2018-01-16T07:55:30Z",
)


def test_shared_area_is_that_of_the_ellipsoid():
    first = shapely.segmentize(shapely.box(0, 70, 10, 72), 0.1)
    second = shapely.segmentize(shapely.box(4, 71, 15, 75), 0.1)
    shared = shapely.segmentize(shapely.box(4, 71, 10, 72), 0.1)
    area, _ = pyproj.Geod(ellps="WGS84").geometry_area_perimeter(shared)
    assert overlap_km2(first, second) == pytest.approx(abs(area) / 1e6, rel=1e-3)


def test_footprints_over_the_pole_and_the_antimeridian_are_nothing_special():
    around = shapely.Polygon([(lon, 85) for lon in range(-180, 180, 10)])
    sector = shapely.Polygon([(30, 80), (60, 80), (60, 88), (30, 88)])
    assert overlap_km2(around, sector) > 1e4
    west = shapely.segmentize(shapely.box(178, 70, 180, 72), 0.1)
    split = shapely.MultiPolygon([west, shapely.box(-180, 70, -178, 72)])
    whole = shapely.segmentize(shapely.box(178, 70, 182, 72), 0.1)
    area, _ = pyproj.Geod(ellps="WGS84").geometry_area_perimeter(whole)
    assert overlap_km2(split, whole) == pytest.approx(abs(area) / 1e6, rel=2e-3)


def test_pairs_are_those_near_in_time_and_place_the_most_useful_first(tmp_path):
    half, full = shapely.box(5, 70, 12, 72), shapely.box(-1, 69, 11, 73)
    optical = [
        entry("late", full, "2018-01-16T08:55:31Z", cloud=0),  # 60 min 1 s behind.
        entry("cloudy", full, "2018-01-16T07:54:50Z", cloud=90),
        entry("clear_half", half, "2018-01-16T08:00:30Z", cloud=0),
        entry("clear_full", full, "2018-01-16T08:15:30Z", cloud=10),
        entry("elsewhere", shapely.box(60, 70, 70, 72), "2018-01-16T07:55:00Z"),
        entry("untold", half, "2018-01-16T07:50:30Z"),
    ]
    pairs = match_scenes(
        read_items(write(tmp_path / "s1.json", [RADAR])),
        read_items(write(tmp_path / "s2.json", optical)),
        max_gap_minutes=60,
    )
    # Clear shares of 1: 0.9 x 2^(-20/60) = 0.71; 0.5 x 2^(-5/60) = 0.47;
    # 0.5 x 0.5 x 2^(-4/60) = 0.24; 0.1 x 1.
    names = [pair.optical for pair in pairs]
    assert names == ["clear_full", "clear_half", "untold", "cloudy"]
    assert [pair.gap_minutes for pair in pairs] == [20, 5, 4, 0]
    assert pairs[1].overlap_km2 == pytest.approx(pairs[0].overlap_km2 / 2, rel=0.03)


def test_the_command_writes_all_pairs(tmp_path):
    radar = write(tmp_path / "s1.json", [RADAR])
    full = shapely.box(-1, 69, 11, 73)
    lines = [entry(f"o{n}", full, f"2018-01-16T08:{n:02d}:30Z") for n in range(25)]
    optical = tmp_path / "s2.ndjson"
    optical.write_text("\n".join(json.dumps(line) for line in lines))
    output = tmp_path / "out" / "pairs.csv"
    said = command.run(
        command.Config(radar=radar, optical=(str(optical),), output=output)
    )
    rows = output.read_text().splitlines()
    assert rows[0] == "radar,optical,overlap_km2,gap_minutes,cloud"
    assert [row.split(",")[1] for row in rows[1:]] == [f"o{n}" for n in range(25)]
    assert said[-1] == "25 pairs within 60 minutes"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"properties": {}}, "must have a datetime"),
        ({"geometry": {"type": "Point", "coordinates": [0, 0]}}, "polygon as geometry"),
        ({"properties": {"datetime": "soon"}}, "ISO 8601"),
        ({"id": None}, "must have an id"),
    ],
)
def test_an_item_without_what_is_needed_is_an_error(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        read_items(write(tmp_path / "x.json", [RADAR | change]))


def test_a_list_that_is_no_json_is_an_error(tmp_path):
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(ValueError, match="must be JSON"):
        read_items(str(tmp_path / "x.json"))
