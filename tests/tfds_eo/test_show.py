"""The command that shows examples, and how it finds a prepared set."""

import collections

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from tfds_eo import legends, prepared, schemas, show
from tfds_eo.legends import TIME_SEN2_CROP

COUNTS = {0: 5, 1: 1, 4: 7}
"""Examples of each class in the made set."""


class SmallCrops(tfds.core.GeneratorBasedBuilder):
    """A few crop series of three of the sixteen classes, one series of no date."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            features=schemas.crop_series(
                TIME_SEN2_CROP, tiles=["33TWN"], seasons=["2018"]
            ),
            metadata=tfds.core.MetadataDict(simulated=True),
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for label, count in COUNTS.items():
            for n in range(count):
                steps = 3 + n
                yield (
                    f"{label}/{n}",
                    {
                        "reflectance": np.full((steps, 9), 100 + n, np.uint16),
                        "condition": np.zeros(steps, np.uint8),
                        "date": np.arange(17_500, 17_500 + steps, dtype=np.int32),
                        "label": label,
                        "tile": 0,
                        "season": 0,
                        "id": f"{label}/{n}",
                    },
                )


class Numbers(tfds.core.GeneratorBasedBuilder):
    """Records that no figure is known for."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict({"number": np.int64})
        )

    def _split_generators(self, dl_manager):
        return {"train": iter([(0, {"number": 3})])}

    def _generate_examples(self):
        return iter(())


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for builder in (SmallCrops, Numbers):
        builder(data_dir=str(folder)).download_and_prepare()
    return str(folder)


def test_each_class_gives_as_many_examples_as_asked_for_or_all_it_has(data_dir):
    builder = prepared.open_prepared("small_crops", data_dir)
    found = show.examples_of_each_class(builder, "train", 3)
    labels = [int(record["label"]) for record in found]
    assert collections.Counter(labels) == {0: 3, 1: 1, 4: 3}
    assert labels == sorted(labels)
    assert len({record["id"] for record in found}) == 7


def test_the_figure_is_written_and_the_lines_say_what_the_set_holds(data_dir, tmp_path):
    out = tmp_path / "deep" / "examples.png"
    lines = show.run(show.Config(set="small_crops", data_dir=data_dir, out=out))
    assert lines == [
        "small_crops/1.0.0 (simulated): train 13",
        f"figure: {out}",
    ]
    with Image.open(out) as picture:
        assert picture.width > picture.height > 300


def test_a_slice_of_a_split_can_be_shown_under_a_name_of_its_own(
    data_dir, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    config = show.Config(set="small_crops", data_dir=data_dir, split="train[:50%]")
    show.run(config)
    assert (tmp_path / "small_crops_train__50.png").is_file()


def test_a_known_legend_gives_titles_and_colours_and_another_gives_greys(data_dir):
    builder = prepared.open_prepared("small_crops", data_dir)
    assert show.legend_of_features(builder.info.features) is TIME_SEN2_CROP
    other = tfds.features.FeaturesDict(
        {"label": tfds.features.ClassLabel(names=["old_ice", "water"])}
    )
    assert show.legend_of_features(other).titles == ["Old ice", "Water"]
    assert legends.TIME_SEN2_CROP.names != ["old_ice", "water"]


def test_records_without_a_figure_are_refused(data_dir):
    with pytest.raises(ValueError, match="no figure is known for records of numbers"):
        show.run(show.Config(set="numbers", data_dir=data_dir))


@pytest.mark.parametrize(
    "name", ["small_crops", "small_crops/1.0.0", "small_crops:1.0.0"]
)
def test_a_set_is_found_by_its_name_with_version_or_without(data_dir, name):
    builder = prepared.open_prepared(name, data_dir)
    assert builder.info.full_name == "small_crops/1.0.0"
    assert prepared.is_simulated(builder)


def test_a_folder_is_found_without_its_builder(data_dir):
    builder = prepared.open_prepared(f"{data_dir}/small_crops/1.0.0")
    assert builder.info.splits["train"].num_examples == 13


def test_what_is_not_there_is_named(data_dir, tmp_path):
    with pytest.raises(ValueError, match=r"called 'time_sen2_crp'.* time_sen2_crop"):
        prepared.open_prepared("time_sen2_crp", data_dir)
    with pytest.raises(FileNotFoundError, match="run `tfds-eo prepare time_sen2_crop"):
        prepared.open_prepared("time_sen2_crop/official", tmp_path)
    builder = prepared.open_prepared("small_crops", data_dir)
    prepared.check_split(builder, "train[:3]")
    with pytest.raises(ValueError, match="no split 'test'; its splits are train"):
        prepared.check_split(builder, "test")
