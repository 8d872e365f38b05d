"""Trains the model of an experiment and writes its bundle.

A run that was broken off goes on after its last whole epoch when the same command is
given again.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable

import keras
import tensorflow as tf
import tensorflow_datasets as tfds

from models import (
    balancing,
    bundle,
    class_weights,
    experiment,
    inputs,
    replicas,
    training,
    vgg16,
    windows,
)
from models.sources import Source, Split
from tfds_eo import legends, prepared


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
    scores = ", ".join(
        f"{name.removeprefix('val_').replace('macro_f1', 'macro-F1')} {value:.4f}"
        for name, value in best.items()
        if name.startswith("val_")
    )
    made = " (simulated data)" if bundle.describe(builder.info).simulated else ""
    return [
        f"best epoch {trained.best_epoch} of {len(trained.history)}: {scores} on"
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
        _feed(chosen, builder, split) for split in (chosen.train, chosen.validation)
    )
    found = {
        target: class_weights.count_labels(learnt.source, classes, target)
        for target, classes in _classes_of(chosen.model(builder.info), learnt).items()
    }
    if chosen.sampling == "balanced":
        (counts,) = found.values()
        balanced = balancing.Balanced(learnt.source, tuple(counts.tolist()))
        learnt = dataclasses.replace(learnt, source=balanced)
    plan = training.Plan(
        epochs=chosen.epochs,
        patience=chosen.patience,
        class_weights={
            target: class_weights.weigh_classes(counts, chosen.class_weights)
            for target, counts in found.items()
        },
        seed=chosen.seed,
        precision=precision,
        augmentations=chosen.augmentations,
        scores=chosen.scores,
        decisive=chosen.decisive,
    )

    def learn(
        build: Callable[[], keras.Model],
        optimizer: Callable[[int], keras.optimizers.Optimizer],
        epochs: int,
        folder: pathlib.Path,
    ) -> training.Trained:
        return training.train(
            build,
            optimizer,
            training=learnt,
            validation=judged,
            plan=dataclasses.replace(plan, epochs=epochs),
            folder=folder,
            settings=settings,
            strategy=strategy,
        )

    fine = chosen.fine_tuning
    trained = learn(
        lambda: chosen.model(builder.info),
        chosen.optimizer,
        chosen.epochs,
        out / "frozen" if fine else out,
    )
    if fine is not None:
        frozen = fine.frozen_blocks
        start = trained.model.get_weights()

        def thawed() -> keras.Model:
            model = chosen.model(builder.info)
            model.set_weights(start)
            vgg16.freeze_blocks(model, frozen)
            return model

        trained = learn(thawed, fine.optimizer, fine.epochs, out)
    if replicas.is_chief(strategy):
        scores = chosen.scores(trained.confusions)
        card = bundle.Card(
            experiment=chosen.name,
            bands=chosen.bands,
            units=chosen.units,
            legend=chosen.legend or _legend_of(builder, learnt.targets[0]),
            inputs={},
            training_data=data,
            scores={f"{chosen.validation}/{k}": value for k, value in scores.items()},
            settings=settings,
        )
        bundle.save(out / "bundle", trained.model, card)
    return trained


def _feed(
    chosen: experiment.Experiment, builder: tfds.core.DatasetBuilder, split: str
) -> inputs.Feed:
    """Returns the batches of a split."""
    source: Source = Split(builder, split)
    if chosen.window is not None:
        if not isinstance(chosen.target, str):
            raise ValueError(
                f"experiment {chosen.name!r} must have one target to cut windows by;"
                f" got {', '.join(chosen.target)}"
            )
        patch = builder.info.features["image"].shape[0]
        source = windows.Windows(source, chosen.target, patch, chosen.window)
    return inputs.Feed(
        source=source,
        inputs=chosen.inputs,
        batch_size=chosen.batch_size,
        seed=chosen.seed,
        target=chosen.target,
    )


def _classes_of(model: keras.Model, feed: inputs.Feed) -> dict[str, int]:
    """Returns the number of classes of each target."""
    outputs = model.output
    if not isinstance(outputs, dict):
        outputs = {feed.targets[0]: outputs}
    return {target: int(outputs[target].shape[-1]) for target in feed.targets}


def _legend_of(builder: tfds.core.DatasetBuilder, target: str) -> legends.Legend:
    """Returns the classes that a data set names, in shades from dark to bright."""
    names = builder.info.features[target].names
    return legends.Legend(
        name=builder.name,
        classes=tuple(
            legends.LegendClass(
                id=number,
                name=name,
                title=name.replace("_", " ").capitalize(),
                colour="#{0:02x}{0:02x}{0:02x}".format(
                    40 + 200 * number // max(len(names) - 1, 1)
                ),
            )
            for number, name in enumerate(names)
        ),
    )


def _experiment(config: Config) -> experiment.Experiment:
    """Returns the experiment with what the command line changes."""
    given = {
        name: getattr(config, name)
        for name in ("epochs", "batch_size", "seed")
        if getattr(config, name) is not None
    }
    return dataclasses.replace(experiment.find(config.experiment), **given)
