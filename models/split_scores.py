"""What there is to say of a model on one split, all from its confusion matrix."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from models import metrics
from tfds_eo.legends import Legend


@dataclasses.dataclass(frozen=True, eq=False)
class SplitScores:
    """Scores of one split.

    Attributes:
        split: Name of the split.
        legend: The classes.
        confusion: Number of examples, ``[true class, predicted class]``.
    """

    split: str
    legend: Legend
    confusion: npt.NDArray[np.integer]

    def __post_init__(self) -> None:
        count = len(self.legend)
        if self.confusion.shape != (count, count):
            raise ValueError(
                f"the confusion matrix of split {self.split!r} must be"
                f" {(count, count)}, by legend {self.legend.name!r}; got"
                f" {self.confusion.shape}"
            )
        if not self.confusion.any():
            raise ValueError(f"split {self.split!r} must have examples; it has none")

    @property
    def examples(self) -> int:
        """Number of examples."""
        return int(self.confusion.sum())

    @property
    def support(self) -> npt.NDArray[np.integer]:
        """Number of examples of each class."""
        return self.confusion.sum(axis=1)

    @property
    def headline(self) -> dict[str, float]:
        """Scores of the whole split, by name."""
        return {
            "overall_accuracy": metrics.overall_accuracy(self.confusion),
            "macro_f1": metrics.macro_f1(self.confusion),
            "weighted_f1": metrics.weighted_f1(self.confusion),
            "kappa": metrics.kappa(self.confusion),
        }

    @property
    def by_class(self) -> dict[str, npt.NDArray[np.float64]]:
        """Scores of each class, by name; NaN where a class does not occur."""
        return {
            "f1": metrics.f1(self.confusion),
            "precision": metrics.precision(self.confusion),
            "recall": metrics.recall(self.confusion),
        }

    def confused_pairs(self) -> list[tuple[int, int]]:
        """Returns pairs of true and predicted class, the most frequent one first."""
        wrong = self.confusion * (1 - np.eye(len(self.legend), dtype=int))
        order = np.argsort(-wrong, axis=None, kind="stable")
        pairs = zip(*np.unravel_index(order, wrong.shape), strict=True)
        return [(int(true), int(taken)) for true, taken in pairs if wrong[true, taken]]

    def as_json(self) -> dict[str, Any]:
        """Returns all scores as JSON; what does not exist is null."""
        by_class, support = self.by_class, self.support
        return {
            "examples": self.examples,
            **{name: _number(value) for name, value in self.headline.items()},
            "classes": [
                {
                    "id": one.id,
                    "name": one.name,
                    **{name: _number(by_class[name][one.id]) for name in by_class},
                    "support": int(support[one.id]),
                }
                for one in self.legend.classes
            ],
            "confusion": self.confusion.tolist(),
        }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 6)
