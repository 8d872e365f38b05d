"""MET Norway's charts become polygons and patches, split as published."""

import pathlib

import numpy as np
import pyogrio
import pyproj
import pytest
import rasterio
import shapely
import tensorflow_datasets as tfds

from tfds_eo import legends, sources
from tfds_eo.metno_sea_ice import charts, patches, polygons, protocol, scenes
from tfds_eo.metno_sea_ice.metno_sea_ice_dataset_builder import Builder
from tfds_eo.metno_sea_ice.protocol import Halves
from tfds_eo.simulate import metno_sea_ice as simulate

STAGE = legends.SIGRID3_STAGES.names
KIND = legends.SIGRID3_POLYGONS.names


def made(folder, **options):
    simulate.run(simulate.Config(folder=folder / "in", **options))
    return folder / "in"


def found(folder, version="v2", **options):
    opened = sources.open_folder(
        folder,
        folder.parent / "cache",
        charts.SECTION,
        charts.Stated,
        list_containers=False,
    )
    files = charts.find_charts(opened.inventory, version, opened.stated, **options)
    return opened, files


def prepare(folder, config):
    builder = Builder(data_dir=folder.parent / "data", config=config)
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=folder)
    )
    return builder


def loaded(builder):
    return {
        split: list(tfds.as_numpy(builder.as_dataset(split)))
        for split in builder.info.splits
    }


def test_every_polygon_of_every_chart_becomes_a_record(tmp_path):
    folder = made(tmp_path)
    builder = prepare(folder, "v2")
    records = loaded(builder)
    assert list(records) == ["train", "validation", "test"]
    every = [one for split in records.values() for one in split]
    names = {(one["chart"], int(one["polygon"])) for one in every}
    assert len(every) == len(names) == 12 * 24

    months = {
        split: {int(one["chart"][14:16]) for one in rows}
        for split, rows in records.items()
    }
    assert months["test"] == {1, 7}
    assert months["validation"] == {2, 6, 8, 12}
    assert months["train"] == {2, 3, 4, 5, 6, 8, 9, 10, 11, 12}

    for one in every:
        shape = shapely.from_wkb(one["geometry"])
        assert one["area_m2"] == pytest.approx(shape.area, rel=1e-6)
        assert pyproj.CRS(one["crs"].decode()).to_dict()["lat_0"] == 90
        letter = KIND[one["polygon_type"]]
        if one["polygon"] == 0:
            assert letter == "land"
        elif one["polygon"] in (9, 10, 11):
            assert one["sa"] == simulate.STRAY[one["polygon"] - 9].encode()
            assert one["stage_a"] == 0
            assert one["valid"].tolist() == [1, 1, 0, *[1] * 7]
        elif one["sa"] == b"86":
            assert STAGE[one["stage_a"]] == "first_year_ice"
            # A single type of ice: CA is not set, so it is CT.
            np.testing.assert_array_equal(
                one["concentration"][0], one["concentration"][1]
            )
    metadata = builder.info.metadata
    assert metadata["simulated"] is True
    assert set(metadata["codes_outside_tables"].values()) == {3}


def test_the_first_version_tells_ice_from_water_by_polygon_type_alone(tmp_path):
    builder = prepare(made(tmp_path, version="v1", charts=2), "v1")
    every = [one for rows in loaded(builder).values() for one in rows]
    assert len(every) == 48
    assert {KIND[one["polygon_type"]] for one in every} == {"land", "water", "ice"}
    assert all(np.isnan(one["concentration"]).all() for one in every)
    assert all(one["valid"].all() for one in every)
    assert {one["ct"] for one in every} == {b"99"}


def test_icebergs_are_points_with_whatever_fields_they_have(tmp_path):
    builder = prepare(made(tmp_path, version="v1", charts=3), "v1_icebergs")
    records = loaded(builder)
    assert len(records["test"]) == 5
    every = [one for rows in records.values() for one in rows]
    assert len(every) == 5 + 6 + 7
    assert b'"length_m": ' in every[0]["attributes"]
    assert shapely.from_wkb(every[0]["geometry"]).geom_type == "Point"


def test_both_versions_side_by_side_are_kept_apart(tmp_path):
    for version in ("v1", "v2"):
        simulate.run(
            simulate.Config(folder=tmp_path / "in" / version, version=version, charts=2)
        )
    for version in ("v1", "v2"):
        _, files = found(tmp_path / "in", version)
        assert [f"/{version}" in f"/{file.file}" for file in files] == [True, True]
    (tmp_path / "in" / "v1").rename(tmp_path / "in" / "first")
    renamed = tmp_path / "in" / "first"
    (renamed / "ExtremeEarth_v1").rename(renamed / "data")
    with pytest.raises(ValueError, match="needs one chart for each scene"):
        found(tmp_path / "in", "v2")


