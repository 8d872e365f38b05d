"""Says what a folder holds: arrays, rasters, tables, and what was refused and why."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
from collections.abc import Iterator, Mapping, Sequence

from tfds_eo.archives import arrays, rasters, zips
from tfds_eo.archives.array_refs import ArrayRef
from tfds_eo.archives.limits import LIMITS, Limits

MANIFESTS = ("manifest.toml", "manifest.yaml", "manifest.yml")
"""Names of the file that settles what discovery leaves open."""

SAME_KIND = 4
"""Number of files with one ending from which on a folder is listed as a whole."""

DEEPEST_ZIP = 3
"""How deep archives may lie within archives."""

_PRODUCT = re.compile(r"S1[A-D]_[A-Z]{2}_")  # Read from its zip by its own reader.
_ARRAYS = (".npy", ".npz", ".h5", ".hdf5", ".mat", ".tif", ".tiff")
_PATCHES = (".npy", ".tif", ".tiff", ".png", ".jpg", ".jpeg")


@dataclasses.dataclass(frozen=True)
class FolderRef:
    """A folder of files of one kind, one array each.

    Attributes:
        file: Folder as the user knows it.
        path: The folder itself.
        names: Names of its files, sorted.
        first: Shape and dtype of the first.
    """

    file: str
    path: str
    names: tuple[str, ...]
    first: ArrayRef

    def __str__(self) -> str:
        return (
            f"{self.file}/ {len(self.names)} files such as {self.names[0]!r}"
            f" {self.first.dtype} {self.first.shape}"
        )


@dataclasses.dataclass(frozen=True)
class Inventory:
    """What a folder holds.

    Attributes:
        root: The folder.
        files: Path of each file by its name for the user, that is its path below the
            root; members of archives too.
        arrays: Arrays of the containers.
        folders: Folders that hold many arrays of one kind.
        refused: Why a file was not opened, by name.
    """

    root: str
    files: Mapping[str, str]
    arrays: tuple[ArrayRef, ...]
    folders: tuple[FolderRef, ...]
    refused: Mapping[str, str]

    def text(self) -> str:
        """Returns the inventory as the lines of a message."""
        lines = [f"  {ref}" for ref in (*self.arrays, *self.folders)]
        lines += [f"  refused: {reason}" for reason in self.refused.values()]
        shown = {ref.file for ref in self.arrays} | set(self.refused)
        within = tuple(f"{ref.file}/" for ref in self.folders)
        rest = [
            name
            for name in self.files
            if name not in shown and not name.startswith(within or "\0")
        ]
        lines += [f"  {name}" for name in rest[:30]]
        if len(rest) > 30:
            lines.append(f"  and {len(rest) - 30} more files")
        return "\n".join([f"{self.root} holds:", *(lines or ["  nothing"])])

    def array(self, name: str) -> ArrayRef:
        """Returns the array that is called ``file:key`` or ``file``.

        Raises:
            ValueError: If there is none; the message holds the inventory.
        """
        for ref in self.arrays:
            if ref.name == name:
                return ref
        if name in self.refused:
            raise ValueError(self.refused[name])
        raise ValueError(f"manifest names the array {name!r}; {self.text()}")


def walk(root: str | os.PathLike[str]) -> Iterator[tuple[str, pathlib.Path]]:
    """Yields name and path of the files below a folder; links out of it are left out.

    Hidden files and manifests are left out too; the order is that of the names.
    """
    top = pathlib.Path(root).resolve()
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = pathlib.Path(folder) / name
            if name.startswith(".") or name.lower().startswith("manifest."):
                continue
            if path.resolve().is_relative_to(top):
                yield path.relative_to(top).as_posix(), path


def take_inventory(
    root: str | os.PathLike[str],
    cache: str | os.PathLike[str],
    *,
    limits: Limits = LIMITS,
    list_containers: bool = True,
) -> Inventory:
    """Lists a folder and the archives in it, without reading values.

    A file that is damaged or hostile is listed with the reason and not opened again.

    Args:
        root: The folder.
        cache: Folder to which archives are unpacked; all workers must reach it.
        limits: What a member of an archive may inflate to.
        list_containers: Whether to look for arrays; else only files are listed and zip
            archives unpacked.

    Raises:
        FileNotFoundError: If there is no such folder.
    """
    if not pathlib.Path(root).is_dir():
        raise FileNotFoundError(
            f"manual_dir must be a folder on this machine; {os.fspath(root)!r} is none:"
            " put the files of the data set there"
        )
    files: dict[str, str] = {}
    refused: dict[str, str] = {}
    _list_files(pathlib.Path(root), "", pathlib.Path(cache), limits, files, refused, 0)
    found: list[ArrayRef] = []
    folders: list[FolderRef] = []
    if list_containers:
        _list_arrays(files, pathlib.Path(cache), limits, found, folders, refused)
    return Inventory(os.fspath(root), files, tuple(found), tuple(folders), refused)


def _list_files(
    root: pathlib.Path,
    prefix: str,
    cache: pathlib.Path,
    limits: Limits,
    files: dict[str, str],
    refused: dict[str, str],
    depth: int,
) -> None:
    for name, path in walk(root):
        shown = prefix + name
        ending = path.suffix.lower()
        if ending in arrays.PICKLES:
            refused[shown] = (
                f"{shown} must not be a pickle, which can run code when it is loaded;"
                " save its arrays as .npy, .npz or .h5"
            )
        elif ending == ".zip" and depth < DEEPEST_ZIP and not _PRODUCT.match(path.name):
            try:
                folder = zips.unpack(path, cache, limits=limits)
            except ValueError as error:
                refused[shown] = str(error)
                continue
            _list_files(folder, f"{shown}/", cache, limits, files, refused, depth + 1)
        else:
            files[shown] = str(path)


def _list_arrays(
    files: Mapping[str, str],
    cache: pathlib.Path,
    limits: Limits,
    found: list[ArrayRef],
    folders: list[FolderRef],
    refused: dict[str, str],
) -> None:
    kinds: dict[tuple[str, str], list[str]] = {}
    for name in files:
        path = pathlib.PurePosixPath(name)
        ending = path.suffix.lower()
        if ending in _ARRAYS or ending in _PATCHES:
            kinds.setdefault((path.parent.as_posix(), ending), []).append(name)
    for (folder, ending), names in kinds.items():
        if ending in _PATCHES and len(names) >= SAME_KIND:
            # A few files tell whether all hold the same kind of array.
            looked = names[:: max(1, len(names) // SAME_KIND)]
            refs = _list_each(looked, files, cache, limits, refused)
            if (
                len(refs) == len(looked)
                and len({(r.shape, r.dtype) for r in refs}) == 1
            ):
                inner = tuple(pathlib.PurePosixPath(name).name for name in names)
                where = str(pathlib.Path(files[names[0]]).parent)
                folders.append(FolderRef(folder, where, inner, refs[0]))
                continue
        if ending in _ARRAYS:
            found.extend(_list_each(names, files, cache, limits, refused))


def _list_each(
    names: Sequence[str],
    files: Mapping[str, str],
    cache: pathlib.Path,
    limits: Limits,
    refused: dict[str, str],
) -> list[ArrayRef]:
    found = []
    for name in names:
        try:
            found += _list_one(pathlib.Path(files[name]), name, cache, limits)
        except ValueError as error:
            refused[name] = str(error)
    return found


def _list_one(
    path: pathlib.Path, name: str, cache: pathlib.Path, limits: Limits
) -> list[ArrayRef]:
    if path.suffix.lower() in (".png", ".jpg", ".jpeg"):
        ref = rasters.list_raster(path, name, limits=limits)
        shape = (ref.rows, ref.cols, ref.bands)
        dtype = "".join(ref.dtype)
        return [ArrayRef(name, "", shape, dtype, str(path), "raster")]
    return arrays.list_arrays(path, name, cache, limits=limits)
