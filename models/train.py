"""Trains the model of an experiment and writes its bundle.

A run that was broken off goes on after its last whole epoch when the same command is
given again.
"""

from __future__ import annotations

import dataclasses
import pathlib

import tensorflow as tf
import tensorflow_datasets as tfds

from models import bundle, class_weights, experiment, inputs, replicas, training
from models.sources import Split
from tfds_eo import prepared


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Fields of the command."""

    experiment: str
    """Name of the experiment: a module of models.experiments."""

    out: pathlib.Path
    """Folder of the run: checkpoints, logs, history.json, bundle."""

    data_dir: str | None = None
    """Folder of prepared data sets; by default that of TFDS, ~/tensorflow_datasets."""

    strategy: replicas.StrategyName = "default"
    """Where the replicas are: one device, this machine, several machines, a TPU."""

    epochs: int | None = None
    """Most passes over the training split; the experiment's own if left out."""

    batch_size: int | None = None
    """Examples of a batch over all replicas; the experiment's own if left out."""

    mixed_precision: training.Precision = "float32"
    """Type that layers compute in; weights and logits are float32 in any case."""

    seed: int | None = None
    """Decides initial weights, order and dropout; the experiment's own if left out."""

    deterministic: bool = False
    """Has TensorFlow take reproducible operations only, some of which are slower."""


def run(config: Config) -> list[str]:
    """Trains, and returns lines that say where the bundle is and how good it is."""
    chosen = _experiment(config)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    strategy = replicas.strategy_of(config.strategy)
    builder = prepared.open_prepared(chosen.dataset, config.data_dir)
    for split in (chosen.train, chosen.validation):
        prepared.check_split(builder, split)
    trained = train(
        chosen,
        builder,
        config.out,
        strategy=strategy,
        precision=config.mixed_precision,
        deterministic=config.deterministic,
    )
    best = trained.history[trained.best_epoch - 1]
    made = " (simulated data)" if bundle.describe(builder.info).simulated else ""
    return [
        f"best epoch {trained.best_epoch} of {len(trained.history)}: macro-F1"
        f" {best['val_macro_f1']:.4f}, accuracy {best['val_accuracy']:.4f} on"
        f" {chosen.validation}{made}",
        f"bundle: {config.out / 'bundle'}",
    ]


def train(
    chosen: experiment.Experiment,
    builder: tfds.core.DatasetBuilder,
    out: pathlib.Path,
    *,
    strategy: tf.distribute.Strategy,
    precision: training.Precision = "float32",
    deterministic: bool = False,
) -> training.Trained:
    """Trains an experiment on a prepared data set and writes its bundle.

    Args:
        chosen: The experiment.
        builder: Builder of its data set, prepared.
        out: Folder of the run; the bundle is ``bundle`` in it.
        strategy: Where the replicas are.
        precision: Type that layers compute in.
        deterministic: Whether the caller has switched on reproducible operations.
    """
    data = bundle.describe(builder.info)
    settings: dict[str, str | int | float | bool | None] = {
        "experiment": chosen.name,
        "dataset": data.dataset,
        "fingerprint": data.fingerprint,
        "batch_size": chosen.batch_size,
        "epochs": chosen.epochs,
        "patience": chosen.patience,
        "class_weights": chosen.class_weights,
        "seed": chosen.seed,
        "precision": precision,
        "deterministic": deterministic,
    }
    learnt, judged = (
        inputs.Feed(
            source=Split(builder, split),
            inputs=chosen.inputs,
            batch_size=chosen.batch_size,
            seed=chosen.seed,
            target=chosen.target,
        )
        for split in (chosen.train, chosen.validation)
    )
    counts = class_weights.count_labels(
        learnt.source, len(chosen.legend), chosen.target
    )
    trained = training.train(
        lambda: chosen.model(builder.info),
        chosen.optimizer,
        training=learnt,
        validation=judged,
        plan=training.Plan(
            epochs=chosen.epochs,
            patience=chosen.patience,
            class_weights=class_weights.weigh_classes(counts, chosen.class_weights),
            seed=chosen.seed,
            precision=precision,
            augmentations=chosen.augmentations,
        ),
        folder=out,
        settings=settings,
        strategy=strategy,
    )
    if replicas.is_chief(strategy):
        scores = training.scores(trained.confusion, f"{chosen.validation}/")
        card = bundle.Card(
            experiment=chosen.name,
            bands=chosen.bands,
            units=chosen.units,
            legend=chosen.legend,
            inputs={},
            training_data=data,
            scores=scores,
            settings=settings,
        )
        bundle.save(out / "bundle", trained.model, card)
    return trained


def _experiment(config: Config) -> experiment.Experiment:
    """Returns the experiment with what the command line changes."""
    given = {
        name: getattr(config, name)
        for name in ("epochs", "batch_size", "seed")
        if getattr(config, name) is not None
    }
    return dataclasses.replace(experiment.find(config.experiment), **given)
