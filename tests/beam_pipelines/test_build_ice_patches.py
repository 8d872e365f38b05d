"""From made scenes to records that `tfds.load` finds: pixel by pixel."""

import hashlib
import pathlib

import numpy as np
import pytest
import tensorflow_datasets as tfds

import tfds_eo
from beam_pipelines.build_ice_patches import Config, run
from tfds_eo.geo.grid import PixelWindow
from tfds_eo.legends import UIT_SEA_ICE
from tfds_eo.sensors.sentinel1 import open_scene
from tfds_eo.simulate import sentinel1 as simulation


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    return simulation.simulate(
        simulation.Config(folder=folder, scenes=2, rows=420, cols=360, regions=10)
    )


def build(made, out, pattern="*_polygons.gpkg", **settings):
    folder = made[0].product.parent
    return run(
        Config(
            scenes=(str(folder),),
            polygons=(str(folder / pattern),),
            data_dir=str(out),
            **settings,
        )
    )


def records(out, name):
    assert tfds_eo.BUILDERS
    splits, info = tfds.load(
        f"s1_ice_patches/{name}", data_dir=str(out), with_info=True
    )
    return {s: list(tfds.as_numpy(found)) for s, found in splits.items()}, info


def digests(folder):
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in pathlib.Path(folder).rglob("*.tfrecord*")
    }


def test_records_are_the_pixels_of_the_scenes_under_the_polygons(made, tmp_path):
    build(made, tmp_path, sizes=(10, 32), strides=(10, 16))
    scenes = {scene.name: open_scene(scene.product) for scene in made}
    for size in (10, 32):
        splits, info = records(tmp_path, f"{size}x{size}")
        assert info.features["label"].names == UIT_SEA_ICE.names
        place_of = {}
        for split, found in splits.items():
            for record in found:
                name = record["scene"].decode()
                scene, planted = next((scenes[name], m) for m in made if m.name == name)
                row, col = int(record["row"]), int(record["col"])
                window = PixelWindow(row=row, col=col, rows=size, cols=size)
                expected = scene.read(window).image
                np.testing.assert_allclose(record["image"], expected, atol=1e-4)
                middle = (size - 1) / 2
                place = scene.locate(row + middle, col + middle)
                assert record["longitude"] == pytest.approx(place[0], abs=2e-5)
                assert record["latitude"] == pytest.approx(place[1], abs=2e-5)
                region = planted.field.region_at(row, size)[:, col : col + size]
                (only,) = np.unique(region)
                assert planted.field.classes[only] == record["label"]
                key = name, int(record["polygon"])
                assert place_of.setdefault(key, split) == split
                day = np.datetime64(scene.start.date()) - np.datetime64("1970-01-01")
                assert record["date"] == day.astype(int)
        assert set(place_of.values()) == {"train", "validation", "test"}
        assert info.metadata["simulated"]
        assert info.metadata["denoised"]
        total = sum(len(found) for found in splits.values())
        assert info.metadata["counts"][f"patches_{size}x{size}"] == total


def test_rasters_of_a_chart_lie_on_the_pixels(made, tmp_path):
    build(
        made,
        tmp_path,
        "*.shp",
        labels="chart_rasters",
        sizes=(64,),
        strides=(48,),
        split="scene",
        shares=(0.5, 0.0, 0.5),
    )
    splits, info = records(tmp_path, "64x64_chart")
    assert set(splits) == {"train", "test"}
    assert "label" not in info.features
    scenes = {s: {r["scene"] for r in found} for s, found in splits.items()}
    assert not scenes["train"] & scenes["test"]
    for record in splits["train"] + splits["test"]:
        planted = next(m for m in made if m.name == record["scene"].decode())
        row, col = int(record["row"]), int(record["col"])
        region = planted.field.region_at(row, 64)[:, col : col + 64]
        same = record["polygon"] == region
        assert same.mean() > 0.999  # Centres on an edge may fall to either side.
        classes = np.array(planted.field.classes)[region]
        water = (classes == 0) & (region != 0) & same
        assert (record["sic"][water] == 0).all()
        assert (record["sod"][(region == 1) & same] == 255).all()  # Mixed.
        assert (record["sic"][(region == 1) & same] == 9).all()


