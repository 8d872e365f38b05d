"""The parallel tasks of a build of crop series: count, draw, extract."""

from __future__ import annotations

import dataclasses

import apache_beam as beam
from apache_beam.metrics import Metrics

from tfds_eo.s2_crop_series import steps
from tfds_eo.s2_crop_series.candidates import TileCounts
from tfds_eo.s2_crop_series.extraction import BlockReceipt, BlockTask
from tfds_eo.s2_crop_series.steps import SampleRule, TileTask


@dataclasses.dataclass(eq=False)
class CountCandidates(beam.PTransform):
    """Counts the candidate pixels and parcels of each class in each tile.

    Accepts `TileTask`; returns `TileCounts`, in no particular order.

    Counters:
        ``CountCandidates/tiles``, ``CountCandidates/parcels``,
        ``CountCandidates/pixels``.

    Attributes:
        work: The work folder.
        rule: How samples are drawn.
    """

    work: str
    rule: SampleRule

    def expand(self, tiles: beam.PCollection[TileTask]) -> beam.PCollection[TileCounts]:
        """Applies the transform."""
        return (
            tiles
            # The tiles come from one Create: break fusion, or one worker counts all.
            | "SpreadTiles" >> beam.Reshuffle()
            | "CountTile" >> beam.Map(self._count).with_output_types(TileCounts)
        )

    def _count(self, task: TileTask) -> TileCounts:
        counts = steps.count_tile(self.work, self.rule, task)
        Metrics.counter(CountCandidates, "tiles").inc()
        Metrics.counter(CountCandidates, "parcels").inc(sum(counts.parcels))
        Metrics.counter(CountCandidates, "pixels").inc(sum(counts.pixels))
        return counts


@dataclasses.dataclass(eq=False)
class DrawSamples(beam.PTransform):
    """Draws the samples of each tile and writes them.

    Accepts `TileTask`; returns `BlockTask`: the stored blocks that hold samples.

    Counters:
        ``DrawSamples/tiles``, ``DrawSamples/samples``, ``DrawSamples/blocks``.

    Attributes:
        work: The work folder.
        rule: How samples are drawn.
    """

    work: str
    rule: SampleRule

    def expand(self, tiles: beam.PCollection[TileTask]) -> beam.PCollection[BlockTask]:
        """Applies the transform."""
        return (
            tiles
            # As in `CountCandidates`: the tiles come from one Create.
            | "SpreadTiles" >> beam.Reshuffle()
            | "DrawTile" >> beam.FlatMap(self._draw).with_output_types(BlockTask)
        )

    def _draw(self, task: TileTask) -> list[BlockTask]:
        blocks = steps.draw_tile(self.work, self.rule, task)
        Metrics.counter(DrawSamples, "tiles").inc()
        Metrics.counter(DrawSamples, "samples").inc(sum(task.allotted))
        Metrics.counter(DrawSamples, "blocks").inc(len(blocks))
        return blocks


@dataclasses.dataclass(eq=False)
class ExtractBlocks(beam.PTransform):
    """Reads the values of the samples of each stored block at all dates.

    Accepts `BlockTask`; returns `BlockReceipt`, in no particular order. What is written
    depends on the task alone, and a block that has been extracted is not read again.

    Counters:
        ``ExtractBlocks/blocks``, ``ExtractBlocks/decoded`` (blocks of images),
        ``ExtractBlocks/broken`` (dates that could not be read).
    """

    def expand(
        self, blocks: beam.PCollection[BlockTask]
    ) -> beam.PCollection[BlockReceipt]:
        """Applies the transform."""
        return (
            blocks
            # A tile gives hundreds of blocks: break fusion, or its worker reads all.
            | "SpreadBlocks" >> beam.Reshuffle()
            | "ExtractBlock" >> beam.Map(self._extract).with_output_types(BlockReceipt)
        )

    def _extract(self, task: BlockTask) -> BlockReceipt:
        receipt = steps.extract_block(task)
        Metrics.counter(ExtractBlocks, "blocks").inc()
        Metrics.counter(ExtractBlocks, "decoded").inc(receipt.decoded)
        Metrics.counter(ExtractBlocks, "broken").inc(len(receipt.broken))
        return receipt
