"""Shards: which examples they hold, in which order, written whole or not at all."""

import dataclasses
import itertools
import os

import apache_beam as beam
import hypothesis
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from hypothesis import strategies as st

from tfds_eo import records, shards, writing
from tfds_eo.shards import Block

FIELDS = records.fields_of(
    tfds.features.FeaturesDict(
        {
            "place": tfds.features.Scalar(np.int64),
            "label": tfds.features.ClassLabel(num_classes=5),
        }
    )
)


@dataclasses.dataclass(frozen=True)
class Numbers:
    """Examples that are numbers, from start to before stop."""

    start: int
    stop: int

    def part(self, start, stop):
        return Numbers(self.start + start, self.start + stop)


@dataclasses.dataclass(frozen=True)
class Whole:
    """Numbers that can't be parted."""

    start: int
    stop: int


def read(source):
    numbers = np.arange(source.start, source.stop)
    return {"place": numbers, "label": numbers % 5}


def read_damaged(source):
    if source.start <= 37 < source.stop:
        raise ValueError("member 37 of numbers.zip must be whole; it\nis damaged")
    return read(source)


def blocks_of(sizes, kind=Numbers, size=100):
    ends = np.cumsum(sizes).tolist()
    return [
        Block(kind(end - count, end), count, count * size)
        for count, end in zip(sizes, ends, strict=True)
    ]


def numbers_in(path):
    values = []
    for record in tf.data.TFRecordDataset(str(path)):
        example = tf.train.Example.FromString(record.numpy())
        values.append(example.features.feature["place"].int64_list.value[0])
    return values


def plan(folder, blocks, count=None, seed=0, split="train"):
    return shards.plan_shards(
        split,
        blocks,
        lambda shard, shards: f"{folder}/{split}-{shard:05}-of-{shards:05}",
        shards=count,
        seed=seed,
    )


sizes = st.lists(st.integers(0, 60), min_size=1, max_size=8).filter(any)


@hypothesis.given(sizes=sizes, count=st.integers(1, 9))
def test_every_example_is_in_one_shard_and_shards_are_equally_full(sizes, count):
    plans = plan("", blocks_of(sizes), count)
    held = [
        [number for source in p.sources for number in range(source.start, source.stop)]
        for p in plans
    ]
    assert sorted(itertools.chain(*held)) == list(range(sum(sizes)))
    assert [len(numbers) for numbers in held] == [p.examples for p in plans]
    assert max(map(len, held)) - min(map(len, held)) <= 1
    assert len(plans) == min(count, sum(sizes))


@hypothesis.given(sizes=sizes, count=st.integers(1, 9))
def test_every_shard_gets_its_share_of_every_place(sizes, count):
    plans = plan("", blocks_of(sizes), count)
    end = 0
    for size in sizes:
        start, end = end, end + size
        shares = [
            sum(max(0, min(s.stop, end) - max(s.start, start)) for s in p.sources)
            for p in plans
        ]
        assert max(shares) - min(shares) <= 1


@hypothesis.given(sizes=sizes, count=st.integers(1, 9))
def test_blocks_that_cannot_be_parted_stay_whole(sizes, count):
    plans = plan("", blocks_of(sizes, Whole), count)
    held = [source for p in plans for source in p.sources]
    assert sorted(held, key=lambda s: s.start) == [
        block.source for block in blocks_of(sizes, Whole) if block.examples
    ]
    assert all(p.examples for p in plans)


def test_shards_have_64_to_128_mebibytes_where_there_is_enough():
    assert [
        shards.shards_for(size << 20) for size in (1, 31, 32, 64, 130, 640, 1300)
    ] == [*(1, 1, 2, 4, 4, 10, 20)]
    for size in range(256, 3000, 7):
        assert 64 <= size / shards.shards_for(size << 20) < 128


def test_large_blocks_are_read_in_parts_of_bounded_size():
    blocks = blocks_of([100_000], size=1000)
    for p in plan("", blocks, 3):
        parts = [source.stop - source.start for source in p.sources]
        assert max(parts) * 1000 <= shards.BLOCK_BYTES
        assert sum(parts) == p.examples


def test_an_empty_split_is_refused():
    with pytest.raises(ValueError, match="split 'test' must have examples"):
        plan("", blocks_of([0, 0]), split="test")


