"""Label codes of files to the classes of a legend: stated or read, never guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tfds_eo.legends import Legend

MOST_CODES = 64
"""Number of different values above which an array is no array of labels."""


def label_codes(name: str, values: npt.NDArray) -> list[str]:
    """Returns the label of each example as text, however it is coded.

    Takes integers (also as real numbers), text, column or row vectors, and one-hot
    rows, whose code is the place of the 1.

    Raises:
        ValueError: If the values are no labels.
    """
    values = np.asarray(values)
    if values.ndim == 2 and 1 in values.shape:
        values = values.reshape(-1)
    if values.ndim == 2 and is_one_hot(values):
        values = values.argmax(axis=1)
    if values.ndim != 1:
        raise ValueError(
            f"labels {name} must be a vector, a column or one-hot rows; got"
            f" {values.dtype} {values.shape}"
        )
    if values.dtype.kind == "S":
        return [v.decode("utf-8", "replace").strip() for v in values.tolist()]
    if values.dtype.kind == "U":
        return [v.strip() for v in values.tolist()]
    numbers = values.astype(np.float64)
    if not np.isfinite(numbers).all() or (numbers != np.round(numbers)).any():
        raise ValueError(f"labels {name} must be whole numbers; got {values[:5]!r}")
    return [str(v) for v in numbers.astype(np.int64).tolist()]


def is_one_hot(values: npt.NDArray) -> bool:
    """Tells whether each row holds a single 1 and else 0."""
    if values.ndim != 2 or not 2 <= values.shape[1] <= MOST_CODES:
        return False
    if values.dtype.kind not in "iubf":
        return False
    return bool(((values == 0) | (values == 1)).all() and (values.sum(1) == 1).all())


def counts_of(codes: Sequence[str]) -> dict[str, int]:
    """Returns how often each code occurs, numbers in their order, then text."""
    values, counts = np.unique(np.array(codes, np.str_), return_counts=True)
    found = dict(zip(values.tolist(), counts.tolist(), strict=True))
    return dict(sorted(found.items(), key=lambda item: _order(item[0])))


def _order(code: str) -> tuple[int, int, str]:
    plain = code.removeprefix("-").isdigit()
    return (0, int(code), "") if plain else (1, 0, code)


def class_ids(
    name: str,
    codes: Sequence[str],
    legend: Legend,
    stated: Mapping[str, str],
    *,
    section: str,
) -> tuple[npt.NDArray[np.int64], str]:
    """Returns the class of each example, and why.

    A code is a class if the manifest says so, or if it is text that spells the class's
    name but for case, blanks and punctuation.

    Args:
        name: Name of the labels, for messages.
        codes: Label of each example.
        legend: The classes.
        stated: Class by code, from the manifest or from names found in the data.
        section: Section of the manifest that would settle it.

    Raises:
        ValueError: If a code has no class, or the mapping names an unknown class.
    """
    spelt = {plain_name(c.name): c.id for c in legend.classes}
    spelt |= {plain_name(c.title): c.id for c in legend.classes}
    ids = {}
    for code, class_name in stated.items():
        if plain_name(class_name) not in spelt:
            raise ValueError(
                f"classes of {section} must be classes of legend {legend.name!r}"
                f" ({', '.join(legend.names)}); got {class_name!r} for code {code!r}"
            )
        ids[code] = spelt[plain_name(class_name)]
    found = counts_of(codes)
    read = {c: spelt[plain_name(c)] for c in found if plain_name(c) in spelt}
    ids = read | ids
    unknown = {code: count for code, count in found.items() if code not in ids}
    if unknown:
        raise ValueError(
            f"every label code of {name} must have a class; these have none (with their"
            f" counts): {unknown}; state in [{section}.classes] of the manifest which"
            f" code is which of {', '.join(legend.names)}"
        )
    why = "stated" if stated else "the labels spell the names of the classes"
    return np.array([ids[code] for code in codes], np.int64), why


def plain_name(name: str) -> str:
    """Returns a class name without case, blanks and punctuation."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
