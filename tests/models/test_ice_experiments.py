"""Experiments on ice from a prepared folder to a bundle, in small."""

import dataclasses
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

import tfds_eo  # noqa: F401 - registers the builders.
from models import ablation, bundle, experiment, train, vgg16
from models.experiment import FineTuning
from tfds_eo.simulate import uit_sea_ice

DEFAULT = tf.distribute.get_strategy()


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Made patches of 10 pixels, prepared as the UiT set."""
    folder = tmp_path_factory.mktemp("data")
    uit_sea_ice.run(
        uit_sea_ice.Config(folder=folder / "manual", sizes=(10,), places=True)
    )
    tfds.builder("uit_sea_ice/10x10", data_dir=folder).download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=folder / "manual")
    )
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
