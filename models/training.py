"""The training loop, the same under every strategy of `tf.distribute`.

Keras's own `fit` fails under several workers and under several replicas with several
steps a call; this loop stands on public API alone and drives standard callbacks.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import pathlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from models import inputs, metrics, monitoring, replicas, run_folder
from models.checkpoints import Checkpoints, Numbers
from models.steps import ClassWeights, Steps

Precision = Literal["float32", "mixed_float16", "mixed_bfloat16"]
"""Type that layers compute in; variables and logits are float32 in any case."""

STEPS_AT_ONCE = 16
"""Steps that run in one call, between two looks at the loss."""


Scorer = Callable[[Mapping[str, npt.NDArray[np.int64]]], Numbers]
"""From the confusion matrix of each target to scores by name."""


def scores(confusion: npt.NDArray[np.int64], prefix: str = "") -> Numbers:
    """Returns what is told of a confusion matrix after each epoch."""
    return {
        f"{prefix}accuracy": metrics.overall_accuracy(confusion),
        f"{prefix}macro_f1": metrics.macro_f1(confusion),
    }


def scores_of_one(confusions: Mapping[str, npt.NDArray[np.int64]]) -> Numbers:
    """Returns `scores` of the only target."""
    (confusion,) = confusions.values()
    return scores(confusion)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trained:
    """What came out of training.

    Attributes:
        model: The model after its best epoch, in float32 and without a strategy.
        history: Numbers of each epoch: ``epoch``, ``loss``, ``accuracy``, ``macro_f1``,
            the same of validation with ``val_`` before them, ``learning_rate``,
            ``seconds`` and ``examples_per_second`` of training alone.
        best_epoch: Number of the best epoch, from 1.
        confusions: Confusion matrix of validation after the best epoch, by target.
    """

    model: keras.Model
    history: list[Numbers]
    best_epoch: int
    confusions: dict[str, npt.NDArray[np.int64]]

    @property
    def confusion(self) -> npt.NDArray[np.int64]:
        """Confusion matrix of the only target."""
        (found,) = self.confusions.values()
        return found


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """How a model is trained.

    Attributes:
        epochs: Most passes over the training data.
        patience: Epochs without a better score of validation before training stops.
        class_weights: Weight of an example of each class, by target if several.
        seed: Decides initial weights and dropout; the order is the feeds' own.
        precision: Type that layers compute in.
        augmentations: Make layers that only training applies to the inputs.
        identity: Feature that names a record in messages.
        scores: Computes what is told of each epoch from the confusion matrices.
        decisive: Which of these scores, of validation, says what epoch is best.
    """

    epochs: int
    patience: int
    class_weights: ClassWeights
    seed: int = 0
    precision: Precision = "float32"
    augmentations: Sequence[Callable[[], keras.layers.Layer]] = ()
    identity: str = "id"
    scores: Scorer = scores_of_one
    decisive: str = "macro_f1"


def train(
    build_model: Callable[[], keras.Model],
    build_optimizer: Callable[[int], keras.optimizers.Optimizer],
    *,
    training: inputs.Feed,
    validation: inputs.Feed,
    plan: Plan,
    folder: pathlib.Path,
    settings: run_folder.Settings,
    strategy: tf.distribute.Strategy,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Trained:
    """Trains a model until validation gets no better, and returns it at its best.

    A run that was killed goes on after its last whole epoch when it is started again
    with the same folder, and ends with the same weights.

    Args:
        build_model: Makes the untrained model.
        build_optimizer: Makes the optimizer for a number of steps over all epochs.
        training: Batches to learn from.
        validation: Batches to decide by which epoch was best.
        plan: How to train.
        folder: Where ``checkpoints``, ``logs`` and ``history.json`` go.
        settings: What decides the result; a run is resumed under the same alone.
        strategy: Where the replicas are.
        callbacks: Called as `fit` would; one may set ``model.stop_training``.

    Raises:
        OSError: If the folder cannot be written to or has too little space.
        ValueError: If the folder holds another run, or there are too few examples.
        FloatingPointError: If a loss is not finite.
    """
    worker, workers = replicas.workers_of(strategy)
    chief = worker == 0
    count = training.training_steps(workers)
    run_folder.check_space(folder, 0)
    keras.utils.set_random_seed(plan.seed)
    with precision(plan.precision):
        steps = Steps(
            build_model,
            lambda: build_optimizer(count * plan.epochs),
            strategy=strategy,
            batch_size=training.batch_size,
            class_weights=plan.class_weights,
            targets=training.targets,
            augmentations=plan.augmentations,
        )
    state = Checkpoints(folder / "checkpoints", steps)
    # Two checkpoints, a third while it is written, and the bundle's two copies.
    run_folder.open_run(folder, settings, needed=4 * state.bytes() if chief else 0)
    state.restore()
    driven = monitoring.callbacks_of(
        steps.model, folder, callbacks, steps=count, epochs=plan.epochs, chief=chief
    )
    steps.model.stop_training = False
    driven.on_train_begin()
    try:
        for epoch in range(len(state.history), 0 if state.finished else plan.epochs):
            driven.on_epoch_begin(epoch)
            numbers = _learn(steps, training, epoch, count, driven, folder, plan)
            loss, confusions = _validate(steps, validation, workers)
            found = plan.scores(confusions)
            numbers["val_loss"] = loss
            numbers |= {f"val_{name}": score for name, score in found.items()}
            state.history.append({"epoch": epoch + 1, **numbers})
            state.keep_best(found[plan.decisive], confusions)
            # Before the checkpoint: what a callback changes is part of the state.
            driven.on_epoch_end(epoch, dict(numbers))
            waited = len(state.history) - state.best_epoch
            state.finished = (
                epoch + 1 == plan.epochs
                or waited >= plan.patience
                or steps.model.stop_training
            )
            state.save()
            if chief:
                run_folder.write_json(folder / "history.json", state.history)
            if state.finished:
                break
    finally:  # Closes bars and logs whatever has happened.
        driven.on_train_end()
    state.clean_up()
    with precision("float32"):
        model = build_model()
    model.set_weights(state.best_weights)
    return Trained(
        model=model,
        history=state.history,
        best_epoch=state.best_epoch,
        confusions=state.best_confusions,
    )


@contextlib.contextmanager
def precision(name: Precision) -> Iterator[None]:
    """Sets the dtype policy of layers made inside, and puts it back."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _learn(
    steps: Steps,
    feed: inputs.Feed,
    epoch: int,
    count: int,
    driven: keras.callbacks.CallbackList,
    folder: pathlib.Path,
    plan: Plan,
) -> Numbers:
    """Trains one epoch and returns what is told of it."""
    rate = float(keras.ops.convert_to_numpy(steps.optimizer.learning_rate))
    began = time.monotonic()
    iterator = iter(
        steps.strategy.distribute_datasets_from_function(
            lambda context: feed.training(epoch, context)
        )
    )
    total = 0.0
    for first in range(0, count, STEPS_AT_ONCE):
        several = min(STEPS_AT_ONCE, count - first)
        driven.on_train_batch_begin(first)
        losses = steps.train(iterator, several)
        if not np.isfinite(losses).all():
            step = first + int(np.argmin(np.isfinite(losses)))
            raise FloatingPointError(
                monitoring.not_finite(
                    steps.strategy,
                    feed,
                    epoch,
                    step,
                    losses[step - first],
                    folder,
                    plan.identity,
                )
            )
        total += float(losses.sum(dtype=np.float64))
        driven.on_train_batch_end(
            first + several - 1, {"loss": total / (first + several)}
        )
    seconds = time.monotonic() - began
    return {
        "loss": total / count,
        **plan.scores(steps.take_confusions()),
        "learning_rate": rate,
        "seconds": seconds,
        "examples_per_second": count * feed.batch_size / seconds,
    }


def _validate(
    steps: Steps, feed: inputs.Feed, workers: int
) -> tuple[float, dict[str, npt.NDArray[np.int64]]]:
    """Returns loss and confusion matrices of the validation data."""
    iterator = iter(steps.strategy.distribute_datasets_from_function(feed.evaluation))
    count = feed.evaluation_steps(workers)
    for first in range(0, count, STEPS_AT_ONCE):
        steps.evaluate(iterator, min(STEPS_AT_ONCE, count - first))
    loss, confusions = steps.take_loss(), steps.take_confusions()
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"the loss of validation must be finite; got {loss}: lower the learning"
            " rate, or look for broken validation data"
        )
    return loss, confusions