def test_a_shard_holds_its_examples_in_an_order_of_its_own(tmp_path):
    first, second = plan(tmp_path, blocks_of([40, 61]), 2)
    receipt = shards.write_shard(first, read, FIELDS)
    shards.write_shard(second, read, FIELDS)
    numbers = numbers_in(first.path), numbers_in(second.path)
    assert sorted(numbers[0] + numbers[1]) == list(range(101))
    assert numbers[0] != sorted(numbers[0])
    ranks = [np.argsort(np.argsort(n))[:50].tolist() for n in numbers]
    assert ranks[0] != ranks[1]
    assert receipt.examples == len(numbers[0])
    assert receipt.bytes == os.path.getsize(first.path)
    assert receipt.labels == tuple(np.bincount(np.array(numbers[0]) % 5).tolist())


def test_another_seed_gives_another_order_of_the_same_examples(tmp_path):
    (one,), (two,) = (plan(tmp_path, blocks_of([50]), 1, seed=seed) for seed in (1, 2))
    shards.write_shard(one, read, FIELDS)
    before = numbers_in(one.path)
    shards.write_shard(two, read, FIELDS)
    assert numbers_in(two.path) != before
    assert sorted(numbers_in(two.path)) == sorted(before)


def test_a_shard_that_cannot_be_read_leaves_no_file(tmp_path):
    (only,) = plan(tmp_path, blocks_of([50]), 1)
    with pytest.raises(ValueError, match="member 37"):
        shards.write_shard(only, read_damaged, FIELDS)
    assert os.listdir(tmp_path) == []


def test_a_disk_that_fills_up_leaves_no_file(tmp_path, monkeypatch):
    (only,) = plan(tmp_path, blocks_of([50]), 1)

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        shards.write_shard(only, read, FIELDS)
    assert os.listdir(tmp_path) == []


def test_blocks_that_give_fewer_examples_than_planned_are_refused(tmp_path):
    (only,) = plan(tmp_path, blocks_of([50]), 1)
    with pytest.raises(ValueError, match="must hold 51 examples; its blocks gave 50"):
        shards.write_shard(dataclasses.replace(only, examples=51), read, FIELDS)


def test_the_transform_counts_what_it_writes(tmp_path):
    plans = plan(tmp_path, blocks_of([40, 61]), 3)
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        _ = pipeline | beam.Create(plans) | shards.WriteShards(read, FIELDS)
    found = pipeline.result.metrics().query()["counters"]
    counters = {c.key.metric.name: c.committed for c in found}
    size = sum(os.path.getsize(p.path) for p in plans)
    assert counters == {"shards": 3, "examples": 101, "bytes": size}


def test_what_a_reader_complains_of_arrives_as_it_was_said(tmp_path):
    plans = plan(tmp_path, blocks_of([50]), 2)
    with pytest.raises(ValueError, match="member 37") as caught:
        writing.write_all(plans, read_damaged, FIELDS, folder=str(tmp_path))
    assert str(caught.value) == "member 37 of numbers.zip must be whole; it\nis damaged"


def test_a_manifest_comes_back_as_it_was_written(tmp_path):
    plans = plan(tmp_path, blocks_of([40, 61]), 3)
    receipts = writing.write_all(plans, read, FIELDS, folder=str(tmp_path))["train"]
    assert shards.read_manifest(str(tmp_path)) == receipts
    assert [r.shard for r in receipts] == [0, 1, 2]


def test_a_shard_that_changed_after_it_was_written_is_noticed(tmp_path):
    plans = plan(tmp_path, blocks_of([40, 61]), 3)
    receipts = writing.write_all(plans, read, FIELDS, folder=str(tmp_path))["train"]
    with pytest.raises(ValueError, match="each of 3 planned shards once; got 2"):
        shards.check_manifest(plans, receipts[:2])
    os.truncate(plans[1].path, 10)
    with pytest.raises(ValueError, match=r"must have \d+ bytes; got 10"):
        shards.check_manifest(plans, receipts)
    os.remove(plans[1].path)
    with pytest.raises(ValueError, match=r"must have \d+ bytes; got None"):
        shards.check_manifest(plans, receipts)


def test_a_fingerprint_tells_one_changed_record(tmp_path):
    def fingerprint(reader):
        plans = plan(tmp_path, blocks_of([40, 61]), 3)
        found = writing.write_all(plans, reader, FIELDS, folder=str(tmp_path))
        return shards.fingerprint(found["train"])

    def changed(source):
        columns = read(source)
        return columns | {"label": columns["label"] ^ (columns["place"] == 99)}

    assert fingerprint(read) == fingerprint(read)
    assert fingerprint(read) != fingerprint(changed)
