"""The one writer as a pipeline: on this machine, or on the runner of the caller."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence

import apache_beam as beam
import fsspec
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.portability import local_job_service
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from tqdm import tqdm

from tfds_eo import records, shards
from tfds_eo.shards import ReadBlock, ShardPlan, ShardReceipt

LARGE_BYTES = 1 << 30
"""From this size of the output on, processes of their own are worth their start."""


def write_all(
    plans: Sequence[ShardPlan],
    read_block: ReadBlock,
    fields: Mapping[str, records.Field],
    *,
    folder: str,
    runner: str | beam.runners.PipelineRunner | None = None,
    options: PipelineOptions | None = None,
    size: int = 0,
) -> dict[str, list[ShardReceipt]]:
    """Runs the pipeline that writes all shards, and checks what it wrote.

    Args:
        plans: What each shard consists of.
        read_block: Reads the source of a block.
        fields: How each feature is stored.
        folder: Folder of the shards, which this machine and all workers can reach.
        runner: Beam runner; None takes the one of the options, else this machine.
        options: Beam options.
        size: Estimated size of all shards, which decides whether several local
            processes are worth starting.

    Returns:
        The receipts of each split, by shard.

    Raises:
        ValueError: If a shard is missing or differs from what was planned.
    """
    with _progress(plans), open_pipeline(runner, options, size=size) as pipeline:
        _ = (
            pipeline
            | "Plans" >> beam.Create(list(plans), reshuffle=False)
            | "WriteShards" >> shards.WriteShards(read_block, fields)
            | "WriteManifest" >> shards.WriteManifest(folder)
        )
    return shards.check_manifest(plans, shards.read_manifest(folder))


@contextlib.contextmanager
def open_pipeline(
    runner: str | beam.runners.PipelineRunner | None = None,
    options: PipelineOptions | None = None,
    *,
    size: int = 0,
) -> Iterator[beam.Pipeline]:
    """Gives a pipeline that runs when the context ends, by default on this machine.

    Args:
        runner: Beam runner; None takes the one of the options, else this machine.
        options: Beam options.
        size: Estimated size of what is written, in bytes, which decides whether local
            processes are worth starting.

    Raises:
        ValueError: What a step of the pipeline raised, without Beam's wrapping.
    """
    if runner is None and (options is None or not _names_runner(options)):
        # Beam's own default would look for a runner on the network first.
        runner = FnApiRunner()
        options = options or local_options(size)
        # It repeats the errors of its workers, and tells of folders it does not need.
        logging.getLogger(local_job_service.__name__).setLevel(logging.CRITICAL)
    with _plain_errors(), beam.Pipeline(runner=runner, options=options) as pipeline:
        yield pipeline


def local_options(size: int) -> PipelineOptions:
    """Returns options to run on all cores of this machine.

    Args:
        size: Estimated size of the output in bytes. A large one is written by a process
            for each core, any other by threads of this process: inflating, parsing and
            checksums run beside each other in both, but processes take seconds to
            start, and threads share one Python.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    mode = "multi_threading" if size < LARGE_BYTES else "multi_processing"
    # Without the empty list Beam would read the command line of this process.
    return PipelineOptions([], direct_running_mode=mode, direct_num_workers=cores)


def _names_runner(options: PipelineOptions) -> bool:
    return options.view_as(StandardOptions).runner is not None


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """Raises what a reader complains of as it was raised, without Beam's wrapping.

    From another process it arrives as a `RuntimeError` with the text of a traceback.
    """
    try:
        yield
    except (ValueError, RuntimeError) as error:
        text = str(error)
        if isinstance(error, RuntimeError):
            _, found, text = text.rpartition("\nValueError: ")
            if not found:
                raise
        step = re.search(r" \[while running '[^']*'\]\s*\Z", text)
        raise ValueError(text[: step.start()] if step else text.strip()) from error


@contextlib.contextmanager
def _progress(plans: Sequence[ShardPlan], seconds: float = 0.5) -> Iterator[None]:
    """Shows a bar that grows as shards appear, whichever runner writes them."""
    waiting = {plan.path: plan.examples for plan in plans}
    done = threading.Event()
    with tqdm(
        total=sum(waiting.values()),
        desc="Writing shards",
        unit=" examples",
        unit_scale=True,
        delay=2 * seconds,
        leave=False,
    ) as bar:

        def look() -> None:
            for path in list(waiting):
                filesystem, name = fsspec.core.url_to_fs(path)
                if filesystem.exists(name):
                    bar.update(waiting.pop(path))

        def watch() -> None:
            while not done.wait(seconds):
                look()

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()
            look()
