"""Belgica Bank patches come out of every layout with the class or topics planted."""

import numpy as np
import pytest
import rasterio
import tensorflow_datasets as tfds

from tfds_eo import sources
from tfds_eo.archives.codes import plain_name
from tfds_eo.archives.rasters import RasterRef
from tfds_eo.belgica_bank import label_rasters, plans, scenes, tiles
from tfds_eo.belgica_bank.stated import Stated
from tfds_eo.dlr_sea_ice_semantic.dlr_sea_ice_semantic_dataset_builder import (
    Builder as Semantic,
)
from tfds_eo.dlr_sea_ice_topics.dlr_sea_ice_topics_dataset_builder import (
    Builder as Topics,
)
from tfds_eo.simulate import dlr_sea_ice as simulate

SEMANTIC, TOPICS = "dlr_sea_ice_semantic", "dlr_sea_ice_topics"


def config_of(folder, **options):
    return simulate.Config(folder=folder / "in", **{"scenes": 2, "rows": 520} | options)


def opened(folder, section):
    return sources.open_folder(
        folder, folder.parent / "cache", section, Stated, list_containers=False
    )


def plan(folder, section=SEMANTIC, **options):
    found = opened(folder, section)
    if section == SEMANTIC:
        return plans.plan_semantic(found.inventory, found.stated, section)
    return plans.plan_topics(found.inventory, found.stated, section, **options)


def records(found):
    rows = {}
    for split, blocks in found.blocks.items():
        for block in blocks:
            columns = tiles.read_tiles(block.source)
            assert {len(values) for values in columns.values()} == {block.examples}
            for n in range(block.examples):
                one = {name: values[n] for name, values in columns.items()}
                key = (one["scene"].decode(), int(one["row"]), int(one["col"]))
                rows[key] = one | {"split": split}
    return rows


@pytest.mark.parametrize(
    "labels", ["raster", "palette", "rgb", "pixels", "table", "folders"]
)
def test_every_layout_gives_the_patches_and_classes_that_were_made(tmp_path, labels):
    images = "channels" if labels == "pixels" else "bands"
    config = config_of(tmp_path, labels=labels, images=images)
    simulate.run(config)
    found = plan(config.folder)
    assert {plain_name(n) for n in found.names} >= {
        plain_name(simulate.CLASSES[c])
        for n in range(2)
        for c in simulate.make_scene(config, n).label.ravel()
    }
    rows = records(found)
    assert len(rows) == 2 * 2 * 4
    for number, split in enumerate(("train", "test")):
        scene = simulate.make_scene(config, number)
        for row, col in np.ndindex(scene.label.shape):
            one = rows[f"20180{number + 1}16", row * 256, col * 256]
            assert one["split"] == split
            name = found.names[one["label"]]
            assert plain_name(name) == plain_name(
                simulate.CLASSES[scene.label[row, col]]
            )
            box = np.s_[row * 256 : row * 256 + 256, col * 256 : col * 256 + 256]
            np.testing.assert_array_equal(one["image"], scene.image[box])
            assert one["image"].dtype == np.uint16


@pytest.mark.parametrize("topics", ["words", "palette", "rgb"])
@pytest.mark.parametrize("images", ["bands", "none"])
def test_topics_come_as_grids_of_words(tmp_path, topics, images):
    config = config_of(tmp_path, labels=None, topics=topics, images=images)
    simulate.run(config)
    if images == "none":
        with pytest.raises(ValueError, match=r"must fit the published grid"):
            plan(config.folder, TOPICS, with_imagery=False)
        with open(config.folder / "manifest.toml", "a") as target:
            target.write("cell = 4\n" if topics == "rgb" else f"[{TOPICS}]\ncell = 4\n")
    rows = records(plan(config.folder, TOPICS, with_imagery=images != "none"))
    assert len(rows) == 2 * 2 * 4
    for number in range(2):
        scene = simulate.make_scene(config, number)
        for row, col in np.ndindex(2, 4):
            one = rows[f"20180{number + 1}16", row * 256, col * 256]
            box = np.s_[row * 64 : row * 64 + 64, col * 64 : col * 64 + 64]
            np.testing.assert_array_equal(one["topics"], scene.topic[box])
            assert ("image" in one) == (images != "none")


