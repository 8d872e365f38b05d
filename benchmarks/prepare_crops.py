"""Preparing TimeSen2Crop: our way beside the plain ones and the limit.

All on simulated archives, each way in a process of its own. Imports are not counted,
starting the workers of a pipeline is.
"""

from __future__ import annotations

import multiprocessing
import pathlib
import shutil
import zipfile
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pandas as pd
import tensorflow_datasets as tfds
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

import tfds_eo  # noqa: F401 - registers the builders.
from benchmarks.measuring import Found, Timer, fastest, measure
from benchmarks.rows import Row
from tfds_eo import legends, schemas, splits, writing
from tfds_eo.simulate import time_sen2_crop as simulate
from tfds_eo.time_sen2_crop import archive, protocol

SAMPLES = 200_000
"""Samples of the archive on which ways are compared."""

FEW, MANY = 50_000, 400_000
"""Samples of the archives on which memory is compared."""

WORKERS = 2
"""Processes that inflate members for the limit."""


def main(folder: pathlib.Path) -> list[Row]:
    """Measures everything in a folder that has a few gigabytes to spare."""
    this = f"{__name__}:"
    paths = {count: folder / str(count) for count in (FEW, SAMPLES, MANY)}
    for count, path in paths.items():
        simulate.run(simulate.Config(out=path, samples=count))
    some = str(paths[SAMPLES])
    ours = fastest([measure(f"{this}prepare", folder=some) for _ in range(3)])
    limit = fastest([measure(f"{this}inflate", folder=some) for _ in range(3)])
    plain = measure(f"{this}prepare_with_pandas", folder=some)
    slow = measure(f"{this}prepare_with_tfds_writer", folder=some)
    few, many = (measure(f"{this}prepare", folder=str(paths[n])) for n in (FEW, MANY))
    unit = "samples/s"
    return [
        Row("prepare", ours.rate, unit, "generator with pandas", plain.rate, ">= 15"),
        Row("prepare", ours.rate, unit, "TFDS's Beam writer", slow.rate, ">= 5"),
        Row("prepare", ours.seconds, "s", "zipfile alone", limit.seconds, "<= 2.5"),
        Row(
            f"prepare {MANY:,}, peak memory",
            many.together / 2**20,
            "MiB",
            f"{FEW:,} samples",
            few.together / 2**20,
        ),
    ]


def prepare(folder: str) -> Found:
    """Our builder on its local default; the data set stays for reading."""
    data = pathlib.Path(folder) / "data"
    shutil.rmtree(data, ignore_errors=True)
    builder = tfds.builder("time_sen2_crop", data_dir=data)
    with Timer() as timer:
        _prepare(builder, folder)
    return _found(timer, builder)


def prepare_with_pandas(folder: str) -> Found:
    """A plain generator builder that reads each member with pandas."""
    builder = PandasBuilder(data_dir=pathlib.Path(folder) / "pandas")
    with Timer() as timer:
        _prepare(builder, folder)
    return _found(timer, builder)


def prepare_with_tfds_writer(folder: str) -> Found:
    """Our reading of blocks, TFDS's own Beam writer, on as many processes as ours."""
    builder = BeamWriterBuilder(data_dir=pathlib.Path(folder) / "beam")
    with Timer() as timer:
        _prepare(
            builder,
            folder,
            beam_runner=FnApiRunner(),
            beam_options=writing.local_options(1 << 40),
        )
    return _found(timer, builder)


def inflate(folder: str) -> Found:
    """The limit: every member inflated by `zipfile`, nothing else, on all cores."""
    path = str(pathlib.Path(folder) / protocol.ARCHIVE_NAME)
    context = multiprocessing.get_context("fork")
    ready, go = context.Barrier(WORKERS + 1), context.Barrier(WORKERS + 1)
    workers = [
        context.Process(target=_inflate, args=(path, worker, ready, go))
        for worker in range(WORKERS)
    ]
    for worker in workers:
        worker.start()
    ready.wait()
    with Timer() as timer:
        go.wait()
        for worker in workers:
            worker.join()
    return {"seconds": timer.seconds}


