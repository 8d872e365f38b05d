"""What is told of a run while it lasts: bars, logs for TensorBoard, broken batches."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

import keras
import tensorflow as tf
import tqdm

from models import inputs, replicas, run_folder
from models.checkpoints import Numbers

_IDS_SHOWN = 10


def callbacks_of(
    model: keras.Model,
    folder: pathlib.Path,
    callbacks: Sequence[keras.callbacks.Callback],
    *,
    steps: int,
    epochs: int,
    chief: bool,
) -> keras.callbacks.CallbackList:
    """Returns what is called while training; bar and logs on the first worker only."""
    own: list[keras.callbacks.Callback] = []
    if chief:
        own = [
            keras.callbacks.TensorBoard(
                str(folder / "logs"), write_graph=False, update_freq="epoch"
            ),
            _Progress(steps, epochs),
        ]
    return keras.callbacks.CallbackList(
        [*callbacks, *own], model=model, epochs=epochs, steps=steps, verbose=0
    )


def not_finite(
    strategy: tf.distribute.Strategy,
    feed: inputs.Feed,
    epoch: int,
    step: int,
    loss: float,
    folder: pathlib.Path,
    identity: str,
) -> str:
    """Writes down the ids of this worker's batch and returns what to tell.

    The order of an epoch is determined, so the batch is read once more rather than
    carrying ids, which no accelerator takes, through every step.

    Args:
        strategy: Says which worker this is.
        feed: Where the batch came from.
        epoch: Number of the epoch, from 0.
        step: Number of the step in the epoch, from 0.
        loss: What is not finite.
        folder: Folder of the run.
        identity: Feature that names a record.
    """
    worker, workers = replicas.workers_of(strategy)
    record = next(iter(feed.records(epoch, worker, workers).skip(step).take(1)))
    found = record.get(identity, tf.constant([], tf.string)).numpy().ravel().tolist()
    ids = [
        i.decode("utf-8", "replace") if isinstance(i, bytes) else str(i) for i in found
    ]
    path = folder / f"not_finite_worker_{worker}.json"
    run_folder.write_json(path, {"epoch": epoch + 1, "step": step + 1, "ids": ids})
    shown = ", ".join(ids[:_IDS_SHOWN]) + (", ..." if len(ids) > _IDS_SHOWN else "")
    return (
        f"the loss must be finite; it was {loss} in step {step + 1} of epoch"
        f" {epoch + 1}, with the {len(ids)} examples {shown} (all in {path}): look at"
        " their values, or lower the learning rate"
    )


class _Progress(keras.callbacks.Callback):
    """A bar for each epoch, on standard error."""

    def __init__(self, steps: int, epochs: int) -> None:
        super().__init__()
        self._steps, self._epochs = steps, epochs
        self._bar = tqdm.tqdm(disable=True)

    def on_epoch_begin(self, epoch: int, logs: Numbers | None = None) -> None:
        """Starts a bar."""
        self._bar = tqdm.tqdm(
            total=self._steps, unit="step", desc=f"epoch {epoch + 1}/{self._epochs}"
        )

    def on_train_batch_end(self, batch: int, logs: Numbers | None = None) -> None:
        """Moves the bar on."""
        self._bar.set_postfix(loss=f"{(logs or {})['loss']:.4f}", refresh=False)
        self._bar.update(batch + 1 - self._bar.n)

    def on_train_end(self, logs: Numbers | None = None) -> None:
        """Takes a bar away that an error has left standing."""
        self._bar.close()

    def on_epoch_end(self, epoch: int, logs: Numbers | None = None) -> None:
        """Says how the epoch ended."""
        found = logs or {}
        scores = [name for name in found if name.startswith("val_")]
        shown = ("loss", "macro_f1", *scores)
        told = {name: f"{found[name]:.4f}" for name in shown if name in found}
        self._bar.set_postfix(told)
        self._bar.close()
