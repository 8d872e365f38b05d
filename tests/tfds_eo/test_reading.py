"""The reader yields what `tfds.load` yields, only faster."""

import collections

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

import tfds_eo  # noqa: F401 - registers the builders.
from tests.tfds_eo.time_sen2_crop import archives
from tfds_eo import reading, schemas


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reading")
    contents = archives.members(archives.every_folder(seed=3))
    archives.write(folder / "TimeSen2Crop.zip", contents)
    made = tfds.builder("time_sen2_crop", data_dir=folder / "data")
    made.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=folder, num_shards=5)
    )
    return made


def examples(batches):
    """Examples of batches by id, cut to the length that their dates state."""
    found = {}
    for batch in batches.as_numpy_iterator():
        for row, name in enumerate(batch["id"]):
            steps = int((batch["condition"][row] != schemas.PADDING["condition"]).sum())
            assert name not in found
            found[name] = {
                key: column[row][:steps] if column.ndim > 1 else column[row]
                for key, column in batch.items()
            }
    return found


def check_equal(found, expected):
    assert found.keys() == expected.keys()
    for name, example in expected.items():
        for key, value in example.items():
            np.testing.assert_array_equal(found[name][key], value)
            assert np.asarray(found[name][key]).dtype == np.asarray(value).dtype


@pytest.mark.parametrize(
    "split", ["train", "test_2019", "train[10%:55%]", "train[1shard]"]
)
@pytest.mark.parametrize("shuffle_seed", [None, 3])
def test_examples_are_those_that_tfds_loads(builder, split, shuffle_seed):
    expected = {e["id"]: e for e in tfds.as_numpy(builder.as_dataset(split=split))}
    batches = reading.read_batches(builder, split, 32, shuffle_seed=shuffle_seed)
    check_equal(examples(batches), expected)
    assert len(list(batches)) == batches.cardinality() == -(-len(expected) // 32)


def test_batches_are_those_of_tfds_padded(builder):
    padding = dict.fromkeys(builder.info.features, 0) | schemas.PADDING
    values = {
        name: "" if name == "id" else np.array(padding[name], feature.np_dtype)
        for name, feature in builder.info.features.items()
    }
    config = tfds.ReadConfig(interleave_cycle_length=1)
    plain = builder.as_dataset(split="train", read_config=config)
    plain = plain.padded_batch(50, padding_values=values)
    for batch, expected in zip(
        reading.read_batches(builder, "train", 50), plain, strict=True
    ):
        for name in expected:
            np.testing.assert_array_equal(batch[name], expected[name])
            assert batch[name].dtype == expected[name].dtype


def order_of(builder, seed, **options):
    batches = reading.read_batches(builder, "train", 16, shuffle_seed=seed, **options)
    return [name for batch in batches for name in batch["id"].numpy().tolist()]


def test_the_same_seed_gives_the_same_order_and_another_another(builder):
    assert order_of(builder, 1) == order_of(builder, 1)
    assert order_of(builder, 1) != order_of(builder, 2)
    assert sorted(order_of(builder, 1)) == sorted(order_of(builder, 2))


def test_a_shuffled_batch_holds_examples_of_many_places(builder):
    first = order_of(builder, 1)[:64]
    assert len({name.split(b"/")[0] for name in first}) >= 10


def test_a_small_window_still_reads_every_example_once(builder, monkeypatch):
    monkeypatch.setattr(reading, "MIXED_BYTES", 1)
    assert sorted(order_of(builder, 4)) == sorted(order_of(builder, None))


@pytest.mark.parametrize("seed", [None, 5])
def test_workers_share_a_split_without_overlap(builder, seed):
    shares = [order_of(builder, seed, worker=worker, workers=3) for worker in range(3)]
    counts = collections.Counter(name for share in shares for name in share)
    assert set(counts.values()) == {1}
    assert sorted(counts) == sorted(order_of(builder, None))


def test_more_workers_than_shards_are_refused(builder):
    with pytest.raises(ValueError, match=r"each of 6 workers; it has 5: prepare it"):
        reading.read_batches(builder, "train", 16, workers=6)


@pytest.mark.parametrize("seed", [None, 5])
def test_a_remainder_can_be_left_out(builder, seed):
    total = builder.info.splits["train"].num_examples
    assert total % 13
    batches = reading.read_batches(
        builder, "train", 13, drop_remainder=True, shuffle_seed=seed
    )
    sizes = [len(batch["label"]) for batch in batches]
    assert sizes == [13] * (total // 13)
    assert batches.cardinality() == len(sizes)


@pytest.mark.parametrize("steps", [2, 40])
def test_series_can_be_padded_or_cut_to_a_stated_length(builder, steps):
    for batch in reading.read_batches(builder, "test", 8, steps=steps):
        assert batch["reflectance"].shape[1:] == (steps, 9)
        lengths = (batch["condition"].numpy() != 255).sum(axis=1)
        assert set(lengths) == {min(steps, archives.STEPS["33UVP"])}
        assert not batch["date"].numpy()[:, lengths[0] :].any()


def test_a_prepared_folder_is_read_without_its_builder(builder):
    plain = tfds.builder_from_directory(builder.data_dir)
    check_equal(
        examples(reading.read_batches(plain, "test", 10)),
        examples(reading.read_batches(builder, "test", 10)),
    )


def test_images_keep_their_shape():
    image = np.arange(2 * 3 * 5 * 2, dtype=np.float32).reshape(2, 3, 5, 2)
    field = reading.records.Field("array", np.dtype(np.float32), (3, 5, 2))
    raw = tf.constant([one.tobytes() for one in image])
    np.testing.assert_array_equal(reading._decode(raw, "image", field, None), image)
