"""What a run must remember to go on after it was killed as if nothing had happened."""

from __future__ import annotations

import json
import pathlib
import shutil
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from models import replicas
from models.steps import Steps

Numbers = dict[str, float]
"""What is told of an epoch, by name."""


class Checkpoints:
    """The state of a run, saved whole after each epoch.

    Weights, optimizer, random states, the best weights so far, and the history lie in
    one checkpoint, so that no kill can separate them. Every worker restores from the
    first one's folder; the others, which must take part in saving, save beside it what
    nobody reads.

    Attributes:
        history: Numbers of each epoch that is behind.
        best_score: Highest score of an epoch; minus infinity before the first.
        best_epoch: Number of that epoch, from 1; 0 before the first.
        best_confusions: Confusion matrix of each target in that epoch.
        finished: Whether training has come to its end.
    """

    def __init__(self, folder: pathlib.Path, steps: Steps) -> None:
        """Finds out what to save; restores nothing yet.

        Args:
            folder: Where the checkpoints go.
            steps: Model and optimizer, both built.
        """
        self.history: list[Numbers] = []
        self.best_score = float("-inf")
        self.best_epoch = 0
        self.best_confusions = {
            target: np.zeros((count, count), np.int64)
            for target, count in steps.classes.items()
        }
        self.finished = False
        self._weights = [variable.value for variable in steps.model.weights]
        with tf.device("CPU:0"):
            self._best = [tf.Variable(weight.numpy()) for weight in self._weights]
            self._note = tf.Variable("", dtype=tf.string)
        checkpoint = tf.train.Checkpoint(
            state=steps.variables, best=self._best, note=self._note
        )
        worker, _ = replicas.workers_of(steps.strategy)
        own = folder if worker == 0 else folder / f"worker_{worker}"
        self._folder = folder
        self._spare = own if worker else None
        self._checkpoint = checkpoint
        self._manager = tf.train.CheckpointManager(
            checkpoint, str(own), max_to_keep=2 if worker == 0 else 1
        )

    @property
    def best_weights(self) -> list[npt.NDArray[Any]]:
        """Weights of the model after its best epoch, in the order of its weights."""
        return [weight.numpy() for weight in self._best]

    def bytes(self) -> int:
        """Returns the size of one checkpoint."""
        held = [*self._checkpoint.state, *self._best]
        return sum(int(np.prod(v.shape)) * v.dtype.size for v in held)

    def restore(self) -> bool:
        """Restores the last epoch that was saved; returns whether there was one.

        Raises:
            ValueError: If the checkpoint is of another model or optimizer.
        """
        latest = tf.train.latest_checkpoint(str(self._folder))
        if latest is None:
            return False
        try:
            self._checkpoint.restore(latest).assert_existing_objects_matched()
        except (AssertionError, ValueError) as error:
            raise ValueError(
                f"checkpoint {latest} must hold the state of this model and optimizer;"
                f" it does not ({error}): choose another folder, or delete this one"
            ) from error
        note = json.loads(self._note.numpy().decode("utf-8"))
        self.history = note["history"]
        self.best_score = note["best_score"]
        self.best_epoch = note["best_epoch"]
        self.best_confusions = {
            target: np.array(counts, np.int64)
            for target, counts in note["best_confusions"].items()
        }
        self.finished = note["finished"]
        return True

    def keep_best(
        self, score: float, confusions: dict[str, npt.NDArray[np.int64]]
    ) -> bool:
        """Keeps the weights if the epoch at the end of the history is the best.

        Args:
            score: Score of that epoch, the higher the better.
            confusions: Confusion matrices that the score was computed from, by target.

        Returns:
            Whether it is better than all before; an equal one is not.
        """
        if not score > self.best_score:
            return False
        self.best_score, self.best_epoch = score, len(self.history)
        self.best_confusions = confusions
        for kept, weight in zip(self._best, self._weights, strict=True):
            kept.assign(weight.numpy())
        return True

    def save(self) -> None:
        """Saves the state after the epoch at the end of the history."""
        note = {
            "history": self.history,
            "best_score": self.best_score,
            "best_epoch": self.best_epoch,
            "best_confusions": {
                target: counts.tolist()
                for target, counts in self.best_confusions.items()
            },
            "finished": self.finished,
        }
        self._note.assign(json.dumps(note))
        self._manager.save(checkpoint_number=len(self.history))

    def clean_up(self) -> None:
        """Removes what a worker other than the first had to save."""
        if self._spare is not None:
            shutil.rmtree(self._spare, ignore_errors=True)
