"""Which polygon file goes with which scene: by product name, else by time."""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Sequence

_TIMES = (
    (re.compile(r"(\d{8})[tT_](\d{6})"), "%Y%m%d%H%M%S"),
    (re.compile(r"(\d{8})[tT_](\d{4})(?!\d)"), "%Y%m%d%H%M"),
)
_DAY = re.compile(r"(?<!\d)((?:19|20)\d{6})(?!\d)")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Timed:
    """A scene or a polygon file with its time.

    Attributes:
        path: Where it lies.
        name: Product name of a scene; stem of a file's name.
        time: When it was taken or drawn, UTC; None if the name does not say.
    """

    path: str
    name: str
    time: datetime.datetime | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pair:
    """A scene and the polygons drawn on it.

    Attributes:
        scene: Path of the scene.
        polygons: Path of the polygon file.
        gap_minutes: Time between them; 0 where the names match.
        by_name: Whether the file's name holds the product's name.
    """

    scene: str
    polygons: str
    gap_minutes: float
    by_name: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pairing:
    """All pairs, and what was left over.

    Attributes:
        pairs: By path of the scene.
        scenes: Scenes without polygons.
        polygons: Polygon files without a scene.
    """

    pairs: tuple[Pair, ...]
    scenes: tuple[str, ...]
    polygons: tuple[str, ...]


def time_in_name(name: str) -> datetime.datetime | None:
    """Returns the first time in a name, such as ``seaice_s1_20180116t075430``.

    A date without a time of day counts as noon, which is our choice.
    """
    for pattern, form in _TIMES:
        for found in pattern.finditer(name):
            try:
                time = datetime.datetime.strptime(found[1] + found[2], form)
            except ValueError:
                continue
            return time.replace(tzinfo=datetime.UTC)
    for found in _DAY.finditer(name):
        try:
            day = datetime.datetime.strptime(found[1] + "12", "%Y%m%d%H")
        except ValueError:
            continue
        return day.replace(tzinfo=datetime.UTC)
    return None


def pair_up(
    scenes: Sequence[Timed], polygons: Sequence[Timed], *, max_gap_minutes: float
) -> Pairing:
    """Pairs each polygon file with a scene.

    A file whose name holds the name of a product goes with that scene. Any other goes
    with the scene nearest in time, if that is within ``max_gap_minutes``.

    Raises:
        ValueError: If two files go with one scene, or no pair is left.
    """
    pairs: dict[str, Pair] = {}
    lonely: list[str] = []
    for file in sorted(polygons, key=lambda f: f.path):
        pair = _pair_of(file, scenes, max_gap_minutes)
        if pair is None:
            lonely.append(file.path)
        elif pair.scene in pairs:
            raise ValueError(
                f"a scene must go with one polygon file; {pair.scene!r} goes with"
                f" {pairs[pair.scene].polygons!r} and {pair.polygons!r}: merge them, or"
                " give only one of them"
            )
        else:
            pairs[pair.scene] = pair
    if not pairs:
        raise ValueError(
            f"no polygon file goes with a scene: of {len(polygons)} files"
            f" ({_first(polygons)}) none has the name of one of {len(scenes)} scenes"
            f" ({_first(scenes)}), or lies within {max_gap_minutes:g} minutes of one;"
            " rename the files, or allow a larger gap"
        )
    return Pairing(
        pairs=tuple(pairs[scene] for scene in sorted(pairs)),
        scenes=tuple(sorted(s.path for s in scenes if s.path not in pairs)),
        polygons=tuple(lonely),
    )


def _pair_of(
    file: Timed, scenes: Sequence[Timed], max_gap_minutes: float
) -> Pair | None:
    for scene in scenes:
        if scene.name.lower() in file.name.lower():
            return Pair(
                scene=scene.path, polygons=file.path, gap_minutes=0.0, by_name=True
            )
    gaps = [
        (abs((scene.time - file.time).total_seconds()) / 60, scene.path)
        for scene in scenes
        if scene.time is not None and file.time is not None
    ]
    gap, path = min(gaps, default=(float("inf"), ""))
    if gap > max_gap_minutes:
        return None
    return Pair(scene=path, polygons=file.path, gap_minutes=gap, by_name=False)


def _first(found: Sequence[Timed]) -> str:
    names = [one.name for one in found[:3]]
    return ", ".join(names) + (", ..." if len(found) > 3 else "") if names else "none"