def test_scenes_on_a_map_give_patches_of_the_map(made, tmp_path):
    said = build(
        made,
        tmp_path,
        "*.shp",
        labels="chart_class",
        sizes=(12,),
        strides=(12,),
        crs="EPSG:3995",
        resolution=80.0,
        coast=200.0,
        boxcar=3,
        shares=(0.5, 0.0, 0.5),
    )
    splits, info = records(tmp_path, "12x12_stages")
    assert info.metadata["settings"]["crs"] == "EPSG:3995"
    assert "near coast" in " ".join(map(str, said))
    for record in splits["train"][:50]:
        assert np.isfinite(record["image"]).all()
        planted = next(m for m in made if m.name == record["scene"].decode())
        scene = open_scene(planted.product)
        row, col = scene.tie_points.find(record["longitude"], record["latitude"])
        region = planted.field.region_at(int(np.rint(row)), 1)[0, int(np.rint(col))]
        assert region == record["polygon"]


@pytest.mark.slow
def test_shards_are_the_same_with_one_worker_and_with_two(made, tmp_path):
    settings = {"sizes": (16,), "strides": (8,)}
    folder = made[0].product.parent
    for workers in (1, 2):
        config = Config(
            scenes=(str(folder),),
            polygons=(str(folder / "*.gpkg"),),
            data_dir=str(tmp_path / str(workers)),
            **settings,
        )
        mode = "in_memory" if workers == 1 else "multi_processing"
        run(
            config,
            [f"--direct_num_workers={workers}", f"--direct_running_mode={mode}"],
        )
    assert digests(tmp_path / "1") == digests(tmp_path / "2")
    assert digests(tmp_path / "1")


def test_missing_noise_is_recorded(made, tmp_path):
    single = simulation.simulate(
        simulation.Config(folder=tmp_path / "in", rows=300, cols=300, regions=10)
    )[0]
    for file in single.product.rglob("noise-*.xml"):
        file.unlink()
    with pytest.raises(FileNotFoundError, match="HH noise file"):
        build([single], tmp_path / "out")
    build([single], tmp_path / "out", noise="optional", shares=(0.5, 0.0, 0.5))
    splits, info = records(tmp_path / "out", "32x32")
    assert not info.metadata["denoised"]
    assert {int(r["denoised"]) for found in splits.values() for r in found} == {0}


def test_unmatched_files_are_listed(made, tmp_path):
    folder = made[0].product.parent
    said = run(
        Config(
            scenes=(str(folder),),
            polygons=(str(made[0].polygons),),
            data_dir=str(tmp_path),
            sizes=(16,),
            shares=(0.5, 0.0, 0.5),
        )
    )
    assert said[-1] == f"no polygons for scene {made[1].product}"


def test_a_finished_data_set_is_not_replaced_unasked(made, tmp_path):
    build(made, tmp_path, sizes=(16,))
    with pytest.raises(FileExistsError, match="overwrite"):
        build(made, tmp_path, sizes=(16,))
    build(made, tmp_path, sizes=(16,), overwrite=True, margin=200.0)
    _, info = records(tmp_path, "16x16")
    assert info.metadata["settings"]["margin"] == 200.0


def test_zero_patches_are_an_error_that_says_why(made, tmp_path):
    with pytest.raises(ValueError, match=r"some patch of 300 x 300 .*too small"):
        build(made, tmp_path, sizes=(300,))
    assert not list(tmp_path.rglob("*.plan"))


def test_no_scene_and_no_polygons_are_errors(made, tmp_path):
    with pytest.raises(FileNotFoundError, match="no polygon file at"):
        build(made, tmp_path, "nothing*.gpkg")
    with pytest.raises(FileNotFoundError, match="no scene at"):
        run(Config(scenes=("/nowhere",), polygons=("x",), data_dir=str(tmp_path)))


def test_what_is_not_built_says_how_to_build_it(tmp_path):
    with pytest.raises(Exception, match="tfds-eo build-ice-patches"):
        tfds.load("s1_ice_patches/32x32", data_dir=str(tmp_path))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"boxcar": 4}, "odd number"),
        ({"crs": "EPSG:4326"}, "projected CRS in metres"),
        ({"shares": (0.5, 0.5, 0.5)}, "must add up to 1"),
        ({"legend": "crosswalk"}, "needs --crosswalk"),
        ({"labels": "chart_rasters"}, "--split scene"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Config(scenes=("a",), polygons=("b",), data_dir="c", **settings)