@pytest.mark.parametrize(
    ("rows", "cols", "cell", "grid"),
    [
        (65, 100, 256, (65, 100)),
        (64, 100, 256, (64, 100)),
        (4160, 6418, 4, (65, 100)),
        (4096, 6400, 4, (64, 100)),
        (16641, 25673, 1, (65, 100)),
    ],
)
def test_published_grids_of_64_and_of_65_rows_are_known(rows, cols, cell, grid):
    ref = RasterRef("a.tif", "a.tif", rows, cols, 1, "uint8")
    found, _ = label_rasters.cell_of(ref, None, Stated(), TOPICS)
    assert found == cell
    assert label_rasters.LabelRaster(ref, cell, ()).grid == grid
    found, _ = label_rasters.cell_of(ref, (rows * cell, cols * cell), Stated(), TOPICS)
    assert found == cell


def test_a_prepared_semantic_set_knows_its_classes_when_it_is_loaded_again(tmp_path):
    config = config_of(tmp_path, labels="palette", scenes=6, cols=520)
    simulate.run(config)
    download = tfds.download.DownloadConfig(manual_dir=config.folder)
    builder = Semantic(data_dir=tmp_path / "data", config="uint16")
    builder.download_and_prepare(download_config=download)
    again = tfds.builder_from_directory(builder.data_dir)
    assert again.info.features["label"].names == list(simulate.CLASSES)
    with_code = Semantic(data_dir=tmp_path / "data", config="uint16")
    assert with_code.info.features["label"].names == list(simulate.CLASSES)
    counts = {name: s.num_examples for name, s in again.info.splits.items()}
    assert counts == {"train": 16, "validation": 4, "test": 4}
    assert again.info.metadata["simulated"] is True
    assert again.info.metadata["scenes"]["20180316"] == "validation"
    assert again.info.metadata["scenes"]["20180616"] == "test"
    truth = simulate.make_scene(config, 5)
    for one in tfds.as_numpy(again.as_dataset("test")):
        assert one["scene"] == b"20180616"
        row, col = one["row"] // 256, one["col"] // 256
        assert one["label"] == truth.label[row, col]
        np.testing.assert_array_equal(
            one["image"], truth.image[row * 256 :, col * 256 :][:256, :256]
        )
    wrong = Semantic(data_dir=tmp_path / "other", config="uint8")
    with pytest.raises(ValueError, match=r"prepare dlr_sea_ice_semantic/uint16"):
        wrong.download_and_prepare(download_config=download)


def test_a_prepared_set_of_topics_names_them(tmp_path):
    config = config_of(tmp_path, labels=None, topics="words", dtype="float32")
    simulate.run(config)
    builder = Topics(data_dir=tmp_path / "data", config="with_imagery_float32")
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=config.folder)
    )
    assert builder.info.metadata["topics"] == [f"Topic {n}" for n in range(11)]
    (one,) = builder.as_dataset("test").take(1).as_numpy_iterator()
    assert one["topics"].shape == (64, 64)
    assert one["image"].dtype == np.float32


def test_scenes_are_split_by_date_and_a_manifest_may_say_otherwise():
    names = [f"{2018 + n // 12}{n % 12 + 1:02d}16" for n in range(24)]
    split = scenes.split_of_scenes(names[::-1], {})
    months = {s: [n[4:6] for n in names if split[n] == s] for s in set(split.values())}
    assert months["validation"] == ["03", "09"] * 2
    assert months["test"] == ["06", "12"] * 2
    assert len(months["train"]) == 16
    three = scenes.split_of_scenes(["c", "a", "b"], {})
    assert three == {"a": "train", "b": "validation", "c": "test"}
    assert scenes.split_of_scenes(["a"], {}) == {"a": "train"}
    stated = scenes.split_of_scenes(["a", "b"], {"test": ("a",)})
    assert stated == {"a": "test", "b": "train"}


