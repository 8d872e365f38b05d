"""What a tile shows on a date follows from a stated rule."""

import datetime
import json
import random
import shutil

import pytest

from tfds_eo.geo.tile_grid import TileGrid
from tfds_eo.sensors import sentinel2_catalogue, sentinel2_stac
from tfds_eo.sensors.sentinel2 import BandImage, Product

L2A = "S2A_MSIL2A_20230821T221941_N0509_R029_T01KAB_20230822T021825.SAFE"
FIRST, LAST = datetime.date(2017, 9, 1), datetime.date(2018, 8, 31)


def product(name, day, *, strip="1", baseline="02.06", cloud=10.0, empty=0.0, **other):
    grid = TileGrid(
        tile=other.pop("tile", "33UVP"),
        crs="EPSG:32633",
        left=other.pop("left", 399960),
        top=5400000,
        rows=20,
        cols=20,
    )
    fields = {
        "id": name,
        "grid": grid,
        "sensed": datetime.datetime(2018, 5, day, 10, tzinfo=datetime.UTC),
        "strip": f"201805{day:02d}T10000{strip}",
        "baseline": baseline,
        "generated": "2018-06-01T00:00:00Z",
        "cloud": cloud,
        "empty": empty,
        "bands": (BandImage(path="x", quantification=10000.0, offset=0.0),) * 9,
        "scene_classification": "y",
    }
    return Product(**fields | other)


def choose(products, most_cloud=80.0):
    return sentinel2_catalogue.choose(
        products, first=FIRST, last=LAST, most_cloud=most_cloud
    )


def test_a_product_processed_again_replaces_the_earlier_one():
    old = product("a", 3, baseline="02.06")
    new = product("b", 3, baseline="05.00")
    later = product("c", 3, baseline="05.00", generated="2023-01-01T00:00:00Z")
    [series], rejected = choose([later, old, new])
    [observation] = series.observations
    assert [p.id for p in observation.products] == ["c"]
    assert [(r.product, r.reason, r.detail) for r in rejected] == [
        ("a", "superseded", "by c"),
        ("b", "superseded", "by c"),
    ]


def test_the_baseline_counts_for_more_than_the_day_of_processing():
    late = product("a", 3, baseline="02.06", generated="2024-01-01T00:00:00Z")
    early = product("b", 3, baseline="05.00", generated="2023-01-01T00:00:00Z")
    [series], _ = choose([late, early])
    assert [p.id for p in series.observations[0].products] == ["b"]


def test_two_strips_of_a_date_serve_together_the_fuller_one_first():
    left = product("left", 3, strip="1", empty=70.0)
    right = product("right", 3, strip="2", empty=20.0)
    [series], rejected = choose([left, right])
    [observation] = series.observations
    assert [p.id for p in observation.products] == ["right", "left"]
    assert not rejected


def test_the_cloud_limit_judges_the_version_that_stays():
    clear_before = product("a", 3, cloud=70.0, baseline="02.06")
    cloudy_now = product("b", 3, cloud=80.5, baseline="05.00")
    at_the_limit = product("c", 8, cloud=80.0)
    [series], rejected = choose([clear_before, cloudy_now, at_the_limit])
    assert [p.id for o in series.observations for p in o.products] == ["c"]
    assert [(r.product, r.reason) for r in rejected] == [
        ("a", "superseded"),
        ("b", "cloudy"),
    ]


def test_the_season_includes_its_first_and_last_day():
    days = [(2017, 8, 31), (2017, 9, 1), (2018, 8, 31), (2018, 9, 1)]
    products = [
        product(f"p{n}", 1, sensed=datetime.datetime(*day, 10, tzinfo=datetime.UTC))
        for n, day in enumerate(days)
    ]
    [series], rejected = choose(products)
    assert [p.id for o in series.observations for p in o.products] == ["p1", "p2"]
    assert [(r.product, r.reason) for r in rejected] == [
        ("p0", "off_season"),
        ("p3", "off_season"),
    ]


def test_a_product_on_another_grid_than_most_of_its_tile_is_broken():
    fine = [product("a", 3), product("b", 8)]
    [series], rejected = choose([*fine, product("c", 13, left=399970)])
    assert len(series.observations) == 2
    assert [(r.product, r.reason) for r in rejected] == [("c", "broken")]


def test_the_choice_does_not_depend_on_the_order_of_products():
    source = random.Random(5)
    products = [
        product(
            f"{tile}{day}{version}",
            day,
            tile=tile,
            strip=str(version % 2),
            baseline=f"0{source.randrange(2, 6)}.00",
            cloud=source.uniform(0, 100),
            empty=float(source.randrange(3)),
        )
        for tile in ("32TQT", "33TUN", "33UVP")
        for day in range(1, 12, 2)
        for version in range(4)
    ]
    expected = choose(products)
    assert len(expected[0]) == 3
    for _ in range(5):
        source.shuffle(products)
        series, rejected = choose(products)
        assert series == expected[0]
        assert sorted(map(str, rejected)) == sorted(map(str, expected[1]))


