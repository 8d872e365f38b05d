"""Where the files of a published set lie: given by the user, or to be downloaded."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from typing import Generic, TypeVar

import tensorflow_datasets as tfds

from tfds_eo.archives.inventory import Inventory, take_inventory
from tfds_eo.archives.manifest import read_manifest
from tfds_eo.archives.notes import is_simulated

_Stated = TypeVar("_Stated")


@dataclasses.dataclass(frozen=True)
class Opened(Generic[_Stated]):
    """A folder of files that has been looked through.

    Attributes:
        inventory: What it holds.
        stated: What its manifest states.
        simulated: Whether its files are made ones.
    """

    inventory: Inventory
    stated: _Stated
    simulated: bool


def manual_folder(
    dl_manager: tfds.download.DownloadManager, name: str
) -> pathlib.Path | None:
    """Returns the folder with the files of a data set, or None if there is none.

    That is the folder ``name`` in manual_dir, if it is there, else manual_dir itself.

    Raises:
        ValueError: If manual_dir is not on this machine.
    """
    try:
        folder = os.fspath(dl_manager.manual_dir)
    except AssertionError:  # No such folder, or nothing in it.
        return None
    if "://" in folder:
        raise ValueError(
            f"manual_dir of {name} must be a folder that this machine and all workers"
            f" can open as files; got {folder!r}: copy or mount it"
        )
    inner = pathlib.Path(folder) / name
    return inner if inner.is_dir() else pathlib.Path(folder)


def needed_folder(
    dl_manager: tfds.download.DownloadManager, name: str, what: str
) -> pathlib.Path:
    """Returns the folder with the files of a data set that cannot be downloaded.

    Raises:
        FileNotFoundError: If there is none.
    """
    folder = manual_folder(dl_manager, name)
    if folder is None:
        raise FileNotFoundError(
            f"{name} needs {what} in manual_dir; there is nothing: give its folder with"
            " --manual_dir, or DownloadConfig(manual_dir=...)"
        )
    return folder


def download_folder(
    dl_manager: tfds.download.DownloadManager, name: str
) -> pathlib.Path:
    """Returns the folder to which the files of a data set are downloaded."""
    return _local(dl_manager) / name


def cache_folder(dl_manager: tfds.download.DownloadManager, name: str) -> pathlib.Path:
    """Returns the folder for what is unpacked; all workers must be able to reach it."""
    return _local(dl_manager) / "extracted" / name


def _local(dl_manager: tfds.download.DownloadManager) -> pathlib.Path:
    folder = os.fspath(dl_manager.download_dir)
    if "://" in folder:
        raise ValueError(
            "download_dir must be a folder that this machine and all workers can open"
            f" as files; got {folder!r}: give one with --download_dir"
        )
    return pathlib.Path(folder)


def open_folder(
    folder: pathlib.Path,
    cache: pathlib.Path,
    section: str,
    kind: type[_Stated],
    *,
    list_containers: bool = True,
) -> Opened[_Stated]:
    """Takes the inventory of a folder and reads its manifest.

    Args:
        folder: The folder.
        cache: Folder for what is unpacked.
        section: Section of the manifest.
        kind: Dataclass of what it may state.
        list_containers: Whether to look for arrays in containers.
    """
    stated = read_manifest(folder, section, kind)
    inventory = take_inventory(folder, cache, list_containers=list_containers)
    return Opened(inventory, stated, is_simulated(inventory.files))
