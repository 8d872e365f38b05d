"""The one writer: blocks of examples to whole shards of TFRecords.

Which examples a shard holds, and in which order, is fixed before anything is read. So
shards are written independently of each other, in any order, by any number of workers,
and their bytes are always the same.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, cast

import apache_beam as beam
import fsspec
import numpy as np
from apache_beam.metrics import Metrics

from tfds_eo import records
from tfds_eo.records import Columns, Field

SHARD_BYTES = 64 << 20
"""Least size of a shard of a large split; the largest is just below twice as much."""

SPREAD_SHARDS = 4
"""Least number of shards of a split that is worth sharing among workers."""

SPREAD_BYTES = 16 << 20
"""Least size of a shard that a split is cut into only to be shared among workers."""

BLOCK_BYTES = 4 << 20
"""Size to which a divisible block is cut, so that reading it stays in the cache."""

MANIFEST = "shards.json"
"""File of a data set that lists its shards with their sizes and digests."""


class Divisible(Protocol):
    """The source of a block that can be cut into parts."""

    def part(self, start: int, stop: int) -> Any:  # noqa: ANN401 - the same type again.
        """Returns the source of the examples from ``start`` to before ``stop``."""


@dataclasses.dataclass(frozen=True)
class Block:
    """A piece of the input that is read and decoded once.

    Attributes:
        source: What ``read_block`` is called with; picklable. If it is `Divisible`, the
            planner may cut the block, so that every shard gets its share of it.
        examples: Number of examples in the block.
        bytes: Size of its records, estimated.
    """

    source: Any
    examples: int
    bytes: int


@dataclasses.dataclass(frozen=True)
class ShardPlan:
    """What one shard consists of.

    Attributes:
        split: Name of the split.
        shard: Number of the shard in the split, from 0.
        path: Where the shard is written.
        sources: Sources of its blocks.
        examples: Number of its examples.
        seed: Seed of the order of its examples.
    """

    split: str
    shard: int
    path: str
    sources: tuple[Any, ...]
    examples: int
    seed: int


@dataclasses.dataclass(frozen=True)
class ShardReceipt:
    """What was written as one shard.

    Attributes:
        split: Name of the split.
        shard: Number of the shard in the split, from 0.
        examples: Number of examples.
        bytes: Size of the file.
        digest: SHA-256 of the checksums of the records, in their order.
        labels: Number of examples of each class, by id; empty without a ``label``.
    """

    split: str
    shard: int
    examples: int
    bytes: int
    digest: str
    labels: tuple[int, ...]


ReadBlock = Callable[[Any], Columns | Sequence[Columns]]
"""Reads a block's source: its examples, in groups where their shapes differ."""


