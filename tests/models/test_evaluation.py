import dataclasses

import keras
import numpy as np
import pytest

from models import bundle, crop_lstm, evaluation, metrics
from models.sources import InMemory
from tfds_eo import legends


@pytest.fixture(scope="module")
def loaded(tmp_path_factory, crops, card):
    keras.utils.set_random_seed(1)
    names = crops.info.features["label"].names
    legend = legends.legend_of("made", [(name, "#112233") for name in names])
    path = tmp_path_factory.mktemp("evaluated") / "bundle"
    model = crop_lstm.crop_lstm(5, units=5)
    bundle.save(path, model, dataclasses.replace(card, legend=legend))
    return bundle.load(path)


def test_the_confusion_of_a_split_is_that_of_its_predictions(
    loaded, crops, made_series, monkeypatch
):
    monkeypatch.setattr(evaluation, "BATCH_SIZE", 64)  # 150 = 64 + 64 + 22.
    columns = made_series(150, seed=2)
    predicted = loaded.predict(columns).argmax(axis=1)
    expected = metrics.confusion_matrix(columns["label"], predicted, 5)
    found = evaluation.confusion_of(loaded, crops, "validation")
    assert found.tolist() == expected.tolist()
    assert len(np.unique(predicted)) > 1
    in_memory = evaluation.confusion_of_source(loaded, InMemory(columns))
    assert in_memory.tolist() == expected.tolist()


def test_a_data_set_of_other_classes_is_refused(loaded, crops, card):
    other = bundle.Bundle(
        loaded.path, dataclasses.replace(loaded.card, legend=card.legend)
    )
    with pytest.raises(
        ValueError, match=r"must be those of the bundle .*, rye, beet; got"
    ):
        evaluation.confusion_of(other, crops, "validation")
