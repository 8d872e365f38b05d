"""Builder of `time_sen2_crop`: from the published archive to records."""

from __future__ import annotations

import hashlib
import os

import fsspec
import tensorflow_datasets as tfds

from tfds_eo import legends, schemas, splits
from tfds_eo.builder import Prepared, ShardsBuilder
from tfds_eo.shards import Block, ReadBlock
from tfds_eo.simulate import SIMULATED_COMMENT
from tfds_eo.time_sen2_crop import archive, protocol
from tfds_eo.zip_directory import RangeReader

RECORD_BYTES = 140
"""Size of a record without its series: names, numbers, id and frame."""


class Builder(ShardsBuilder):  # type: ignore[misc] # A class of TFDS.
    """Builder of the TimeSen2Crop data set."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(
            name="official",
            description="Train, validation and test by tile, after the publication.",
        ),
        tfds.core.BuilderConfig(
            name="by_tile", description="A split for each tile folder of the archive."
        ),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        f"Not needed: {protocol.ARCHIVE_NAME} is downloaded from {protocol.ARCHIVE_URL}"
        " unless it lies in manual_dir."
    )

    def _info(self) -> tfds.core.DatasetInfo:
        series = ("reflectance", "condition", "date")
        return self.dataset_info_from_configs(
            features=schemas.crop_series(
                legends.TIME_SEN2_CROP, tiles=protocol.TILES, seasons=protocol.SEASONS
            ),
            supervised_keys=({name: name for name in series}, "label"),
            homepage="https://doi.org/10.5281/zenodo.4715630",
            license="CC-BY-4.0",
            metadata=tfds.core.MetadataDict(),
        )

    def _blocks(self, dl_manager: tfds.download.DownloadManager) -> Prepared:
        given = self._manual_file(dl_manager, protocol.ARCHIVE_NAME)
        path = os.fspath(given or _downloaded(dl_manager))
        file = RangeReader(path)
        published = _is_published(file)
        if given is None and not published:
            raise ValueError(
                f"the download of {protocol.ARCHIVE_URL} must have"
                f" {protocol.ARCHIVE_BYTES} bytes with MD5 {protocol.ARCHIVE_MD5};"
                f" {path} has {file.size} with {_md5(path)}: delete it and load again,"
                f" or put {protocol.ARCHIVE_NAME} into manual_dir"
            )
        opened = archive.opened(path, file.version())
        if self.builder_config.name == "by_tile":
            split_of = {folder: folder for folder in protocol.FOLDERS}
        else:
            split_of = splits.split_by_place(protocol.FOLDERS, protocol.HELD_OUT)
        blocks: dict[str, list[Block]] = {split: [] for split in split_of.values()}
        for run in opened.runs():
            steps = len(opened.dates[run.folder])
            # Per date nine bands of two bytes, a condition, and four bytes of date.
            size = steps * (2 * len(schemas.CROP_BANDS) + 1 + 4) + RECORD_BYTES
            count = run.stop - run.start
            blocks[split_of[run.folder]].append(Block(run, count, count * size))
        return Prepared(
            splits=blocks,
            metadata={
                "legend": legends.TIME_SEN2_CROP.name,
                "archive_bytes": file.size,
                "published": published,
                "simulated": opened.comment == SIMULATED_COMMENT,
            },
        )

    @property
    def _read_block(self) -> ReadBlock:
        return archive.read_run


def _downloaded(dl_manager: tfds.download.DownloadManager) -> os.PathLike[str]:
    try:
        return dl_manager.download(protocol.ARCHIVE_URL)
    except OSError as error:
        raise OSError(
            f"{protocol.ARCHIVE_URL} could not be downloaded, and there is no"
            f" {protocol.ARCHIVE_NAME} in manual_dir; load again, or put it there:"
            f" {error}"
        ) from error


def _md5(path: str) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with fsspec.open(path, "rb") as file:
        while piece := file.read(1 << 22):
            digest.update(piece)
    return digest.hexdigest()


def _is_published(file: RangeReader) -> bool:
    """Whether a file is the published archive; its MD5 is taken if its size fits."""
    return file.size == protocol.ARCHIVE_BYTES and (
        _md5(file.path) == protocol.ARCHIVE_MD5
    )