def test_codes_and_colours_without_a_class_stop_the_build_with_their_counts(tmp_path):
    config = config_of(tmp_path, labels="raster", scenes=1)
    simulate.run(config)
    (config.folder / "legend.csv").write_text("code,name\n1,Water\n2,Young ice\n")
    with pytest.raises(
        ValueError,
        match=r"these have none .*'\d+': \d+.*\[dlr_sea_ice_semantic.classes\]",
    ):
        plan(config.folder)
    other = config_of(tmp_path / "b", labels=None, topics="rgb", scenes=1)
    other.folder.parent.mkdir()
    simulate.run(other)
    (other.folder / "manifest.toml").unlink()
    with pytest.raises(ValueError, match=r"these have none .*'#800000': \d+"):
        plan(other.folder, TOPICS, with_imagery=True)


def test_two_kinds_of_labels_are_not_chosen_between(tmp_path):
    config = config_of(tmp_path, labels="raster", scenes=1)
    simulate.run(config)
    (config.folder / "annotation.csv").write_text("image,row,col,label\n")
    with pytest.raises(ValueError, match=r"alone; found \['table', 'rasters'\]"):
        plan(config.folder)


def table(folder, text):
    (folder / "annotation.csv").write_text(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,line\nx,3\n", r"each patch's col; it has \['image', 'line'\]"),
        ("image,row,col,label\n", "a row for each patch"),
        ("image,row,col,label\n20180116,0,x,A\n", "'col' .* must hold numbers"),
        ("image,row,col,label\n20190116,0,256,A\n", r"got '20190116', there are"),
        ("image,row,col,label\n20180116,512,0,A\n", r"of 2 x 4 patches; got \(2, 0\)"),
        (
            "image,row,col,label\n20180116,0,256,A\n20180116,0,256,B\n",
            "has 'A' and 'B'",
        ),
        ("image,row,col,label\n20180116,0,0,A\n", "plainly count patches or pixels"),
    ],
)
def test_tables_that_cannot_be_understood_say_why(tmp_path, text, message):
    config = config_of(tmp_path, labels="table", scenes=1)
    simulate.run(config)
    table(config.folder, text)
    with pytest.raises(ValueError, match=message):
        plan(config.folder)


def test_a_table_may_count_patches_and_call_its_columns_as_it_likes(tmp_path):
    config = config_of(tmp_path, labels="table", scenes=1)
    simulate.run(config)
    table(config.folder, 'img,a,b,what\n"x_20180116",1,3,Sea\n"x_20180116",0,1,Ice\n')
    (config.folder / "manifest.toml").write_text(
        f'[{SEMANTIC}.columns]\nscene="img"\nrow="a"\ncol="b"\nlabel="what"\n'
    )
    found = plan(config.folder)
    assert found.names == ["Ice", "Sea"]
    rows = records(found)
    assert {key[1:]: one["label"] for key, one in rows.items()} == {
        (256, 768): 1,
        (0, 256): 0,
    }


def test_a_map_whose_cells_are_not_pure_is_refused(tmp_path):
    config = config_of(tmp_path, labels="pixels", scenes=1)
    simulate.run(config)
    (path,) = (config.folder / "labels").glob("*.tif")
    with rasterio.open(path) as source:
        pixels, profile = source.read(), source.profile
    pixels[0, 300, 300] = 1 + pixels[0, 300, 300] % 10
    with rasterio.open(path, "w", **profile) as target:
        target.write(pixels)
    with pytest.raises(
        ValueError, match=r"256 x 256 pixels of .* must be of one class"
    ):
        plan(config.folder)


def test_rasters_without_date_or_partner_are_named(tmp_path):
    config = config_of(tmp_path, labels="raster", images="channels", scenes=1)
    simulate.run(config)
    (hv,) = (config.folder / "images").glob("*_HV.tif")
    hv.unlink()
    with pytest.raises(ValueError, match="one image for each of one size, called hh"):
        plan(config.folder)
    (hh,) = (config.folder / "images").glob("*_HH.tif")
    hh.unlink()
    with pytest.raises(ValueError, match=r"must fit the published grid"):
        plan(config.folder)
    hh.parent.rmdir()
    (label,) = (config.folder / "labels").glob("*.tif")
    label.rename(label.with_name("first.tif"))
    with pytest.raises(ValueError, match=r"must bear their date.*labels/first.tif"):
        plan(config.folder)
