"""The compiled steps of training and evaluation, the same under every strategy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

Batch = tuple[dict[str, tf.Tensor], dict[str, tf.Tensor], tf.Tensor]
"""Inputs, labels by target, and weights of the examples of a replica."""

UNKNOWN = 255
"""Label of an example, or a pixel, of which the class is not known."""

ClassWeights = npt.NDArray[np.float32] | Mapping[str, npt.NDArray[np.float32]]
"""Weight of an example of each class, of the only target or by target."""


class Steps:
    """A model, its optimizer, and what is done with a batch.

    The loss is the sum of cross entropy x class weight x example weight over all
    replicas, divided by the global batch size: the same whatever the replicas. A target
    that is a raster has the mean over its pixels as the loss of an example, several
    targets their sum; what is `UNKNOWN` counts 0. The confusion matrix of each target
    is summed up on the devices.

    Attributes:
        classes: Number of classes of each target.
    """

    def __init__(
        self,
        build_model: Callable[[], keras.Model],
        build_optimizer: Callable[[], keras.optimizers.Optimizer],
        *,
        strategy: tf.distribute.Strategy,
        batch_size: int,
        class_weights: ClassWeights,
        targets: Sequence[str] = ("label",),
        augmentations: Sequence[Callable[[], keras.layers.Layer]] = (),
    ) -> None:
        """Builds model and optimizer on the strategy's devices.

        Args:
            build_model: Makes the model; its output are logits, classes last, or a dict
                of them by target.
            build_optimizer: Makes the optimizer. Under ``mixed_float16`` it is wrapped
                to scale the loss.
            strategy: Where the replicas are.
            batch_size: Examples of a batch over all replicas.
            class_weights: Weight of an example of each class; by target, if there are
                several.
            targets: What is learnt, by the names that the labels have.
            augmentations: Make layers from a dict of inputs and labels to such a dict,
                which are applied in training only, in this order.

        Raises:
            ValueError: If there is not one class weight for each class, or the model's
                outputs are not the targets, or the optimizer clips gradients and there
                are several replicas.
        """
        self.strategy = strategy
        self.batch_size = batch_size
        with strategy.scope():
            self.model = build_model()
            self.augmentations = [build() for build in augmentations]
            optimizer = build_optimizer()
            if self.model.dtype_policy.name == "mixed_float16":
                optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
            _check_clipping(optimizer, strategy.num_replicas_in_sync)
            optimizer.build(self.model.trainable_variables)
            # For callbacks that look at the optimizer; nothing runs through compile.
            self.model.compile(optimizer=optimizer, auto_scale_loss=False)
            self.optimizer = optimizer
            self.classes = _classes_of(self.model, targets)
            self._confusion = {
                target: self._total((count, count), tf.int64)
                for target, count in self.classes.items()
            }
            self._loss = self._total((), tf.float32)
            self._weight = self._total((), tf.float32)
        if not isinstance(class_weights, Mapping):
            class_weights = dict.fromkeys(self.classes, class_weights)
        self._class_weights = {}
        for target, count in self.classes.items():
            if len(class_weights[target]) != count:
                raise ValueError(
                    f"model {self.model.name!r} has {count} classes; got"
                    f" {len(class_weights[target])} class weights for {target!r}"
                )
            self._class_weights[target] = tf.constant(class_weights[target], tf.float32)
        self._guards_gradients = (
            isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
            and strategy.num_replicas_in_sync > 1
        )
        self._train = tf.function(self._train_steps, reduce_retracing=True)
        self._evaluate = tf.function(self._evaluate_steps, reduce_retracing=True)

    @property
    def variables(self) -> list[tf.Variable]:
        """Everything that a step changes: weights, random states, optimizer."""
        found = [*self.model.variables, *self.optimizer.variables]
        for layer in self.augmentations:
            found += layer.variables
        return [variable.value for variable in found]

    def train(self, iterator: Iterator[Batch], count: int) -> npt.NDArray[np.float32]:
        """Trains on the next ``count`` batches and returns the loss of each."""
        return self._train(iterator, tf.constant(count)).numpy()

    def evaluate(self, iterator: Iterator[Batch], count: int) -> None:
        """Adds the next ``count`` batches to loss and confusion matrix."""
        self._evaluate(iterator, tf.constant(count))

    def take_confusions(self) -> dict[str, npt.NDArray[np.int64]]:
        """Returns the confusion matrix of each target since it was last taken.

        Rows are the truth, columns the prediction.
        """
        found = {}
        for target, total in self._confusion.items():
            found[target] = tf.convert_to_tensor(total).numpy()
            total.assign(tf.zeros_like(found[target]))
        return found

    def take_confusion(self) -> npt.NDArray[np.int64]:
        """Returns the confusion matrix of the only target since it was last taken."""
        (found,) = self.take_confusions().values()
        return found

    def take_loss(self) -> float:
        """Returns the mean loss of evaluation since it was last taken."""
        total, weight = (
            float(tf.convert_to_tensor(variable))
            for variable in (self._loss, self._weight)
        )
        for variable in (self._loss, self._weight):
            variable.assign(0.0)
        return total / weight if weight else float("nan")

    def _total(self, shape: tuple[int, ...], dtype: tf.DType) -> tf.Variable:
        """Makes a sum that each replica adds to, and that is added up when read."""
        return tf.Variable(
            tf.zeros(shape, dtype),
            trainable=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.SUM,
        )

    # Several steps in one call: Python is asked once for all of them.
    def _train_steps(self, iterator: Iterator[Batch], count: tf.Tensor) -> tf.Tensor:
        losses = tf.TensorArray(tf.float32, count)
        for step in tf.range(count):
            loss = self.strategy.run(self._train_step, args=next(iterator))
            losses = losses.write(step, self.strategy.reduce("SUM", loss, axis=None))
        return losses.stack()

    def _evaluate_steps(self, iterator: Iterator[Batch], count: tf.Tensor) -> None:
        for _ in tf.range(count):
            self.strategy.run(self._evaluate_step, args=next(iterator))

    def _train_step(
        self,
        inputs: dict[str, tf.Tensor],
        labels: dict[str, tf.Tensor],
        weights: tf.Tensor,
    ) -> tf.Tensor:
        """Updates the weights with a replica's batch; returns its part of the loss."""
        features = {**inputs, **labels}
        for layer in self.augmentations:
            features = layer(features, training=True)
        inputs = {name: features[name] for name in inputs}
        labels = {name: features[name] for name in labels}
        with tf.GradientTape() as tape:
            logits = self._logits(inputs, training=True)
            loss = tf.reduce_sum(self._losses(labels, logits, weights))
            loss /= self.batch_size
            if self.model.losses:
                loss += tf.add_n(self.model.losses) / (
                    self.strategy.num_replicas_in_sync
                )
            scaled = self.optimizer.scale_loss(loss)
        trainable = self.model.trainable_variables
        gradients = tape.gradient(scaled, [variable.value for variable in trainable])
        if self._guards_gradients:
            gradients = _shared_overflow(gradients)
        self.optimizer.apply(gradients, trainable)
        self._count(labels, logits, weights)
        return loss

    def _evaluate_step(
        self,
        inputs: dict[str, tf.Tensor],
        labels: dict[str, tf.Tensor],
        weights: tf.Tensor,
    ) -> None:
        logits = self._logits(inputs, training=False)
        losses = self._losses(labels, logits, weights)
        self._loss.assign_add(tf.reduce_sum(losses))
        self._weight.assign_add(tf.reduce_sum(weights))
        self._count(labels, logits, weights)

    def _logits(
        self, inputs: dict[str, tf.Tensor], training: bool
    ) -> dict[str, tf.Tensor]:
        """Returns the logits by target."""
        found = self.model(inputs, training=training)
        return found if isinstance(found, dict) else {next(iter(self.classes)): found}

    def _losses(
        self,
        labels: dict[str, tf.Tensor],
        logits: dict[str, tf.Tensor],
        weights: tf.Tensor,
    ) -> tf.Tensor:
        """Returns the weighted loss of each example of a replica."""
        total = tf.zeros_like(weights)
        for target, class_weights in self._class_weights.items():
            label = labels[target]
            known = label != UNKNOWN
            label = tf.where(known, label, 0)
            entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(
                label, tf.cast(logits[target], tf.float32)
            )
            entropy *= tf.gather(class_weights, label) * tf.cast(known, tf.float32)
            total += tf.reduce_mean(
                tf.reshape(entropy, [tf.shape(weights)[0], -1]), axis=1
            )
        return total * weights

    def _count(
        self,
        labels: dict[str, tf.Tensor],
        logits: dict[str, tf.Tensor],
        weights: tf.Tensor,
    ) -> None:
        """Adds to the confusion matrices what is known and has a weight."""
        for target, classes in self.classes.items():
            label = labels[target]
            shape = [-1, *[1] * (label.shape.rank - 1)]
            counted = (tf.reshape(weights, shape) > 0) & (label != UNKNOWN)
            predicted = tf.argmax(logits[target], axis=-1, output_type=tf.int32)
            self._confusion[target].assign_add(
                tf.math.confusion_matrix(
                    tf.reshape(tf.where(counted, label, 0), [-1]),
                    tf.reshape(predicted, [-1]),
                    num_classes=classes,
                    weights=tf.cast(tf.reshape(counted, [-1]), tf.int64),
                    dtype=tf.int64,
                )
            )


