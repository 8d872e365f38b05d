import dataclasses
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from models import bundle, crop_lstm


@pytest.fixture(scope="module")
def saved(tmp_path_factory, card):
    keras.utils.set_random_seed(1)
    model = crop_lstm.crop_lstm(2, units=5)
    path = tmp_path_factory.mktemp("run") / "bundle"
    bundle.save(path, model, card)
    return path, model


def test_a_loaded_bundle_gives_the_logits_of_the_model(saved, made_series):
    path, model = saved
    loaded = bundle.load(path)
    for examples, steps in ((7, 23), (1, 9)):  # Any batch, any number of dates.
        columns = made_series(examples, steps=steps)
        expected = model({name: columns[name] for name in crop_lstm.INPUTS})
        np.testing.assert_allclose(loaded.predict(columns), expected, atol=1e-6)


def test_a_loaded_bundle_says_what_was_said_of_it(saved, card):
    path, _ = saved
    found = bundle.load(path).card
    assert found.inputs == {
        "reflectance": bundle.Input(shape=(None, 9), dtype="uint16"),
        "condition": bundle.Input(shape=(None,), dtype="uint8"),
        "date": bundle.Input(shape=(None,), dtype="int32"),
    }
    assert set(found.packages) == set(bundle.PACKAGES)
    assert dataclasses.replace(found, inputs={}, packages={}) == card
    assert found.simulated
    raw = json.loads((path / "bundle.json").read_text())
    assert raw["simulated"] is True
    assert raw["legend"]["classes"][1]["colour"] == "#445566"


PROGRAM = """
import sys
import numpy as np
from models import bundle
loaded = bundle.load(sys.argv[1])
with np.load(sys.argv[2]) as columns:
    np.save(sys.argv[3], loaded.predict(dict(columns)))
own = sorted(name for name in sys.modules if name.startswith("models."))
print(own)
"""


def test_a_bundle_predicts_in_a_process_without_training_code(
    saved, made_series, tmp_path
):
    path, model = saved
    columns = {name: made_series(4)[name] for name in crop_lstm.INPUTS}
    np.savez(tmp_path / "columns.npz", **columns)
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            PROGRAM,
            *map(str, (path, tmp_path / "columns.npz", tmp_path / "logits.npy")),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert ended.stdout.strip() == "['models.bundle']", ended.stderr
    np.testing.assert_allclose(
        np.load(tmp_path / "logits.npy"), model(columns), atol=1e-6
    )


def test_the_keras_model_beside_it_can_be_trained_on(saved, made_series):
    path, model = saved
    again = keras.models.load_model(path / "model.keras")
    columns = {name: made_series(4)[name] for name in crop_lstm.INPUTS}
    np.testing.assert_allclose(again(columns), model(columns), atol=1e-6)
    assert len(again.trainable_variables) == len(model.trainable_variables) > 5


@pytest.mark.parametrize("key", ["version", "schema_version"])
def test_an_unknown_version_is_refused(saved, tmp_path, key):
    path, _ = saved
    content = json.loads((path / "bundle.json").read_text())
    (tmp_path / "bundle.json").write_text(json.dumps({**content, key: 99}))
    with pytest.raises(ValueError, match=rf"{key} of .*bundle\.json must be 1; got 99"):
        bundle.load(tmp_path)


def test_a_folder_without_a_bundle_is_refused(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"has no bundle\.json; `tfds-eo train`"
    ):
        bundle.load(tmp_path)


def test_a_batch_that_the_model_cannot_read_is_refused(saved, made_series):
    loaded = bundle.load(saved[0])
    columns = made_series(4)
    with pytest.raises(ValueError, match="must have reflectance, condition, date; it"):
        loaded.predict({"date": columns["date"]})
    with pytest.raises(ValueError, match=r"'date' .* must be int32 .*; got int64"):
        loaded.predict({**columns, "date": columns["date"].astype(np.int64)})
    four = {**columns, "reflectance": columns["reflectance"][..., :4]}
    with pytest.raises(
        ValueError, match=r"\[batch, any, 9\]; got uint16 .*\[4, 23, 4\]"
    ):
        loaded.predict(four)


def test_a_bundle_is_replaced_whole_or_not_at_all(saved, card, tmp_path, monkeypatch):
    _, model = saved
    path = tmp_path / "bundle"
    bundle.save(path, model, card)
    bundle.save(path, model, dataclasses.replace(card, experiment="second"))
    assert bundle.read_card(path).experiment == "second"

    def full(*arguments):
        raise OSError("no space left")

    monkeypatch.setattr(bundle.json, "dumps", full)
    with pytest.raises(OSError, match="no space left"):
        bundle.save(path, model, dataclasses.replace(card, experiment="third"))
    assert bundle.read_card(path).experiment == "second"
    assert [child.name for child in tmp_path.iterdir()] == ["bundle"]


def test_the_fingerprint_names_the_data(crops):
    found = bundle.describe(crops.info)
    assert found.dataset == "made_crops/1.0.0"
    assert found.examples == {"train": 700, "validation": 150}
    assert found.simulated
    assert found == bundle.describe(crops.info)
    assert len(found.fingerprint) == 64