def shards_for(size: int) -> int:
    """Returns into how many shards a split of ``size`` bytes is cut."""
    return max(1, size // SHARD_BYTES, min(SPREAD_SHARDS, size // SPREAD_BYTES))


def plan_shards(
    split: str,
    blocks: Sequence[Block],
    path_of: Callable[[int, int], str],
    *,
    shards: int | None = None,
    seed: int = 0,
) -> list[ShardPlan]:
    """Decides which shard holds which examples of a split.

    Every shard gets an equal share of each divisible block; blocks that cannot be
    divided go, in their order, to the shard with the fewest examples so far. List the
    blocks by place and class, and each shard is a sample of all places and classes.

    Args:
        split: Name of the split.
        blocks: Its blocks.
        path_of: Returns the path of a shard from its number and the number of shards.
        shards: Number of shards; None chooses it by `shards_for`. There are never more
            shards than can be filled.
        seed: Seed of the order of the examples in each shard.

    Returns:
        A plan for each shard, by number.

    Raises:
        ValueError: If the split has no examples.
    """
    blocks = [block for block in blocks if block.examples]
    examples = sum(block.examples for block in blocks)
    if not examples:
        raise ValueError(
            f"split {split!r} must have examples; got none: check that the input holds"
            " the places that belong to it"
        )
    wanted = shards or shards_for(sum(block.bytes for block in blocks))
    divisible = all(hasattr(block.source, "part") for block in blocks)
    wanted = min(wanted, examples if divisible else len(blocks))
    sources: list[list[Any]] = [[] for _ in range(wanted)]
    filled = [0] * wanted
    for block in blocks:
        if hasattr(block.source, "part"):
            _share(block, sources, filled)
        else:
            least = filled.index(min(filled))
            sources[least].append(block.source)
            filled[least] += block.examples
    return [
        ShardPlan(
            split=split,
            shard=shard,
            path=path_of(shard, wanted),
            sources=tuple(sources[shard]),
            examples=filled[shard],
            seed=seed,
        )
        for shard in range(wanted)
    ]


def _share(block: Block, sources: list[list[Any]], filled: list[int]) -> None:
    """Deals equal shares of a block; what remains goes to the emptiest shards."""
    shards = len(sources)
    least, rest = divmod(block.examples, shards)
    favoured = set(sorted(range(shards), key=lambda s: (filled[s], s))[:rest])
    most = max(1, BLOCK_BYTES * block.examples // max(block.bytes, 1))
    start = 0
    for shard in range(shards):
        stop = start + least + (shard in favoured)
        for first in range(start, stop, most):
            part = cast(Divisible, block.source).part(first, min(stop, first + most))
            sources[shard].append(part)
        filled[shard] += stop - start
        start = stop


def write_shard(
    plan: ShardPlan, read_block: ReadBlock, fields: Mapping[str, Field]
) -> ShardReceipt:
    """Writes one shard, whole or not at all, and holds no more than it.

    The examples come in an order drawn from the plan's seed, split and number.

    Raises:
        ValueError: If the blocks do not hold as many examples as planned.
    """
    written: list[bytes] = []
    labels = np.zeros(0, np.int64)
    for source in plan.sources:
        found = read_block(source)
        for columns in [found] if isinstance(found, Mapping) else found:
            written.extend(records.encode(columns, fields))
            if "label" in columns:
                counts = np.bincount(columns["label"].astype(np.int64))
                more = np.zeros(max(len(counts), len(labels)), np.int64)
                more[: len(labels)] += labels
                more[: len(counts)] += counts
                labels = more
    if len(written) != plan.examples:
        raise ValueError(
            f"shard {plan.path} must hold {plan.examples} examples; its blocks gave"
            f" {len(written)}"
        )
    key = hashlib.sha256(f"{plan.seed}/{plan.split}/{plan.shard}".encode()).digest()
    random = np.random.Generator(np.random.PCG64(int.from_bytes(key[:16], "little")))
    order = random.permutation(len(written)).tolist()
    digest = hashlib.sha256()
    for example in order:
        digest.update(written[example][-4:])
    _write_whole(plan.path, written, order)
    return ShardReceipt(
        split=plan.split,
        shard=plan.shard,
        examples=len(written),
        bytes=sum(map(len, written)),
        digest=digest.hexdigest(),
        labels=tuple(labels.tolist()),
    )


def _write_whole(path: str, written: Sequence[bytes], order: Sequence[int]) -> None:
    if "://" in path:
        # An object appears when it is complete; there is nothing to rename.
        filesystem, name = fsspec.core.url_to_fs(path)
        file = filesystem.open(name, "wb", autocommit=False)
        try:
            file.writelines(written[example] for example in order)
            file.close()
        except BaseException:
            file.discard()
            raise
        file.commit()
        return
    folder, name = os.path.split(path)
    # TFDS removes what has such a name, should the process be killed.
    temporary = os.path.join(folder, f"incomplete.{uuid.uuid4().hex}.{name}")
    try:
        with open(temporary, "wb", buffering=1 << 20) as file:
            file.writelines(written[example] for example in order)
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.remove(temporary)
        raise


@dataclasses.dataclass(eq=False)
class WriteShards(beam.PTransform):
    """Writes each shard whole, from the blocks that its plan names.

    Accepts `ShardPlan`; returns `ShardReceipt`, in no particular order. The bytes of a
    shard depend on its plan alone: written twice, it is written the same.

    Counters:
        ``WriteShards/shards``, ``WriteShards/examples``, ``WriteShards/bytes``.

    Attributes:
        read_block: Reads the source of a block; pure and picklable.
        fields: How each feature is stored.
    """

    read_block: ReadBlock
    fields: Mapping[str, Field]

    def expand(
        self, plans: beam.PCollection[ShardPlan]
    ) -> beam.PCollection[ShardReceipt]:
        """Applies the transform."""
        return (
            plans
            # The plans come from one Create: break fusion, or one worker writes all.
            | "SpreadShards" >> beam.Reshuffle()
            | "WriteShard" >> beam.Map(self._write).with_output_types(ShardReceipt)
        )

    def _write(self, plan: ShardPlan) -> ShardReceipt:
        receipt = write_shard(plan, self.read_block, self.fields)
        Metrics.counter(WriteShards, "shards").inc()
        Metrics.counter(WriteShards, "examples").inc(receipt.examples)
        Metrics.counter(WriteShards, "bytes").inc(receipt.bytes)
        return receipt


@dataclasses.dataclass(eq=False)
class WriteManifest(beam.PTransform):
    """Writes the receipts of all shards as one file, `MANIFEST`.

    Accepts `ShardReceipt`; returns the path of the file.

    Attributes:
        folder: Folder of the shards.
    """

    folder: str

    def expand(self, receipts: beam.PCollection[ShardReceipt]) -> beam.PCollection[str]:
        """Applies the transform."""
        return (
            receipts
            | "CollectReceipts" >> beam.combiners.ToList()
            | "WriteManifest" >> beam.Map(self._write).with_output_types(str)
        )

    def _write(self, receipts: list[ShardReceipt]) -> str:
        rows = [
            dataclasses.asdict(receipt)
            for receipt in sorted(receipts, key=lambda r: (r.split, r.shard))
        ]
        text = json.dumps({"shards": rows}, indent=1) + "\n"
        path = f"{self.folder.rstrip('/')}/{MANIFEST}"
        _write_whole(path, [text.encode()], [0])
        return path


def read_manifest(folder: str) -> list[ShardReceipt]:
    """Returns what `WriteManifest` wrote, by split and shard."""
    path = f"{folder.rstrip('/')}/{MANIFEST}"
    with fsspec.open(path, "rt") as file:
        rows = json.load(file)["shards"]
    return [ShardReceipt(**row | {"labels": tuple(row["labels"])}) for row in rows]


def check_manifest(
    plans: Sequence[ShardPlan], receipts: Sequence[ShardReceipt]
) -> dict[str, list[ShardReceipt]]:
    """Makes sure that every planned shard lies there as it was written.

    Returns:
        The receipts of each split, by shard, in the order of the plans.

    Raises:
        ValueError: If a shard is missing, differs in size, or was not planned.
    """
    found = {(receipt.split, receipt.shard): receipt for receipt in receipts}
    planned = {(plan.split, plan.shard) for plan in plans}
    if found.keys() != planned or len(found) != len(receipts):
        raise ValueError(
            f"the pipeline must write each of {len(planned)} planned shards once; got"
            f" {len(receipts)} receipts for {len(found)} shards"
        )
    splits: dict[str, list[ShardReceipt]] = {}
    for plan in plans:
        receipt = found[plan.split, plan.shard]
        filesystem, name = fsspec.core.url_to_fs(plan.path)
        size = filesystem.size(name) if filesystem.exists(name) else None
        if size != receipt.bytes:
            raise ValueError(
                f"shard {plan.path} must have {receipt.bytes} bytes; got {size}"
            )
        splits.setdefault(plan.split, []).append(receipt)
    return splits


def fingerprint(receipts: Sequence[ShardReceipt]) -> str:
    """Returns a digest of all records of a data set, in their order."""
    digest = hashlib.sha256()
    for receipt in sorted(receipts, key=lambda r: (r.split, r.shard)):
        digest.update(f"{receipt.split}/{receipt.shard}/{receipt.digest}\n".encode())
    return digest.hexdigest()
