"""Experiments on ice from a prepared folder to a bundle, in small."""

import dataclasses
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from models import ablation, bundle, experiment, train, vgg16
from models.experiment import FineTuning

DEFAULT = tf.distribute.get_strategy()


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Prepared patches of 10 pixels under the name of the UiT set."""
    folder = tmp_path_factory.mktemp("data")
    names = experiment.find("uit_ice_cnn").legend.names

    class UitSeaIce(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")
        BUILDER_CONFIGS = [tfds.core.BuilderConfig(name="10x10")]
        pkg_dir_path = folder

        def _info(self):
            image = tfds.features.Tensor(
                shape=(10, 10, 3), dtype=np.float32, encoding="bytes"
            )
            label = tfds.features.ClassLabel(names=names)
            return tfds.core.DatasetInfo(
                builder=self,
                features=tfds.features.FeaturesDict({"image": image, "label": label}),
                metadata=tfds.core.MetadataDict(simulated=True),
            )

        def _split_generators(self, dl_manager):
            return {
                "train": self._generate_examples(150, 1),
                "validation": self._generate_examples(40, 2),
            }

        def _generate_examples(self, count, seed):
            rng = np.random.default_rng(seed)
            for n in range(count):
                label = n**2 % 11 % 6
                middle = (-25 + 4 * label, -28 - label, 30)
                image = rng.normal(middle, 2, (10, 10, 3)).astype(np.float32)
                yield n, {"image": image, "label": label}

    UitSeaIce(data_dir=str(folder), config="10x10").download_and_prepare()
    return folder


@pytest.mark.slow
def test_the_ablation_compares_angle_and_augmentation(data_dir, tmp_path):
    config = ablation.Config(
        out=tmp_path, data_dir=str(data_dir), sizes=(10,), epochs=1
    )
    table, line = ablation.run(config)
    assert "(simulated data)" in table.title
    assert line == f"table: {tmp_path / 'ablation.json'}"
    found = json.loads((tmp_path / "ablation.json").read_text())
    assert found["simulated"] is True
    kinds = [(row["angle"], row["augmented"]) for row in found["rows"]]
    assert kinds == [(False, False), (False, True), (True, False), (True, True)]
    first = json.loads((tmp_path / "10_no_angle_plain_0/history.json").read_text())
    assert found["rows"][0]["macro_f1"] == first[0]["val_macro_f1"]
    card = bundle.read_card(tmp_path / "10_angle_augmented_0" / "bundle")
    assert card.inputs["image"].shape == (10, 10, 3)


@pytest.mark.slow
def test_fine_tuning_goes_on_from_the_frozen_phase(data_dir, tmp_path):
    def model(info):
        built = vgg16.vgg16(6, size=10, width=1 / 32, head=8, normalised=False)
        vgg16.freeze_blocks(built, 5)
        return built

    chosen = dataclasses.replace(
        experiment.find("uit_ice_cnn"),
        dataset="uit_sea_ice/10x10",
        model=model,
        epochs=1,
        batch_size=50,
        sampling="balanced",
        fine_tuning=FineTuning(
            frozen_blocks=4,
            optimizer=lambda steps: keras.optimizers.SGD(1e-2),
            epochs=1,
        ),
    )
    builder = tfds.builder("uit_sea_ice/10x10", data_dir=str(data_dir))
    trained = train.train(chosen, builder, tmp_path, strategy=DEFAULT)
    keras.utils.set_random_seed(chosen.seed)
    untrained = model(builder.info)
    assert (tmp_path / "frozen" / "history.json").exists()
    for now, then in zip(trained.model.weights, untrained.weights, strict=True):
        frozen = now.path.startswith("block") and not now.path.startswith("block5")
        assert np.array_equal(now.numpy(), then.numpy()) == frozen, now.path


def test_the_outputs_of_a_model_are_the_targets_of_its_experiment():
    label = tfds.features.ClassLabel(num_classes=6)
    image = tfds.features.Tensor(shape=(64, 64, 3), dtype=np.float32)
    info = type("Info", (), {"features": {"label": label, "image": image}})
    for name in ("uit_ice_cnn", "metno_ice_cnn", "metno_unet"):
        one = experiment.find(name)
        outputs = one.model(info).output
        assert set(outputs if isinstance(outputs, dict) else ["label"]) == set(
            one.target if isinstance(one.target, tuple) else ["label"]
        )