def _classes_of(model: keras.Model, targets: Sequence[str]) -> dict[str, int]:
    """Returns the number of classes of each target."""
    outputs = model.output
    if not isinstance(outputs, dict):
        outputs = {targets[0]: outputs}
    if set(outputs) != set(targets):
        raise ValueError(
            f"outputs of model {model.name!r} must be the targets"
            f" {', '.join(targets)}; got {', '.join(outputs)}"
        )
    return {target: int(outputs[target].shape[-1]) for target in targets}


def _check_clipping(optimizer: keras.optimizers.Optimizer, replicas: int) -> None:
    """Refuses to clip the gradients of each replica instead of their sum."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    for name in ("clipnorm", "global_clipnorm", "clipvalue"):
        if replicas > 1 and getattr(inner, name) is not None:
            raise ValueError(
                f"an optimizer must not clip under {replicas} replicas, as Keras clips"
                f" before it sums over them; got {name}={getattr(inner, name)}: leave"
                " it out, or train on one device"
            )


def _shared_overflow(gradients: list[tf.Tensor]) -> list[tf.Tensor]:
    """Makes all replicas skip a step in which the gradients of one overflow.

    Keras 3.15 looks at each replica's gradients before they are summed, and then lets
    the first replica decide: an overflow in another would reach the weights.
    """
    dense = [tf.convert_to_tensor(gradient) for gradient in gradients]
    finite = [tf.reduce_all(tf.math.is_finite(gradient)) for gradient in dense]
    bad = tf.cast(~tf.reduce_all(tf.stack(finite)), tf.float32)
    context = tf.distribute.get_replica_context()
    bad = context.all_reduce(tf.distribute.ReduceOp.SUM, bad)
    spoil = tf.where(bad > 0, float("nan"), 0.0)
    return [gradient + tf.cast(spoil, gradient.dtype) for gradient in dense]
