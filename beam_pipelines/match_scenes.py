"""Lists Sentinel-1 scenes with optical ones of the same place and nearly the same time.

So labels of the kind of the UiT patches are drawn: on an optical image, minutes from
the radar's. Pairs come sorted by the clear area that both cover, halved for each hour
between them.
"""

from __future__ import annotations

import csv
import dataclasses
import pathlib

import rich.table
from rich.console import RenderableType

from tfds_eo.geo.scene_pairs import ScenePair, match_scenes, read_items

_SHOWN = 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Which scenes, and how near."""

    radar: str
    """STAC item list of Sentinel-1: FeatureCollection, list, or an item a line."""

    optical: tuple[str, ...]
    """STAC item lists of Sentinel-2 or Sentinel-3."""

    max_gap: float = 60.0
    """Most minutes between the two."""

    min_overlap: float = 100.0
    """Least area that both cover, in square kilometres."""

    max_cloud: float = 80.0
    """Highest cloud cover in per cent; scenes that do not tell it stay."""

    output: pathlib.Path | None = None
    """CSV of all pairs; the screen shows the first 20."""

    def __post_init__(self) -> None:
        if self.max_gap < 0 or self.min_overlap < 0:
            raise ValueError(
                "max_gap and min_overlap must not be negative; got"
                f" {self.max_gap} and {self.min_overlap}"
            )


def run(config: Config) -> list[RenderableType]:
    """Matches the scenes; returns the best pairs as a table, and how many there are."""
    pairs = match_scenes(
        read_items(config.radar),
        [item for path in config.optical for item in read_items(path)],
        max_gap_minutes=config.max_gap,
        min_overlap_km2=config.min_overlap,
        max_cloud=config.max_cloud,
    )
    lines: list[RenderableType] = []
    if pairs:
        lines.append(_table(pairs[:_SHOWN]))
    if config.output is not None:
        _write(pairs, config.output)
        lines.append(f"wrote {config.output}")
    lines.append(f"{len(pairs):,} pairs within {config.max_gap:g} minutes")
    return lines


def _table(pairs: list[ScenePair]) -> rich.table.Table:
    table = rich.table.Table()
    table.add_column("radar", overflow="fold")
    table.add_column("optical", overflow="fold")
    for heading in ("km2", "gap, min", "cloud, %"):
        table.add_column(heading, justify="right")
    for pair in pairs:
        cloud = "?" if pair.cloud is None else f"{pair.cloud:.0f}"
        numbers = (f"{pair.overlap_km2:,.0f}", f"{pair.gap_minutes:.1f}", cloud)
        table.add_row(pair.radar, pair.optical, *numbers)
    return table


def _write(pairs: list[ScenePair], path: pathlib.Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["radar", "optical", "overlap_km2", "gap_minutes", "cloud"])
        for pair in pairs:
            cloud = "" if pair.cloud is None else f"{pair.cloud:g}"
            numbers = f"{pair.overlap_km2:.3f}", f"{pair.gap_minutes:.3f}"
            rows.writerow([pair.radar, pair.optical, *numbers, cloud])
