"""A trained model with what one who maps with it must know.

A bundle is a folder: ``saved_model`` predicts without any code of ours, ``model.keras``
is for training on, ``bundle.json`` says what goes in and what comes out. Loading one
imports neither the training code nor the model's.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import os
import pathlib
import shutil
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_datasets as tfds

from tfds_eo import schemas
from tfds_eo.legends import Legend, LegendClass

if TYPE_CHECKING:
    import keras

VERSION = 1
"""Version of the folder's layout and of ``bundle.json``."""

PACKAGES = ("tfds-eo", "tensorflow", "keras", "tensorflow-datasets", "numpy")
"""Packages whose versions a bundle carries."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Input:
    """One input of a model.

    Attributes:
        shape: Size of each dimension behind the batch, None where it is free.
        dtype: Name of the NumPy type.
    """

    shape: tuple[int | None, ...]
    dtype: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingData:
    """What a model has learnt from.

    Attributes:
        dataset: Full name of the data set, with config and version.
        examples: Number of examples of each split.
        fingerprint: SHA-256 over names, shard lengths and sizes of all splits and over
            the metadata of the data set.
        simulated: Whether the data are made, not measured.
    """

    dataset: str
    examples: dict[str, int]
    fingerprint: str
    simulated: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Card:
    """What a bundle says of its model.

    Attributes:
        experiment: Name of the experiment.
        bands: What the last dimension of the image or series input is, in order.
        units: Unit of the bands.
        legend: Classes of the logits, by id.
        inputs: Inputs by name.
        training_data: What the model has learnt from.
        scores: Scores by name, such as ``validation/macro_f1``.
        settings: What decided the training: seed, batch size and so on.
        schema_version: Version of the records that the model reads.
        packages: Versions of the packages that made the bundle.
    """

    experiment: str
    bands: tuple[str, ...]
    units: str
    legend: Legend
    inputs: dict[str, Input]
    training_data: TrainingData
    scores: dict[str, float]
    settings: dict[str, str | int | float | bool | None]
    schema_version: int = schemas.SCHEMA_VERSION
    packages: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def simulated(self) -> bool:
        """Whether the model has learnt from made data."""
        return self.training_data.simulated


class Bundle:
    """A model that predicts, and its card.

    Attributes:
        path: Folder of the bundle.
        card: What the bundle says of its model.
    """

    def __init__(self, path: pathlib.Path, card: Card) -> None:
        """Loads the model of a bundle; use `load`, which reads the card too."""
        self.path = path
        self.card = card
        self._model = tf.saved_model.load(str(path / "saved_model"))

    def logits(self, batch: Mapping[str, Any]) -> tf.Tensor:
        """Returns the logits of a batch; it works inside a `tf.function` too.

        Args:
            batch: Tensors or arrays by name of input, the examples first. What the
                model does not read is left aside.

        Returns:
            Logits ``[batch, ..., classes]``, float32; a dict by target if there are
            several.

        Raises:
            ValueError: If an input is missing or of another type than the model's.
        """
        return self._model.serve(
            {name: self._take(batch, name) for name in self.inputs}
        )

    def predict(self, batch: Mapping[str, Any]) -> npt.NDArray[np.float32]:
        """Returns `logits` as an array."""
        return tf.nest.map_structure(lambda found: found.numpy(), self.logits(batch))

    @property
    def inputs(self) -> Sequence[str]:
        """Names of the inputs."""
        return tuple(self.card.inputs)

    @property
    def weights(self) -> int:
        """Number of floating-point numbers that the model consists of."""
        variables = self._model.variables
        return sum(v.shape.num_elements() for v in variables if v.dtype.is_floating)

    def _take(self, batch: Mapping[str, Any], name: str) -> tf.Tensor:
        """Returns an input of a batch as the model takes it."""
        if name not in batch:
            raise ValueError(
                f"a batch for {self.path} must have {', '.join(self.inputs)}; it has"
                f" {', '.join(batch) or 'nothing'}"
            )
        expected = self.card.inputs[name]
        values = batch[name]
        found = tf.as_dtype(values.dtype).name
        shape = tuple(values.shape)
        fits = len(shape) == 1 + len(expected.shape) and all(
            size is None or other is None or size == other
            for size, other in zip(expected.shape, shape[1:], strict=True)
        )
        if found != expected.dtype or not fits:
            raise ValueError(
                f"input {name!r} of {self.path} must be {expected.dtype} of shape"
                f" [batch, {', '.join(str(n or 'any') for n in expected.shape)}]; got"
                f" {found} of shape {list(shape)}"
            )
        return tf.convert_to_tensor(values)


def save(path: pathlib.Path, model: keras.Model, card: Card) -> None:
    """Writes a bundle whole, or not at all; one that is there is replaced.

    Args:
        path: Folder of the bundle.
        model: Functional model with a dict of inputs, in float32 and made without a
            strategy; its output are the logits.
        card: What to say of the model; ``inputs`` and ``packages`` are filled in.
    """
    specs = {
        name: tf.TensorSpec(tensor.shape, tensor.dtype, name=name)
        for name, tensor in model.input.items()
    }
    card = dataclasses.replace(
        card,
        inputs={
            name: Input(shape=tuple(spec.shape[1:]), dtype=spec.dtype.name)
            for name, spec in specs.items()
        },
        packages={name: importlib.metadata.version(name) for name in PACKAGES},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        model.export(
            str(temporary / "saved_model"), input_signature=[specs], verbose=False
        )
        model.save(temporary / "model.keras")
        text = json.dumps(_as_json(card), indent=1, ensure_ascii=False)
        (temporary / "bundle.json").write_text(text + "\n", "utf-8")
        _replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def load(path: str | os.PathLike[str]) -> Bundle:
    """Loads a bundle.

    Raises:
        FileNotFoundError: If there is no bundle at ``path``.
        ValueError: If its version, or that of its records, is not known here.
    """
    path = pathlib.Path(path)
    return Bundle(path, read_card(path))


def read_card(path: str | os.PathLike[str]) -> Card:
    """Reads what a bundle says of its model, without loading the model.

    Raises:
        FileNotFoundError: If there is no bundle at ``path``.
        ValueError: If its version, or that of its records, is not known here.
    """
    file = pathlib.Path(path) / "bundle.json"
    if not file.is_file():
        raise FileNotFoundError(
            f"no bundle in {path}: it has no bundle.json; `tfds-eo train` writes one"
        )
    found = json.loads(file.read_text("utf-8"))
    for key, known in (
        ("version", VERSION),
        ("schema_version", schemas.SCHEMA_VERSION),
    ):
        if found.get(key) != known:
            raise ValueError(
                f"{key} of {file} must be {known}; got {found.get(key)!r}: load it with"
                " the release that wrote it, or train again"
            )
    legend = found["legend"]
    return Card(
        experiment=found["experiment"],
        bands=tuple(found["bands"]),
        units=found["units"],
        legend=Legend(
            name=legend["name"],
            classes=tuple(LegendClass(**one) for one in legend["classes"]),
        ),
        inputs={
            name: Input(shape=tuple(one["shape"]), dtype=one["dtype"])
            for name, one in found["inputs"].items()
        },
        training_data=TrainingData(**found["training_data"]),
        scores=found["scores"],
        settings=found["settings"],
        schema_version=found["schema_version"],
        packages=found["packages"],
    )


def describe(info: tfds.core.DatasetInfo) -> TrainingData:
    """Returns what there is to say of a prepared data set as training data."""
    metadata = json.loads(json.dumps(info.metadata or {}, default=str))
    splits = {
        name: {"shards": list(split.shard_lengths), "bytes": int(split.num_bytes)}
        for name, split in sorted(info.splits.items())
    }
    examples = {name: int(split.num_examples) for name, split in info.splits.items()}
    content = {"dataset": info.full_name, "splits": splits, "metadata": metadata}
    return TrainingData(
        dataset=info.full_name,
        examples=examples,
        fingerprint=hashlib.sha256(
            json.dumps(content, sort_keys=True).encode("utf-8")
        ).hexdigest(),
        simulated=bool(metadata.get("simulated", False)),
    )


def _as_json(card: Card) -> dict[str, Any]:
    content = dataclasses.asdict(card)
    return {"version": VERSION, "simulated": card.simulated, **content}


def _replace(new: pathlib.Path, path: pathlib.Path) -> None:
    """Puts a folder in the place of another, which is moved away first."""
    old = path.with_name(f".{path.name}.{os.getpid()}.old")
    if path.exists():
        path.rename(old)
    new.rename(path)
    shutil.rmtree(old, ignore_errors=True)
