"""Scores of a split from its confusion matrix."""

import json

import numpy as np
import pytest
from sklearn.metrics import f1_score

from models.split_scores import SplitScores
from tfds_eo.legends import legend_of

LEGEND = legend_of(
    "made", [("Rye", "#112233"), ("Beet", "#445566"), ("Soy", "#778899")]
)


def test_the_json_holds_what_scikit_learn_finds():
    confusion = np.array([[5, 2, 1], [0, 3, 4], [6, 0, 7]])
    truth = np.repeat([0, 1, 2], confusion.sum(axis=1))
    taken = np.concatenate([np.repeat([0, 1, 2], row) for row in confusion])
    found = json.loads(json.dumps(SplitScores("test", LEGEND, confusion).as_json()))
    assert found["examples"] == 28
    assert found["overall_accuracy"] == pytest.approx(15 / 28, abs=1e-6)
    expected = f1_score(truth, taken, average=None)
    assert [c["f1"] for c in found["classes"]] == pytest.approx(expected, abs=1e-6)
    assert found["macro_f1"] == pytest.approx(expected.mean(), abs=1e-6)
    assert [c["name"] for c in found["classes"]] == ["rye", "beet", "soy"]
    assert [c["support"] for c in found["classes"]] == [8, 7, 13]
    assert found["confusion"] == confusion.tolist()


def test_a_class_that_does_not_occur_has_null_scores():
    found = SplitScores("test", LEGEND, np.diag([3, 5, 0])).as_json()
    assert found["classes"][2]["f1"] is None
    assert found["macro_f1"] == 1.0
    json.dumps(found, allow_nan=False)


def test_confused_pairs_come_most_frequent_first_and_without_right_ones():
    confusion = np.array([[90, 2, 0], [7, 50, 4], [0, 0, 3]])
    pairs = SplitScores("test", LEGEND, confusion).confused_pairs()
    assert pairs == [(1, 0), (1, 2), (0, 1)]


def test_a_matrix_that_does_not_fit_or_is_empty_is_refused():
    with pytest.raises(ValueError, match=r"split 'test' must be \(3, 3\).*\(2, 2\)"):
        SplitScores("test", LEGEND, np.eye(2, dtype=int))
    with pytest.raises(ValueError, match="split 'test' must have examples"):
        SplitScores("test", LEGEND, np.zeros((3, 3), int))
