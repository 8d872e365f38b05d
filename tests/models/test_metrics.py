import warnings

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from models import metrics

CLASSES = 6
pairs = st.lists(
    st.tuples(st.integers(0, CLASSES - 1), st.integers(0, CLASSES - 1)),
    min_size=1,
    max_size=60,
)


@given(pairs)
def test_every_score_is_that_of_scikit_learn(found):
    truth, predicted = np.array(found).T
    confusion = metrics.confusion_matrix(truth, predicted, CLASSES)
    everything = list(range(CLASSES))
    np.testing.assert_array_equal(
        confusion, sklearn.metrics.confusion_matrix(truth, predicted, labels=everything)
    )
    occurs = np.isin(everything, [*truth, *predicted])
    precision, recall, f1, _ = sklearn.metrics.precision_recall_fscore_support(
        truth, predicted, labels=everything, zero_division=0
    )
    iou = sklearn.metrics.jaccard_score(
        truth, predicted, labels=everything, average=None, zero_division=0
    )
    for name, expected in (
        ("precision", precision),
        ("recall", recall),
        ("f1", f1),
        ("iou", iou),
    ):
        scores = getattr(metrics, name)(confusion)
        assert np.isnan(scores).tolist() == (~occurs).tolist()
        np.testing.assert_allclose(scores[occurs], expected[occurs], rtol=1e-12)
    for score, average in (("macro_f1", "macro"), ("weighted_f1", "weighted")):
        expected = sklearn.metrics.f1_score(
            truth, predicted, average=average, zero_division=0
        )
        assert getattr(metrics, score)(confusion) == pytest.approx(expected)
    accuracy = sklearn.metrics.accuracy_score(truth, predicted)
    assert metrics.overall_accuracy(confusion) == pytest.approx(accuracy)
    with warnings.catch_warnings():  # One class only: no chance to beat.
        warnings.simplefilter("ignore")
        kappa = sklearn.metrics.cohen_kappa_score(truth, predicted)
    assert metrics.kappa(confusion) == pytest.approx(kappa, nan_ok=True, abs=1e-12)


def test_scores_by_hand():
    confusion = np.array([[3, 1, 0, 0], [2, 4, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]])
    nan = float("nan")
    np.testing.assert_allclose(metrics.precision(confusion), [3 / 6, 4 / 5, nan, 0])
    np.testing.assert_allclose(metrics.recall(confusion), [3 / 4, 4 / 6, nan, 0])
    np.testing.assert_allclose(metrics.f1(confusion), [6 / 10, 8 / 11, nan, 0])
    np.testing.assert_allclose(metrics.iou(confusion), [3 / 7, 4 / 7, nan, 0])
    assert metrics.macro_f1(confusion) == pytest.approx((6 / 10 + 8 / 11) / 3)
    assert metrics.overall_accuracy(confusion) == pytest.approx(7 / 11)
    chance = (6 * 4 + 5 * 6) / 121
    assert metrics.kappa(confusion) == pytest.approx((7 / 11 - chance) / (1 - chance))


def test_counts_beyond_32_bits_do_not_overflow():
    confusion = np.array([[4_000_000_000, 0], [1_000_000_000, 3_000_000_000]])
    chance = (5 * 4 + 3 * 4) / 64
    assert metrics.kappa(confusion) == pytest.approx((7 / 8 - chance) / (1 - chance))


def test_nothing_has_no_scores():
    nothing = np.zeros((3, 3), int)
    for score in ("overall_accuracy", "macro_f1", "weighted_f1", "kappa"):
        assert np.isnan(getattr(metrics, score)(nothing))
    assert np.isnan(metrics.f1(nothing)).all()


@pytest.mark.parametrize(
    ("confusion", "message"),
    [(np.zeros((2, 3)), r"square; got shape \(2, 3\)"), ([[1, -1], [0, 1]], "got -1")],
)
def test_what_is_no_confusion_matrix_is_refused(confusion, message):
    with pytest.raises(ValueError, match=message):
        metrics.f1(np.asarray(confusion))


def test_classes_out_of_range_and_odd_lengths_are_refused():
    with pytest.raises(
        ValueError, match=r"true classes must lie in \[0, 3\); got 1 to 3"
    ):
        metrics.confusion_matrix([1, 3], [0, 0], 3)
    with pytest.raises(ValueError, match=r"predicted classes .* got -1 to 0"):
        metrics.confusion_matrix([1, 2], [-1, 0], 3)
    with pytest.raises(ValueError, match="got 2 and 1"):
        metrics.confusion_matrix([1, 2], [0], 3)
