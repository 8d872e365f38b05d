import numpy as np
import pytest
import sklearn.utils.class_weight

from models import class_weights
from models.sources import InMemory, Split


def test_balanced_weights_are_those_of_scikit_learn():
    labels = np.repeat([0, 1, 3], [7, 2, 11])
    counts = np.bincount(labels, minlength=5)
    expected = sklearn.utils.class_weight.compute_class_weight(
        "balanced", classes=np.array([0, 1, 3]), y=labels
    )
    found = class_weights.weigh_classes(counts, "balanced")
    np.testing.assert_allclose(found, [expected[0], expected[1], 0, expected[2], 0])


def test_root_weights_by_hand():
    # Inverse roots 1, 1/2, 1/3; over the 14 examples they sum to 1 + 2 + 3.
    found = class_weights.weigh_classes(np.array([1, 4, 9]), "root")
    np.testing.assert_allclose(found, np.array([1, 1 / 2, 1 / 3]) * 14 / 6, rtol=1e-6)


def test_without_weighting_each_example_counts_once():
    found = class_weights.weigh_classes(np.array([1, 4, 9]), "none")
    assert found.tolist() == [1, 1, 1]


def test_no_examples_and_unknown_weightings_are_refused():
    with pytest.raises(ValueError, match="every class has none"):
        class_weights.weigh_classes(np.zeros(3, int), "balanced")
    with pytest.raises(ValueError, match="none, root, balanced; got 'log'"):
        class_weights.weigh_classes(np.ones(3, int), "log")


def test_labels_are_counted_over_all_files_of_a_split(crops, made_series):
    expected = np.bincount(made_series(700, seed=1)["label"], minlength=5)
    found = class_weights.count_labels(Split(crops, "train"), 5)
    assert found.tolist() == expected.tolist()


def test_a_label_beyond_the_classes_is_refused():
    source = InMemory({"label": np.array([0, 2, 4])})
    with pytest.raises(ValueError, match=r"label must lie in \[0, 4\); got 4"):
        class_weights.count_labels(source, 4)