def _inflate(path: str, worker: int, ready: Any, go: Any) -> None:  # noqa: ANN401
    with zipfile.ZipFile(path) as opened:
        members = [i for i in opened.infolist() if not i.is_dir()][worker::WORKERS]
        ready.wait()
        go.wait()
        for member in members:
            opened.read(member)


def _prepare(
    builder: tfds.core.DatasetBuilder,
    folder: str,
    **config: Any,  # noqa: ANN401
) -> None:
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(
            manual_dir=folder, try_download_gcs=False, **config
        )
    )


def _found(timer: Timer, builder: tfds.core.DatasetBuilder) -> Found:
    count = sum(split.num_examples for split in builder.info.splits.values())
    return {"seconds": timer.seconds, "samples": count}


class PandasBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """What one writes first: a generator, a member at a time."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = "Simulate an archive."

    def _info(self) -> tfds.core.DatasetInfo:
        features = schemas.crop_series(
            legends.TIME_SEN2_CROP, tiles=protocol.TILES, seasons=protocol.SEASONS
        )
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager: Any, pipeline: Any = None) -> dict:  # noqa: ANN401
        path = dl_manager.manual_dir / protocol.ARCHIVE_NAME
        split_of = splits.split_by_place(protocol.FOLDERS, protocol.HELD_OUT)
        return {
            split: self._generate_examples(
                path, {f for f, found in split_of.items() if found == split}
            )
            for split in dict.fromkeys(split_of.values())
        }

    def _generate_examples(
        self, path: pathlib.Path, folders: set[str]
    ) -> Iterator[tuple[str, Found]]:
        days = {}
        with zipfile.ZipFile(path) as opened:
            for name in opened.namelist():
                folder = name.split("/")[1]
                if folder not in folders or not name.endswith(".csv"):
                    continue
                with opened.open(name) as member:
                    table = pd.read_csv(member)
                if name.endswith(protocol.DATES_NAME):
                    dates = pd.to_datetime(table.acquisition_date, format="%Y%m%d")
                    days[folder] = dates.to_numpy("datetime64[D]").astype(np.int32)
                    continue
                tile, season = protocol.FOLDERS[folder]
                yield (
                    name,
                    {
                        "reflectance": table.iloc[:, :9].to_numpy(np.uint16),
                        "condition": table.Flag.to_numpy(np.uint8),
                        "date": days[folder],
                        "label": int(name.split("/")[2]),
                        "tile": tile,
                        "season": season,
                        "id": name.partition("/")[2].removesuffix(".csv"),
                    },
                )


class BeamWriterBuilder(PandasBuilder, skip_registration=True):
    """The same blocks and the same parsing as ours, but TFDS encodes and writes."""

    def _split_generators(self, dl_manager: Any, pipeline: Any = None) -> dict:  # noqa: ANN401
        path = str(dl_manager.manual_dir / protocol.ARCHIVE_NAME)
        split_of = splits.split_by_place(protocol.FOLDERS, protocol.HELD_OUT)
        runs: dict[str, list[archive.SampleRun]] = {}
        for run in archive.open_archive(path).runs():
            count = run.stop - run.start
            parts = [
                run.part(at, min(at + 1000, count)) for at in range(0, count, 1000)
            ]
            runs.setdefault(split_of[run.folder], []).extend(parts)
        return {
            split: beam.Create(parts) | beam.Reshuffle() | beam.FlatMap(_examples)
            for split, parts in runs.items()
        }


def _examples(run: archive.SampleRun) -> Iterator[tuple[str, Found]]:
    columns = archive.read_run(run)
    for row, name in enumerate(columns["id"]):
        example = {key: column[row] for key, column in columns.items()}
        yield name.decode(), example | {"id": name.decode()}
