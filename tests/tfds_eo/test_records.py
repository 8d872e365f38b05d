"""Records are what TensorFlow writes, whatever their sizes."""

import io

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from hypothesis import strategies as st

from tfds_eo import records

FEATURES = tfds.features.FeaturesDict(
    {
        "series": tfds.features.Tensor(
            shape=(None, 3), dtype=np.uint16, encoding="bytes"
        ),
        "image": tfds.features.Tensor(shape=(2, 5), dtype=np.float32, encoding="bytes"),
        "label": tfds.features.ClassLabel(num_classes=300),
        "height": tfds.features.Scalar(np.float32),
        "offset": tfds.features.Scalar(np.int64),
        "id": tfds.features.Text(),
    }
)
FIELDS = records.fields_of(FEATURES)


def serialised_by_tensorflow(columns, row):
    """The obvious second version: one protocol buffer, feature by feature."""
    example = tf.train.Example()
    for name, column in columns.items():
        feature = example.features.feature[name]
        value = column[row]
        if name in ("series", "image"):
            feature.bytes_list.value.append(value.tobytes())
        elif name == "id":
            feature.bytes_list.value.append(bytes(value))
        elif name == "height":
            feature.float_list.value.append(float(value))
        else:
            feature.int64_list.value.append(int(value))
    return example.SerializeToString(deterministic=True)


def written_by_tensorflow(serialised, path):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in serialised:
            writer.write(record)
    return path.read_bytes()


def columns_of(ids, labels, offsets, steps, seed=0):
    random = np.random.default_rng(seed)
    count = len(ids)
    return {
        "series": random.integers(0, 65536, (count, steps, 3)).astype(np.uint16),
        "image": random.normal(size=(count, 2, 5)).astype(np.float32),
        "label": np.array(labels),
        "height": random.normal(size=count).astype(np.float32),
        "offset": np.array(offsets, np.int64),
        "id": np.array(ids, object),
    }


rows = st.lists(
    st.tuples(
        st.binary(max_size=200),
        st.integers(0, 299),
        st.integers(-(2**63), 2**63 - 1),
    ),
    min_size=1,
    max_size=12,
)


@hypothesis.given(rows=rows, steps=st.integers(0, 40), seed=st.integers(0, 99))
@hypothesis.settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
def test_records_are_byte_for_byte_what_tensorflow_writes(rows, steps, seed, tmp_path):
    columns = columns_of(*zip(*rows, strict=True), steps=steps, seed=seed)
    serialised = [serialised_by_tensorflow(columns, row) for row in range(len(rows))]
    expected = written_by_tensorflow(serialised, tmp_path / "records")
    assert b"".join(records.encode(columns, FIELDS)) == expected


def test_text_of_fixed_width_is_written_without_its_padding():
    columns = columns_of([b"a", b"long", b""], [1, 2, 3], [4, 5, 6], steps=2)
    padded = columns | {"id": np.array([b"a", b"long", b""], "S9")}
    assert records.encode(padded, FIELDS) == records.encode(columns, FIELDS)


def test_values_beyond_one_byte_of_length_come_back_by_tfds():
    columns = columns_of([b"x" * 300], [299], [-1], steps=7000)
    (record,) = records.encode(columns, FIELDS)
    example = FEATURES.deserialize_example(record[12:-4])
    np.testing.assert_array_equal(example["series"], columns["series"][0])
    assert example["label"] == 299
    assert example["offset"] == -1


def test_no_examples_are_no_records():
    columns = {
        name: column[:0] for name, column in columns_of([b""], [0], [0], 1).items()
    }
    assert records.encode(columns, FIELDS) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": np.zeros(3, int)}, "same number of examples"),
        ({"series": np.zeros((2, 4, 3), np.int16)}, "'series' must be uint16"),
        ({"series": np.zeros((2, 4, 2), np.uint16)}, r"of shape \(4, 2\)"),
        ({"image": np.zeros((2, 5, 2), np.float32)}, r"shape \(2, 5\); got float32"),
        ({"other": np.zeros(2)}, "must have the features"),
    ],
)
def test_columns_that_do_not_fit_the_fields_are_refused(change, message):
    columns = columns_of([b"a", b"b"], [1, 2], [3, 4], steps=4)
    with pytest.raises(ValueError, match=message):
        records.encode(columns | change, FIELDS)


@pytest.mark.parametrize(
    "feature",
    [
        tfds.features.Tensor(shape=(None, 3), dtype=np.uint16),
        tfds.features.Tensor(shape=(None, None), dtype=np.uint16, encoding="bytes"),
        tfds.features.Tensor(shape=(3, None), dtype=np.uint16, encoding="bytes"),
    ],
)
def test_arrays_are_stored_as_bytes_or_refused(feature):
    with pytest.raises(ValueError, match="'series' must be"):
        records.fields_of(tfds.features.FeaturesDict({"series": feature}))


def test_frames_carry_the_checksums_that_tensorflow_verifies(tmp_path):
    columns = columns_of([b"a", b"bb"], [1, 2], [3, 4], steps=4)
    path = tmp_path / "records"
    path.write_bytes(b"".join(records.encode(columns, FIELDS)))
    assert len(list(tf.data.TFRecordDataset(str(path)))) == 2
    damaged = io.BytesIO(path.read_bytes())
    damaged.seek(40)
    damaged.write(b"\xff\x00\xff")
    path.write_bytes(damaged.getvalue())
    with pytest.raises(tf.errors.DataLossError):
        list(tf.data.TFRecordDataset(str(path)))