def slow_truth(folder, file, rows, cols):
    """Polygon under the centre of pixels of 80 m, by a search through all polygons."""
    _, _, wkb, _ = pyogrio.raw.read(folder / file.file)
    shapes = shapely.from_wkb(wkb)
    (path,) = (folder / "scenes").glob(f"*{file.time}*.tif")
    with rasterio.open(path) as source:
        x, y = source.transform @ (2 * (cols + 0.5), 2 * (rows + 0.5))
    hits = [
        np.flatnonzero(shapely.contains_xy(shapes, *at))
        for at in zip(x, y, strict=True)
    ]
    return [int(hit[0]) if len(hit) else -1 for hit in hits]


@pytest.mark.parametrize("kind", ["geotiff", "rgb"])
def test_patches_show_the_scene_with_its_chart(tmp_path, kind):
    folder = made(tmp_path, scenes=kind, charts=3)
    records = loaded(prepare(folder, "v2_patches"))
    assert {split: len(rows) for split, rows in records.items()} == {
        "train": 9,
        "validation": 3,
        "test": 6,
    }
    _, files = found(folder)
    by_name = {file.name: file for file in files}
    random = np.random.default_rng(0)
    for one in records["test"][:2] + records["validation"][:1]:
        file = by_name[one["chart"].decode()]
        decoded = charts.read_chart(file).decoded
        rows, cols = random.integers(0, 256, (2, 40))
        numbers = slow_truth(folder, file, one["row"] + rows, one["col"] + cols)
        assert one["polygon"][rows, cols].tolist() == numbers
        kinds = [decoded.polygon_type[n] if n >= 0 else 255 for n in numbers]
        assert one["polygon_type"][rows, cols].tolist() == kinds
        (path,) = (folder / "scenes").glob(f"*{file.time}*.tif")
        with rasterio.open(path) as source:
            box = rasterio.windows.Window(2 * one["col"], 2 * one["row"], 512, 512)
            stored = source.read(window=box).astype(float)
        cells = stored.reshape(3, 256, 2, 256, 2)
        inside = (stored[:2].reshape(2, 256, 2, 256, 2) != 0).all(axis=(0, 2, 4))
        if kind == "rgb":
            assert one["content"] == 1
            np.testing.assert_allclose(
                one["image"][inside], np.moveaxis(cells.mean((2, 4)), 0, 2)[inside]
            )
        else:
            assert one["content"] == 0
            mean = 10 * np.log10((10 ** (cells[:2] / 10)).mean((2, 4)))
            np.testing.assert_allclose(
                one["image"][..., :2][inside],
                np.moveaxis(mean, 0, 2)[inside],
                atol=1e-3,
            )
        empty = (stored[:2].reshape(2, 256, 2, 256, 2) == 0).all(axis=(0, 2, 4))
        assert empty.any()
        assert np.isnan(one["image"][empty][:, :2]).all()


def test_patches_of_safe_products_agree_with_the_planted_field(tmp_path):
    pytest.importorskip("tfds_eo.sensors.sentinel1")
    folder = made(tmp_path, scenes="safe", charts=1)
    opened, (file,) = found(folder)
    places = scenes.find_scenes(opened.inventory, [file.time])
    planned = patches.plan_scene(file, places[file.time])
    assert planned.content == "hh_hv_db_angle"
    assert planned.simulated
    (block,) = planned.blocks.values()
    assert block.examples == 2 * 3
    read = patches.read_patches(block.source)
    from tfds_eo.simulate import sentinel1

    again = sentinel1.simulate(
        sentinel1.Config(
            folder=tmp_path / "again", scenes=1, rows=1100, cols=1600, regions=24
        )
    )[0]
    truth = again.field.region_at(0, 1100)
    for patch, (row, col) in enumerate(block.source.corners):
        box = truth[2 * row : 2 * row + 512, 2 * col : 2 * col + 512]
        cells = box.reshape(256, 2, 256, 2)
        pure = (cells == cells[:, :1, :, :1]).all(axis=(1, 3)) & (
            cells[:, 0, :, 0] >= 0
        )
        same = read["polygon"][patch] == cells[:, 0, :, 0]
        assert same[pure].mean() > 0.999
    sigma = again.field.sigma_nought("HH", 0, 1100)[:1024, :1536]
    planted = 10 * np.log10(sigma.reshape(512, 2, 768, 2).mean(axis=(1, 3)) + 1e-9)
    whole = np.full((512, 768), np.nan)
    for patch, (row, col) in enumerate(block.source.corners):
        whole[row : row + 256, col : col + 256] = read["image"][patch, ..., 0]
    known = np.isfinite(whole) & (planted > -60)
    assert np.median((whole - planted)[known]) == pytest.approx(0, abs=0.2)


def test_a_scene_is_halved_from_north_west_to_south_east():
    halves = Halves("20180213T175444", longitude=-18.0, latitude=77.0)
    east, north = np.array([0.5, -0.5, 3, -3, 0, 0]), np.array([0.5, -0.5, 0, 0, 1, -1])
    assert halves.splits(-18 + east, 77 + north).tolist() == [
        "validation", "train", "validation", "train", "validation", "train",
    ]  # fmt: skip
    # A degree of longitude is short here: half a degree north weighs more.
    assert halves.splits(-18 - 1, 77 + 0.5) == "validation"
    across = Halves("20180213T175444", longitude=179.5, latitude=77.0)
    assert across.splits(-179.5, 77.0) == "validation"