@pytest.fixture
def folder(shared_data, tmp_path):
    """The real product twice in a tree like that of the public bucket, and noise."""
    real = shared_data / "s2_safe_metadata" / L2A
    tile = tmp_path / "L2" / "tiles" / "01" / "K" / "AB"
    shutil.copytree(real, tile / L2A)
    (tile / f"{L2A}_$folder$").touch()
    broken = L2A.replace("0821T", "0826T")
    shutil.copytree(real, tile / broken)
    (tile / broken / "MTD_MSIL2A.xml").write_text("<cut")
    (tmp_path / "L2" / "readme.txt").touch()
    level1 = tile / L2A.replace("MSIL2A", "MSIL1C")
    level1.mkdir()
    return tmp_path


def read(source, most_cloud=80.0):
    return sentinel2_catalogue.read_catalogue(
        [source],
        first=datetime.date(2022, 9, 1),
        last=datetime.date(2023, 8, 31),
        most_cloud=most_cloud,
    )


@pytest.mark.parametrize("pattern", ["", "/L2", "/L2/tiles/01/K/AB/*.SAFE", "/L2/*/0?"])
def test_products_are_found_below_folders_and_patterns(folder, pattern):
    catalogue = read(f"{folder}{pattern}")
    [series] = catalogue.tiles
    assert series.grid.tile == "01KAB"
    assert len(series.observations) == 1
    assert [(r.tile, r.reason) for r in catalogue.rejected] == [
        ("01KAB", "other_level"),
        ("01KAB", "broken"),
    ]
    assert catalogue.broken() == 1


def test_a_folder_in_memory_is_read_like_one_on_disk(folder):
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.put(str(folder / "L2"), "/bucket/L2", recursive=True)
    try:
        [series] = read("memory://bucket/L2/tiles/01/K/AB").tiles
        path = series.observations[0].products[0].scene_classification
        assert path.startswith("memory:///bucket/L2/tiles/01/K/AB/S2A_MSIL2A_")
    finally:
        memory.rm("/bucket", recursive=True)


def test_a_source_without_products_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected \.SAFE folders"):
        sentinel2_catalogue.find(str(tmp_path))


def test_no_product_below_the_cloud_limit_is_an_error(folder):
    with pytest.raises(ValueError, match=r"at most 50\.0 % cloud"):
        read(str(folder), most_cloud=50.0)


# STAC ----------------------------------------------------------------------------


@pytest.fixture
def item(shared_data):
    path = shared_data / "s2_safe_metadata" / L2A / "expected_output.json"
    return json.loads(path.read_text()), str(path)


def test_a_list_of_items_is_a_source(item, tmp_path):
    content, _ = item
    for asset in content["assets"].values():
        asset["href"] = f"gs://bucket/{asset['href'][2:]}"
    listed = tmp_path / "items.json"
    listed.write_text(json.dumps({"type": "FeatureCollection", "features": [content]}))
    lines = tmp_path / "items.ndjson"
    lines.write_text(json.dumps(content) + "\n\n")
    [one], [other] = read(str(listed)).tiles, read(str(lines)).tiles
    assert one == other
    blue = one.observations[0].products[0].image("B2")
    assert blue.path.startswith("gs://bucket/GRANULE/")
    assert (blue.quantification, blue.offset) == (10000.0, -1000.0)


def test_an_offset_that_has_been_applied_is_not_applied_again(item):
    content, path = item
    content["properties"]["earthsearch:boa_offset_applied"] = True
    product = sentinel2_stac.read_item(content, path)
    assert {b.offset for b in product.bands} == {0.0}


def test_an_item_without_offset_takes_it_from_the_metadata_it_links_to(item):
    content, path = item
    for asset in content["assets"].values():
        asset.pop("raster:bands", None)
    product = sentinel2_stac.read_item(content, path)
    assert {b.offset for b in product.bands} == {-1000.0}
    del content["assets"]["product_metadata"]
    with pytest.raises(ValueError, match="must say what is added to the numbers of B2"):
        sentinel2_stac.read_item(content, path)
    content["properties"]["s2:processing_baseline"] = "03.01"
    product = sentinel2_stac.read_item(content, path)
    assert {b.offset for b in product.bands} == {0.0}


def test_assets_may_bear_the_names_of_bands(item):
    content, path = item
    names = {
        "blue": "B02_10m", "green": "B03_10m", "red": "B04_10m", "rededge1": "B05_20m",
        "rededge2": "B06", "rededge3": "B07", "nir08": "B8A", "swir16": "B11",
        "swir22": "B12", "scl": "SCL_20m",
    }  # fmt: skip
    expected = sentinel2_stac.read_item(content, path)
    content["assets"] = {
        names.get(name, f"x{name}"): asset for name, asset in content["assets"].items()
    }
    assert sentinel2_stac.read_item(content, path) == expected


def test_an_item_without_an_asset_is_refused(item):
    content, path = item
    del content["assets"]["swir16"]
    with pytest.raises(ValueError, match="must have an asset B11_20m or B11 or swir16"):
        sentinel2_stac.read_item(content, path)
