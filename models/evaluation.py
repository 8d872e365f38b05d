"""The confusion matrix of a bundle on a split."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_datasets as tfds
import tqdm

from models.bundle import Bundle
from models.sources import Source, Split

BATCH_SIZE = 1024
"""Records of a batch; larger ones are no faster on a CPU."""


def confusion_of(
    bundle: Bundle,
    builder: tfds.core.DatasetBuilder,
    split: str,
    *,
    target: str = "label",
) -> npt.NDArray[np.int64]:
    """Returns how often each class of a split was taken for each class.

    Args:
        bundle: A trained model.
        builder: Builder of a prepared data set with the model's inputs.
        split: Name of a split, or a slice of one.
        target: Feature that holds the truth.

    Returns:
        Number of examples by true class (row) and predicted class (column).

    Raises:
        ValueError: If the classes of the data set are not those of the bundle.
    """
    feature = builder.info.features[target]
    names = getattr(feature, "names", None)
    if names is not None and list(names) != bundle.card.legend.names:
        raise ValueError(
            f"classes of {builder.info.full_name} must be those of the bundle"
            f" {bundle.path}, {', '.join(bundle.card.legend.names)}; got"
            f" {', '.join(names)}"
        )
    return confusion_of_source(
        bundle, Split(builder, split), target=target, title=f"evaluate {split}"
    )


def confusion_of_source(
    bundle: Bundle, source: Source, *, target: str = "label", title: str = "evaluate"
) -> npt.NDArray[np.int64]:
    """Returns the confusion matrix of a bundle on any source of records.

    Args:
        bundle: A trained model.
        source: Records with the model's inputs and the truth.
        target: Feature that holds the truth, class ids of the bundle's legend.
        title: What stands before the progress bar.
    """
    classes = len(bundle.card.legend)

    @tf.function(reduce_retracing=True)
    def count(batch: dict[str, tf.Tensor]) -> tf.Tensor:
        return tf.math.confusion_matrix(
            batch[target],
            tf.argmax(bundle.logits(batch), axis=-1),
            num_classes=classes,
            dtype=tf.int64,
        )

    wanted = {*bundle.inputs, target}
    batches = source.batches(BATCH_SIZE).map(
        lambda record: {name: record[name] for name in wanted}
    )
    total = tf.zeros((classes, classes), tf.int64)
    with tqdm.tqdm(total=source.examples(), unit=" examples", desc=title) as bar:
        for batch in batches.prefetch(tf.data.AUTOTUNE):
            total += count(batch)
            bar.update(int(batch[target].shape[0]))
    return total.numpy()