def test_months_are_split_as_published():
    split = {}
    for scene in protocol.SCENES:
        halves = Halves(protocol.time_of(scene), 0.0, 77.0)
        split[int(halves.time[4:6])] = set(halves.splits([1, -1], 77.0).tolist())
    assert sorted(split) == list(range(1, 13))
    assert [m for m, s in split.items() if s == {"test"}] == [1, 7]
    halved = [m for m, s in split.items() if s == {"train", "validation"}]
    assert halved == [2, 6, 8, 12]
    assert Halves("", 0.0, 0.0).splits(1.0, 1.0) == "all"


def test_a_chart_without_prj_says_what_to_do(tmp_path):
    folder = made(tmp_path, charts=1)
    (prj,) = folder.rglob("*.prj")
    prj.unlink()
    _, (file,) = found(folder)
    with pytest.raises(
        ValueError, match=r"seaice_s1_20180116t075430.shp must come with"
    ):
        charts.read_chart(file)
    (folder / "manifest.toml").write_text(
        f'[metno_sea_ice]\ncrs = "{simulate.CRS}"\n', "utf-8"
    )
    _, (file,) = found(folder)
    assert "Polar_Stereographic" in charts.read_chart(file).crs


def bow_tie(folder):
    (path,) = folder.rglob("*.shp")
    meta, _, wkb, values = pyogrio.raw.read(path)
    shapes = shapely.from_wkb(wkb)
    left, low = shapes[5].bounds[:2]
    ring = [(0, 0), (900, 900), (900, 0), (0, 900), (0, 0)]
    shapes[5] = shapely.Polygon([(left + x, low + y) for x, y in ring])
    simulate._write_shapefile(path, shapes, meta["fields"].tolist(), values, "Polygon")


def test_invalid_geometry_is_named_and_mended_only_when_asked(tmp_path):
    folder = made(tmp_path, charts=1)
    bow_tie(folder)
    _, (file,) = found(folder)
    with pytest.raises(ValueError, match=r"the first is polygon 5: Self-intersection"):
        charts.read_chart(file)
    (folder / "manifest.toml").write_text("[metno_sea_ice]\nrepair = true\n")
    _, (file,) = found(folder)
    shape = charts.read_chart(file).shapes[5]
    assert shape.is_valid
    assert shape.area == pytest.approx(900 * 900 / 2)


def test_a_chart_without_scene_is_named_with_the_product_it_needs(tmp_path):
    folder = made(tmp_path, scenes="rgb", charts=2)
    next((folder / "scenes").glob("*20180213T*")).unlink()
    with pytest.raises(
        FileNotFoundError,
        match=r"seaice_s1_20180213t175444.shp: S1B_EW_GRDM_1SDH_20180213T175444_",
    ):
        prepare(folder, "v2_patches")
    (folder / "manifest.toml").write_text("[metno_sea_ice]\nwithout_scenes = true\n")
    builder = prepare(folder, "v2_patches")
    (left_out,) = builder.info.metadata["charts_without_scene"]
    assert "20180213t175444" in left_out
    assert builder.info.splits["test"].num_examples == 6


def test_damaged_charts_and_strange_scenes_are_refused(tmp_path):
    folder = made(tmp_path, scenes="geotiff", charts=1)
    _, (file,) = found(folder)
    path = pathlib.Path(file.path)
    raw = path.read_bytes()
    path.write_bytes(b"<VRT>" + raw)
    with pytest.raises(ValueError, match="must be a shapefile; it is none"):
        charts.read_chart(file)
    path.write_bytes(raw)
    path.with_suffix(".dbf").unlink()
    with pytest.raises(ValueError, match=r"must come with its .dbf and .shx"):
        charts.read_chart(file)
    (scene,) = (folder / "scenes").glob("*.tif")
    with rasterio.open(scene, "r+") as target:
        target.transform = target.transform @ rasterio.Affine.scale(1.3)
    with pytest.raises(ValueError, match="must be 80 m wide, or a whole part of it"):
        scenes.MapImage(str(scene))


def test_nothing_found_lists_what_is_there(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "readme.txt").write_text("x")
    with pytest.raises(ValueError, match=r"needs charts seaice_s1_<time>(.|\n)*readme"):
        found(tmp_path / "in")


def test_parts_of_a_block_hold_what_the_whole_holds(tmp_path):
    _, (file,) = found(made(tmp_path, charts=1))
    (block,) = polygons.blocks_of(charts.read_chart(file)).values()
    whole = polygons.read_polygons(block.source)
    parts = [block.source.part(0, 5), block.source.part(5, block.examples)]
    read = [polygons.read_polygons(part) for part in parts]
    for name, values in whole.items():
        both = np.concatenate([part[name] for part in read])
        np.testing.assert_array_equal(both, values)
