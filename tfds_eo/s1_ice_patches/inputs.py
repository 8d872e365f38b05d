"""Finds scenes and polygon files that paths and patterns stand for; gs:// too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import fsspec

from tfds_eo.s1_ice_patches.pairing import Timed, time_in_name
from tfds_eo.sensors.sentinel1_files import product_name


def find_scenes(patterns: Sequence[str]) -> list[Timed]:
    """Returns products, by path: those named, and those in folders that are named.

    Raises:
        FileNotFoundError: If a pattern stands for none.
    """
    return [
        Timed(path=path, name=name, time=time_in_name(name))
        for path in _found(patterns, _scenes_at, "scene")
        for name in (product_name(path),)
    ]


def find_polygons(patterns: Sequence[str]) -> list[Timed]:
    """Returns polygon files, by path.

    Raises:
        FileNotFoundError: If a pattern stands for none.
    """
    return [
        Timed(path=path, name=name, time=time_in_name(name))
        for path in _found(patterns, _files_at, "polygon file")
        for name in (path.rsplit("/", 1)[-1].rsplit(".", 1)[0],)
    ]


def _found(
    patterns: Sequence[str], look: Callable[[str], Iterator[str]], kind: str
) -> list[str]:
    """Returns what patterns stand for, sorted, each once."""
    found: set[str] = set()
    for pattern in patterns:
        paths = list(look(pattern))
        if not paths:
            raise FileNotFoundError(f"no {kind} at {pattern!r}")
        found.update(paths)
    return sorted(found)


def _scenes_at(pattern: str) -> Iterator[str]:
    """Yields products: a path itself, what a pattern matches, what a folder holds."""
    for path in _files_at(pattern):
        if path.lower().endswith((".safe", ".zip")):
            yield path
            continue
        filesystem, name = fsspec.core.url_to_fs(path)
        if filesystem.exists(f"{name}/annotation"):
            yield path
        elif filesystem.isdir(name):
            for inner in filesystem.ls(name, detail=False):
                if inner.rstrip("/").lower().endswith((".safe", ".zip")):
                    yield _with_protocol(filesystem, inner)


def _files_at(pattern: str) -> Iterator[str]:
    filesystem, name = fsspec.core.url_to_fs(pattern)
    for path in filesystem.glob(name):
        yield _with_protocol(filesystem, path)


def _with_protocol(filesystem: fsspec.AbstractFileSystem, path: str) -> str:
    return filesystem.unstrip_protocol(path).removeprefix("file://")
