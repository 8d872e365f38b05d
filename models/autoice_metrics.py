"""The scores of the AutoICE challenge, from the confusion matrix of each target.

As its organisers compute them: R2 of the ice concentration (SIC), F1 weighted by
support of the stage of development (SOD) and of the floe size (FLOE), over all pixels
whose class is known, and their mean with weights 2, 2 and 1. In the challenge R2 and F1
are told in percent; here they are shares.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models import metrics
from models.checkpoints import Numbers

TARGETS = {"sic": 11, "sod": 6, "floe": 7}
"""Number of classes of each target; those of SIC are the tenths 0 to 10."""

WEIGHTS = {"sic": 2.0, "sod": 2.0, "floe": 1.0}
"""Weight of each target's score in the combined one."""


def autoice_scores(confusions: Mapping[str, metrics.Confusion]) -> Numbers:
    """Returns ``sic_r2``, ``sod_f1``, ``floe_f1`` and ``combined``.

    Args:
        confusions: Number of pixels by true class (row) and predicted class (column),
            for each of `TARGETS`.
    """
    found = {
        "sic": r2(confusions["sic"]),
        "sod": metrics.weighted_f1(confusions["sod"]),
        "floe": metrics.weighted_f1(confusions["floe"]),
    }
    combined = sum(WEIGHTS[name] * found[name] for name in found)
    return {
        "sic_r2": found["sic"],
        "sod_f1": found["sod"],
        "floe_f1": found["floe"],
        "combined": combined / sum(WEIGHTS.values()),
    }


def r2(confusion: metrics.Confusion) -> float:
    """Returns the coefficient of determination of class numbers.

    1 less the squared errors over the squared deviations of the truth from its mean;
    NaN where the truth has one class only.

    Args:
        confusion: Square matrix of counts; a class's number is its value.
    """
    counts = np.asarray(confusion, np.float64)
    value = np.arange(len(counts))
    truth = counts.sum(axis=1)
    if not np.count_nonzero(truth) > 1:
        return float("nan")
    mean = (truth * value).sum() / truth.sum()
    errors = (counts * (value[:, None] - value[None]) ** 2).sum()
    return float(1 - errors / (truth * (value - mean) ** 2).sum())
