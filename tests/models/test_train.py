import dataclasses
import json
import pathlib

import keras
import pytest

from models import bundle, crop_lstm, evaluation, experiment, metrics, train
from tfds_eo import legends, schemas


@pytest.fixture
def made_experiment(crops, monkeypatch):
    """An experiment on the made data set, found by the name of a true one."""
    names = crops.info.features["label"].names
    chosen = dataclasses.replace(
        experiment.find("time_sen2_crop_lstm"),
        dataset="made_crops",
        legend=legends.legend_of("made", [(name, "#112233") for name in names]),
        model=lambda info: crop_lstm.crop_lstm(
            info.features["label"].num_classes, units=8
        ),
        optimizer=lambda steps: keras.optimizers.Adam(0.01),
        class_weights="balanced",
        epochs=3,
        batch_size=64,
    )
    monkeypatch.setattr(train.experiment, "find", lambda name: chosen)
    return chosen


def data_dir_of(builder):
    return str(pathlib.Path(builder.data_dir).parents[1])


@pytest.mark.slow
def test_the_command_leaves_a_bundle_with_the_score_that_it_tells(
    made_experiment, crops, tmp_path
):
    config = train.Config(
        experiment="made",
        data_dir=data_dir_of(crops),
        out=tmp_path / "run",
        epochs=2,
    )
    lines = train.run(config)
    loaded = bundle.load(tmp_path / "run" / "bundle")
    score = metrics.macro_f1(evaluation.confusion_of(loaded, crops, "validation"))
    assert loaded.card.scores["validation/macro_f1"] == pytest.approx(score)
    assert f"macro-F1 {score:.4f}" in lines[0]
    assert "(simulated data)" in lines[0]
    assert lines[1] == f"bundle: {tmp_path / 'run' / 'bundle'}"
    assert loaded.card.bands == schemas.CROP_BANDS
    assert loaded.card.settings["epochs"] == 2
    assert loaded.card.training_data == bundle.describe(crops.info)
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    assert [one["epoch"] for one in history] == [1, 2]
    assert train.run(config) == lines  # A finished run is not trained on.


def test_what_is_missing_is_named_before_anything_is_trained(
    made_experiment, crops, tmp_path, monkeypatch
):
    config = train.Config(
        experiment="made", data_dir=str(tmp_path), out=tmp_path / "run"
    )
    with pytest.raises(FileNotFoundError, match="no prepared 'made_crops'"):
        train.run(config)
    chosen = dataclasses.replace(made_experiment, validation="dev")
    monkeypatch.setattr(train.experiment, "find", lambda name: chosen)
    with pytest.raises(ValueError, match=r"no split 'dev'; .* train, validation"):
        train.run(dataclasses.replace(config, data_dir=data_dir_of(crops)))
    assert not (tmp_path / "run").exists()
