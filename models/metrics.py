"""Every score from one confusion matrix: rows are the truth, columns the prediction.

A class that occurs neither in the truth nor in the prediction has no F1, precision,
recall or IoU (NaN) and is left out of every mean. A class that is predicted but never
true, or true but never predicted, counts with 0: this is scikit-learn's rule for the
labels that occur, with ``zero_division=0``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Confusion = npt.NDArray[np.integer]
"""Number of examples by true class (row) and predicted class (column)."""

Scores = npt.NDArray[np.float64]
"""A number in [0, 1] for each class, NaN where the class does not occur."""


def confusion_matrix(
    truth: npt.ArrayLike, predicted: npt.ArrayLike, classes: int
) -> npt.NDArray[np.int64]:
    """Counts pairs of true and predicted class.

    Args:
        truth: Class of each example, in [0, classes).
        predicted: Class that was predicted for each example, in [0, classes).
        classes: Number of classes.

    Raises:
        ValueError: If the two differ in length or a class is out of range.
    """
    rows, columns = np.ravel(truth), np.ravel(predicted)
    if rows.shape != columns.shape:
        raise ValueError(
            "truth and prediction must have one class an example each; got"
            f" {rows.size} and {columns.size}"
        )
    for name, ids in (("true", rows), ("predicted", columns)):
        if ids.size and not 0 <= ids.min() <= ids.max() < classes:
            raise ValueError(
                f"{name} classes must lie in [0, {classes}); got {ids.min()} to"
                f" {ids.max()}"
            )
    pairs = rows.astype(np.int64) * classes + columns.astype(np.int64)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def overall_accuracy(confusion: Confusion) -> float:
    """Returns the share of examples that are right; NaN without examples."""
    found = _checked(confusion)
    return float(_ratio(np.trace(found), found.sum()))


def precision(confusion: Confusion) -> Scores:
    """Returns, of what was predicted as each class, the share that is of it."""
    found = _checked(confusion)
    return _score(np.diag(found), found.sum(axis=0), found)


def recall(confusion: Confusion) -> Scores:
    """Returns, of what is of each class, the share that was predicted as such."""
    found = _checked(confusion)
    return _score(np.diag(found), found.sum(axis=1), found)


def f1(confusion: Confusion) -> Scores:
    """Returns the harmonic mean of precision and recall of each class."""
    found = _checked(confusion)
    return _score(2 * np.diag(found), found.sum(axis=0) + found.sum(axis=1), found)


def iou(confusion: Confusion) -> Scores:
    """Returns intersection over union of truth and prediction of each class."""
    found = _checked(confusion)
    hits = np.diag(found)
    return _score(hits, found.sum(axis=0) + found.sum(axis=1) - hits, found)


def macro_f1(confusion: Confusion) -> float:
    """Returns the mean F1 of the classes that occur; NaN without examples."""
    scores = f1(confusion)
    present = scores[~np.isnan(scores)]
    return float(present.mean()) if present.size else float("nan")


def weighted_f1(confusion: Confusion) -> float:
    """Returns the mean F1, each class weighted by how often it is true."""
    support = _checked(confusion).sum(axis=1)
    scores = np.nan_to_num(f1(confusion), nan=0.0)
    return float(_ratio((scores * support).sum(), support.sum()))


def kappa(confusion: Confusion) -> float:
    """Returns Cohen's kappa: accuracy beyond what chance would reach.

    NaN without examples, and where chance alone is always right (one class only).
    """
    found = _checked(confusion)
    total = found.sum()
    chance = float(_ratio(found.sum(axis=0) @ found.sum(axis=1), total**2))
    if not chance < 1:
        return float("nan")
    return (overall_accuracy(confusion) - chance) / (1 - chance)


def _checked(confusion: Confusion) -> npt.NDArray[np.float64]:
    """Returns the counts as float64, in which they and their products are safe."""
    found = np.asarray(confusion)
    if found.ndim != 2 or found.shape[0] != found.shape[1]:
        raise ValueError(f"a confusion matrix must be square; got shape {found.shape}")
    if found.size and found.min() < 0:
        raise ValueError(f"a confusion matrix must not be negative; got {found.min()}")
    return found.astype(np.float64)


def _score(
    part: npt.NDArray[np.float64],
    whole: npt.NDArray[np.float64],
    confusion: npt.NDArray[np.float64],
) -> Scores:
    """Divides; 0 where a class occurs without a share, NaN where it does not occur."""
    occurs = confusion.sum(axis=0) + confusion.sum(axis=1) > 0
    shares = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return np.where(occurs, shares, np.nan)


def _ratio(part: np.floating, whole: np.floating) -> np.floating:
    return np.divide(part, whole) if whole else np.float64("nan")
