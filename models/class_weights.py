"""How much an example of each class counts in the loss."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from models.sources import Source
from models.steps import UNKNOWN

Weighting = Literal["none", "root", "balanced"]
"""How much an example of a rare class counts: as any other, or by the inverse root, or
the inverse, of how often its class occurs."""

_COUNTING_BATCH = 512


def count_labels(
    source: Source, classes: int, target: str = "label"
) -> npt.NDArray[np.int64]:
    """Returns how many examples of each class a source has, over all workers.

    Of a raster it counts the pixels; what is `models.steps.UNKNOWN` is left out.
    """
    counts = np.zeros(classes, np.int64)
    labels: Iterator[npt.NDArray] = (
        source.batches(_COUNTING_BATCH)
        .map(lambda record: record[target])
        .prefetch(tf.data.AUTOTUNE)
        .as_numpy_iterator()
    )
    for batch in labels:
        known = np.ravel(batch)
        found = np.bincount(known[known != UNKNOWN], minlength=classes)
        if len(found) > classes:
            raise ValueError(
                f"{target} must lie in [0, {classes}); got {len(found) - 1}"
            )
        counts += found
    return counts


def weigh_classes(
    counts: npt.NDArray[np.integer], weighting: Weighting
) -> npt.NDArray[np.float32]:
    """Returns how much an example of each class counts; 1 on average over examples.

    Args:
        counts: Examples of each class; a class of none gets 0.
        weighting: ``none``: 1 each. ``balanced``: the inverse of the count. ``root``:
            the inverse of its root, between the two.

    Raises:
        ValueError: If there are no examples at all, or no such weighting.
    """
    counts = np.asarray(counts, np.float64)
    if not counts.sum() > 0:
        raise ValueError("class weights need examples; every class has none")
    powers = {"none": 0.0, "root": -0.5, "balanced": -1.0}
    if weighting not in powers:
        raise ValueError(
            f"weighting must be one of {', '.join(powers)}; got {weighting!r}"
        )
    present = counts > 0
    weights = np.where(present, np.maximum(counts, 1) ** powers[weighting], 0.0)
    return (weights * counts.sum() / (weights * counts).sum()).astype(np.float32)
