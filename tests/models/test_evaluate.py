"""The command that scores a model: what it writes, and whether it is true."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from PIL import Image

from models import bundle, crop_lstm, evaluate, metrics
from tfds_eo import legends

SPLITS = ("validation", "train[:100]")


@pytest.fixture(scope="module")
def path(tmp_path_factory, crops, card):
    """A bundle that has learned nothing, in a run's folder with a history."""
    keras.utils.set_random_seed(5)  # Right now and then, by chance.
    names = crops.info.features["label"].names
    legend = legends.legend_of("made", [(name, "#112233") for name in names])
    run = tmp_path_factory.mktemp("run")
    model = crop_lstm.crop_lstm(5, units=5)
    bundle.save(run / "bundle", model, dataclasses.replace(card, legend=legend))
    history = [{"epoch": 1, "loss": 1.5, "val_loss": 1.75, "seconds": 61.0}]
    (run / "history.json").write_text(json.dumps(history))
    return run / "bundle"


@pytest.fixture(scope="module")
def written(path, crops):
    """The folder that the command writes, and its result lines."""
    data_dir = crops.data_path.parents[1]
    config = evaluate.Config(bundle=path, data_dir=str(data_dir), splits=SPLITS)
    return config.folder, evaluate.run(config)


def test_the_scores_are_those_of_the_predictions(written, path, made_series):
    folder, _ = written
    found = json.loads((folder / "scores.json").read_text())
    columns = made_series(150, seed=2)
    predicted = bundle.load(path).predict(columns).argmax(axis=1)
    expected = metrics.confusion_matrix(columns["label"], predicted, 5)
    scores = found["splits"]["validation"]
    assert scores["confusion"] == expected.tolist()
    accuracy = np.mean(columns["label"] == predicted)
    assert scores["overall_accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert list(found["splits"]) == list(SPLITS)
    assert found["splits"]["train[:100]"]["examples"] == 100
    assert (found["simulated"], found["dataset"]) == (True, "made_crops/1.0.0")


def test_a_picture_and_a_report_stand_beside_them(written):
    folder, (table, *lines) = written
    names = ["confusion_train__100.png", "confusion_validation.png"]
    assert sorted(p.name for p in folder.iterdir()) == [
        *names,
        "report.html",
        "scores.json",
    ]
    with Image.open(folder / names[0]) as picture:
        assert min(picture.size) > 300
    assert table.row_count == 2
    assert {line.partition(": ")[2] for line in lines} == {
        str(p) for p in folder.iterdir()
    }
    page = (folder / "report.html").read_text("utf-8")
    for text in ("How it learned", "1 epochs, 1 min 1 s", "made_lstm on made_crops"):
        assert text in page


def test_examples_are_right_or_wrong_as_the_model_says(path, crops):
    loaded = bundle.load(path)
    confusion = evaluate.confusion_of(loaded, crops, "validation")
    scores = evaluate.SplitScores("validation", loaded.card.legend, confusion)
    found = evaluate.find_examples(loaded, crops, scores)
    assert {one.is_right for one in found} == {True, False}
    for one in found:
        batch = {name: one.record[name][None] for name in loaded.inputs}
        logits = loaded.predict(batch)[0].astype(np.float64)
        assert logits.argmax() == one.predicted
        chance = np.exp(logits - logits.max())
        expected = chance.max() / chance.sum()
        assert one.confidence == pytest.approx(expected, abs=1e-4)
    pairs = [(int(x.record["label"]), x.predicted) for x in found if not x.is_right]
    assert pairs == scores.confused_pairs()[: len(pairs)]


def test_the_number_of_weights_is_that_of_the_model(path):
    trained = sum(
        int(np.prod(w.shape)) for w in crop_lstm.crop_lstm(5, units=5).trainable_weights
    )
    assert bundle.load(path).weights == trained


def test_mistakes_are_named_before_anything_is_computed(path, crops, tmp_path):
    data_dir = str(crops.data_path.parents[1])
    with pytest.raises(ValueError, match="no split 'tset'; its splits are train, val"):
        evaluate.run(evaluate.Config(bundle=path, data_dir=data_dir, splits=("tset",)))
    with pytest.raises(FileNotFoundError, match="no bundle in"):
        evaluate.run(evaluate.Config(bundle=tmp_path, data_dir=data_dir))
    with pytest.raises(ValueError, match="at least one split"):
        evaluate.Config(bundle=path, splits=())
    with pytest.raises(ValueError, match="splits must differ; got a, a"):
        evaluate.Config(bundle=path, splits=("a", "a"))
