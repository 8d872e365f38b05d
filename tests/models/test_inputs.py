import numpy as np
import pytest
import tensorflow as tf

from models import inputs
from models.sources import InMemory, Split


def feed(examples, batch_size, seed=0):
    """A feed whose only input and whose label both name the example."""
    numbers = np.arange(examples)
    columns = {"number": numbers.astype(np.float32), "label": numbers}
    columns["id"] = np.array([f"series {n}" for n in numbers], object)
    return inputs.Feed(
        source=InMemory(columns), inputs=["number"], batch_size=batch_size, seed=seed
    )


def context(worker, workers, replicas):
    return tf.distribute.InputContext(
        num_input_pipelines=workers,
        input_pipeline_id=worker,
        num_replicas_in_sync=workers * replicas,
    )


def labels_of(dataset):
    return [batch[1]["label"].numpy().tolist() for batch in dataset]


def test_seed_and_epoch_decide_the_order():
    def order(seed, epoch):
        return labels_of(feed(40, 8, seed).training(epoch))

    assert order(3, 1) == order(3, 1)
    orders = [order(seed, epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert len({str(one) for one in orders}) == 4


def test_an_epoch_of_training_has_full_batches_only_and_no_example_twice():
    batches = labels_of(feed(43, 8).training(0))
    assert [len(batch) for batch in batches] == [8] * 5
    assert len({label for batch in batches for label in batch}) == 40


def test_replicas_share_the_batches_that_one_would_have():
    alone = labels_of(feed(43, 8).training(2))
    shared = labels_of(feed(43, 8).training(2, context(0, 1, 4)))
    assert [len(batch) for batch in shared] == [2] * 20
    assert np.ravel(shared).tolist() == np.ravel(alone).tolist()


def test_workers_read_different_examples_and_have_the_same_number_of_batches():
    one = feed(29, 6)
    found = [labels_of(one.training(0, context(w, 2, 1))) for w in range(2)]
    assert [len(batches) for batches in found] == [4, 4]  # Of 15 and 14 examples.
    assert not set(np.ravel(found[0])) & set(np.ravel(found[1]))


@pytest.mark.parametrize(("workers", "replicas"), [(1, 1), (1, 2), (2, 1), (3, 2)])
def test_evaluation_meets_every_example_once_and_fills_up_with_weight_0(
    workers, replicas
):
    one = feed(31, 12)
    seen, shapes, counts = [], set(), []
    for worker in range(workers):
        batches = list(one.evaluation(context(worker, workers, replicas)))
        counts.append(len(batches))
        for features, labels, weight in batches:
            label = labels["label"]
            shapes.add(label.shape[0])
            assert features["number"].numpy().tolist() == label.numpy().tolist()
            assert set(weight.numpy()) <= {0.0, 1.0}
            seen += label.numpy()[weight.numpy() == 1].tolist()
    assert sorted(seen) == list(range(31))
    assert shapes == {12 // workers // replicas}
    assert counts == [one.evaluation_steps(workers) * replicas] * workers


def test_a_worker_with_fewer_examples_evaluates_batches_of_nothing():
    one = feed(5, 4)  # Worker 0 has examples 0, 2, 4: one batch more than worker 1.
    batches = list(one.evaluation(context(1, 2, 1)))
    assert labels_of(batches) == [[1, 3], [0, 0]]
    assert [weight.numpy().tolist() for _, _, weight in batches] == [[1, 1], [0, 0]]


def test_the_records_of_an_epoch_are_those_that_are_learnt_from():
    one = feed(43, 8)
    ids = [r["id"].numpy().tolist() for r in one.records(1)]
    labels = labels_of(one.training(1))
    assert ids == [[f"series {n}".encode() for n in batch] for batch in labels]


def test_too_few_examples_and_batches_that_cannot_be_shared_are_refused():
    with pytest.raises(ValueError, match=r"at least 8 examples .* got 7; lower"):
        feed(7, 8).training_steps()
    with pytest.raises(ValueError, match="multiple of the 3 workers; got 8"):
        feed(70, 8).training_steps(workers=3)
    with pytest.raises(ValueError, match="must be a multiple of its 3 replicas"):
        feed(70, 8).training(0, context(0, 1, 3))
    with pytest.raises(ValueError, match="batch_size must be at least 1; got 0"):
        feed(70, 0)


def test_a_split_on_disk_is_read_once_by_its_workers_together(crops):
    split = Split(crops, "train")
    counts = [split.examples(worker, 3) for worker in range(3)]
    assert sum(counts) == split.examples() == 700
    ids = [
        i
        for worker in range(3)
        for batch in split.batches(64, shuffle_seed=1, worker=worker, workers=3)
        for i in batch["id"].numpy().tolist()
    ]
    assert len(set(ids)) == len(ids) == 700


def test_series_of_a_split_can_be_padded_to_one_length(crops):
    split = Split(crops, "validation", steps=31)
    shapes = {batch["reflectance"].shape for batch in split.batches(50)}
    assert shapes == {(50, 31, 9)}
