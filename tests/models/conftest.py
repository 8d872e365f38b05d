"""Two logical CPUs, to try several replicas on any machine; made crop series."""

import pathlib
import socket

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from models import bundle, replicas
from tfds_eo import legends, schemas

# Before anything computes: the devices of a process are fixed by its first operation.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)

CLASSES = 5


@pytest.fixture(scope="session")
def made_series():
    """Makes crop series whose class shows as the month of greatest infrared."""
    return _made_series


@pytest.fixture(scope="session")
def card():
    """What a bundle says of a model of two classes."""
    return bundle.Card(
        experiment="made_lstm",
        bands=schemas.CROP_BANDS,
        units="surface reflectance x 10000",
        legend=legends.legend_of("made", [("Rye", "#112233"), ("Beet", "#445566")]),
        inputs={},
        training_data=bundle.TrainingData(
            dataset="made_crops/1.0.0",
            examples={"train": 700, "validation": 150},
            fingerprint="ab" * 32,
            simulated=True,
        ),
        scores={"validation/macro_f1": 0.75},
        settings={"seed": 3, "precision": "float32"},
    )


@pytest.fixture
def two_cpus():
    """A strategy of two replicas on two logical CPUs."""
    return replicas.strategy_of("mirrored")


@pytest.fixture(scope="session")
def crops(tmp_path_factory):
    """A prepared data set of crop series: 700 to learn from in 4 shards, 150 beside."""
    builder = MadeCrops(data_dir=str(tmp_path_factory.mktemp("made_crops")))
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(num_shards=4)
    )
    return builder


class MadeCrops(tfds.core.GeneratorBasedBuilder):
    """Crop series of five classes, made up, as TFDS itself writes them."""

    VERSION = tfds.core.Version("1.0.0")
    pkg_dir_path = pathlib.Path(__file__).parent

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            features=schemas.crop_series(LEGEND, tiles=["33TWN"], seasons=["2018"]),
            metadata=tfds.core.MetadataDict(simulated=True),
        )

    def _split_generators(self, dl_manager):
        return {
            "train": self._generate_examples(700, seed=1),
            "validation": self._generate_examples(150, seed=2),
        }

    def _generate_examples(self, examples, seed):
        columns = _made_series(examples, seed=seed)
        for n in range(examples):
            record = {name: values[n] for name, values in columns.items()}
            length = int((record["condition"] != 255).sum())
            for name in ("reflectance", "condition", "date"):
                record[name] = record[name][:length]
            yield n, {**record, "tile": "33TWN", "season": "2018"}


LEGEND = legends.legend_of(
    "made_crops",
    [(f"Crop {n}", f"#{n}0{n}0{n}0") for n in range(CLASSES)],
)


def _made_series(examples, *, steps=23, classes=CLASSES, seed=0, cloudy=0.4):
    rng = np.random.default_rng(seed)
    label = np.arange(examples) ** 2 % 7 % classes  # Every class, none as often.
    date = np.sort(17_775 + rng.integers(0, 360, (examples, steps)), axis=1)
    middle = 17_775 + 60 + 240 * (label + 0.5) / classes
    green = np.exp(-(((date - middle[:, None]) / 40) ** 2))
    reflectance = 800 + rng.normal(0, 60, (examples, steps, 9))
    reflectance[:, :, 4:7] += 3000 * green[:, :, None]
    shares = [1 - cloudy, cloudy / 2, cloudy / 4, cloudy / 4]
    condition = rng.choice(4, (examples, steps), p=shares)
    length = rng.integers(steps // 2, steps + 1, examples)
    length[:1] = steps
    behind = np.arange(steps) >= length[:, None]
    reflectance[behind], condition[behind], date[behind] = 0, 255, 0
    return {
        "reflectance": reflectance.clip(0).astype(np.uint16),
        "condition": condition.astype(np.uint8),
        "date": date.astype(np.int32),
        "label": label.astype(np.int64),
        "id": np.array([f"33TWN/{k}/{n}" for n, k in enumerate(label)], object),
    }


@pytest.fixture
def free_port():
    """A port of this machine that nobody listens on."""
    with socket.socket() as one:
        one.bind(("localhost", 0))
        return one.getsockname()[1]
