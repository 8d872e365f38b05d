"""Finds a prepared data set by its name or folder."""

from __future__ import annotations

import difflib
import os
import pathlib
import re

import tensorflow_datasets as tfds

import tfds_eo


def open_prepared(
    dataset: str, data_dir: str | os.PathLike[str] | None = None
) -> tfds.core.DatasetBuilder:
    """Returns the builder of a data set that has been prepared.

    Args:
        dataset: Name of a data set, alone or as ``name/config`` or its full name
            ``name/config/1.0.0``; or the folder of a prepared one, which needs no code.
        data_dir: Folder of prepared data sets; None for the one of TFDS.

    Raises:
        ValueError: If no data set has this name.
        FileNotFoundError: If it has not been prepared in ``data_dir``.
    """
    if (pathlib.Path(dataset) / "dataset_info.json").is_file():
        return tfds.builder_from_directory(dataset)
    folder = os.fspath(data_dir or tfds.core.constants.DATA_DIR)
    try:
        builder = tfds.builder(_with_colon(dataset), data_dir=folder)
    except tfds.core.DatasetNotFoundError as error:
        known = [kind.name for kind in tfds_eo.BUILDERS]
        near = difflib.get_close_matches(dataset, known, n=1) or known
        raise ValueError(
            f"no data set is called {dataset!r}, and none is prepared under that name"
            f" in {folder!r}; there is {', '.join(near)}"
        ) from error
    if not builder.is_prepared():
        raise FileNotFoundError(
            f"no prepared {dataset!r} in {folder!r}; run `tfds-eo prepare"
            f" {dataset.partition('/')[0]} --data_dir {folder}` first"
        )
    return builder


def check_split(builder: tfds.core.DatasetBuilder, split: str) -> None:
    """Checks that a prepared data set has a split, whole or sliced.

    Raises:
        ValueError: If it has no such split.
    """
    try:
        builder.info.splits[split]
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"{builder.info.full_name} has no split {split!r}; its splits are"
            f" {', '.join(builder.info.splits)}"
        ) from error


def is_simulated(builder: tfds.core.DatasetBuilder) -> bool:
    """Tells whether a data set was made of simulated products."""
    return bool((builder.info.metadata or {}).get("simulated", False))


def _with_colon(dataset: str) -> str:
    """Turns a full name into what `tfds.builder` takes: a colon before the version."""
    return re.sub(r"/(\d+\.\d+\.\d+)$", r":\1", dataset)
