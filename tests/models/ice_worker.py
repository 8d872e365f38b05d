"""One worker of the tests of several workers; run by hand of `models.launch`.

python ice_worker.py DATA OUT [kill]
"""

import dataclasses
import json
import os
import pathlib
import sys

import keras
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from models import ice_cnn, inputs, replicas, training
from models.sources import Split

WEIGHTS = np.array([0.5, 1, 2], np.float32)
BATCH = 24


@dataclasses.dataclass(frozen=True)
class Joined:
    """The batches of several workers, side by side, as one device has to learn them."""

    split: Split
    workers: int

    def examples(self, worker=0, workers=1):
        assert workers == 1
        return self.workers * min(
            self.split.examples(k, self.workers) for k in range(self.workers)
        )

    def batches(self, size, **more):
        del more["worker"], more["workers"]
        parts = [
            self.split.batches(
                size // self.workers, worker=k, workers=self.workers, **more
            )
            for k in range(self.workers)
        ]
        return tf.data.Dataset.zip(*parts).map(
            lambda *of: {name: tf.concat([o[name] for o in of], 0) for name in of[0]}
        )


@dataclasses.dataclass(frozen=True)
class Noted:
    """A split that notes the ids of every batch that is taken from it."""

    split: Split
    ids: list = dataclasses.field(default_factory=list, compare=False)

    def examples(self, worker=0, workers=1):
        return self.split.examples(worker, workers)

    def batches(self, size, **more):
        epoch = []
        self.ids.append(epoch)

        def note(ids):
            epoch.append([i.decode() for i in ids])
            return ids

        def noted(record):
            ids = tf.numpy_function(note, [record["id"]], tf.string)
            return {**record, "id": tf.ensure_shape(ids, record["id"].shape)}

        return self.split.batches(size, **more).map(noted)


class Kill(keras.callbacks.Callback):
    """Ends this process in the middle of the second epoch, but once only."""

    def __init__(self, note):
        super().__init__()
        self.note, self.epoch = note, 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == 1 and not self.note.exists():
            self.note.touch()
            os._exit(9)


def learn(source, judged, folder, strategy, *, epochs=2, callbacks=()):
    """Trains a small CNN, with 2 steps between two looks at it."""
    training.STEPS_AT_ONCE = 2
    feeds = [
        inputs.Feed(source=one, inputs=("image",), batch_size=BATCH, seed=4)
        for one in (source, judged)
    ]
    return training.train(
        lambda: ice_cnn.ice_cnn(3, size=10, width=4, dropout=0),
        lambda steps: keras.optimizers.SGD(0.02, momentum=0.9),
        training=feeds[0],
        validation=feeds[1],
        plan=training.Plan(epochs=epochs, patience=9, class_weights=WEIGHTS, seed=4),
        folder=folder,
        settings={"seed": 4},
        strategy=strategy,
        callbacks=callbacks,
    )


def main(data, out, *how):
    strategy = replicas.strategy_of("multi_worker")
    worker, _ = replicas.workers_of(strategy)
    builder = tfds.builder_from_directory(data)
    source, judged = Noted(Split(builder, "train")), Noted(Split(builder, "validation"))
    out = pathlib.Path(out)
    callbacks = [Kill(out / "killed")] if "kill" in how and worker == 1 else []
    trained = learn(source, judged, out / "run", strategy, callbacks=callbacks)
    np.savez(out / f"weights_{worker}.npz", *trained.model.get_weights())
    told = {
        "history": trained.history,
        "confusion": trained.confusion.tolist(),
        "trained": source.ids,
        "judged": judged.ids,
    }
    (out / f"told_{worker}.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
