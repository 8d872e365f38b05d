"""Which Sentinel-2 products there are, and what each tile shows on each date.

A tile has one observation a date (UTC). Where several products have the tile and the
date, our rule is:

1. Products of the same data strip are the same look processed again: the one of the
   highest processing baseline stays, then the one processed last, then by name.
2. What is cloudier than the limit is left out.
3. Products of different data strips see different parts of the tile. They are kept
   together; where the first has no data, the next one is taken. The first is that of
   the highest baseline, then of the fewest empty pixels, then by name.
"""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import datetime
import posixpath
from collections.abc import Iterable, Sequence

import fsspec

from tfds_eo.geo.tile_grid import TileGrid
from tfds_eo.sensors import sentinel2_safe, sentinel2_stac
from tfds_eo.sensors.sentinel2 import Product

READERS = 16
"""Number of metadata files that are read at a time: waiting, not work."""


# Types ---------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rejected:
    """A product that is not used.

    Attributes:
        product: Its name, or its path if the name is not known.
        tile: Its tile; empty if not known.
        date: Its day since 1970-01-01; None if not known.
        reason: ``broken``, ``cloudy``, ``superseded``, ``off_season`` or
            ``other_level``.
        detail: What was found.
    """

    product: str
    tile: str
    date: int | None
    reason: str
    detail: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Observation:
    """What a tile shows on a date.

    Attributes:
        date: UTC day since 1970-01-01.
        products: The products, in the order in which a pixel asks them for data.
    """

    date: int
    products: tuple[Product, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TileSeries:
    """All observations of a tile.

    Attributes:
        grid: Its 10 m pixels.
        observations: By date.
    """

    grid: TileGrid
    observations: tuple[Observation, ...]

    @property
    def dates(self) -> tuple[int, ...]:
        """Days since 1970-01-01, ascending."""
        return tuple(observation.date for observation in self.observations)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Catalogue:
    """The usable series of all tiles.

    Attributes:
        tiles: Series, by name of the tile.
        rejected: What is not used, by tile, date and name.
        simulated: Whether any product says that it is made up.
    """

    tiles: tuple[TileSeries, ...]
    rejected: tuple[Rejected, ...]
    simulated: bool

    def broken(self) -> int:
        """Returns the number of broken products."""
        return sum(r.reason == "broken" for r in self.rejected)


# Public functions ----------------------------------------------------------------


def find(source: str) -> list[str]:
    """Lists products: ``.SAFE`` folders, and JSON files that may hold STAC items.

    Args:
        source: A folder, a product, a JSON file, or a pattern with ``*`` of any of
            them; a path or an URL that fsspec reads, such as
            ``gs://gcp-public-data-sentinel-2/L2/tiles/33/U/VP``. Folders are searched
            down to the products.

    Raises:
        FileNotFoundError: If there is nothing.
    """
    filesystem, path = fsspec.core.url_to_fs(source)
    path = path.rstrip("/")
    starts = sorted(filesystem.glob(path)) if any(c in path for c in "*?[") else [path]
    found: list[str] = []
    waiting = collections.deque(starts)
    while waiting:
        place = waiting.popleft()
        if place.endswith(".SAFE") or place.endswith(
            (".json", ".geojson", ".ndjson", ".jsonl")
        ):
            found.append(filesystem.unstrip_protocol(place))
        elif filesystem.isdir(place):
            waiting.extend(
                sorted(
                    entry["name"].rstrip("/")
                    for entry in filesystem.ls(place, detail=True)
                    if entry["type"] == "directory" or _is_json(entry["name"])
                )
            )
    if not found:
        raise FileNotFoundError(
            f"no Sentinel-2 products in {source}: expected .SAFE folders, or JSON files"
            " with STAC items"
        )
    return [path.removeprefix("file://") for path in found]


def read_catalogue(
    sources: Sequence[str],
    *,
    first: datetime.date,
    last: datetime.date,
    most_cloud: float,
    tiles: Sequence[str] = (),
) -> Catalogue:
    """Reads the metadata of all products and decides which of them serve.

    Args:
        sources: Where products are; see `find`.
        first: First day of the season, UTC.
        last: Last day.
        most_cloud: Products with more cloudy pixels are left out, in percent.
        tiles: The tiles wanted; all that are found, if empty.

    Raises:
        FileNotFoundError: If a source has no product.
        ValueError: If no product serves, or a wanted tile has none.
    """
    paths = [path for source in sources for path in find(source)]
    paths = sorted(set(paths))
    with concurrent.futures.ThreadPoolExecutor(READERS) as pool:
        read = [entry for found in pool.map(_read, paths) for entry in found]
    products: dict[str, Product] = {}
    rejected = []
    for entry in read:
        if isinstance(entry, Rejected):
            if _concerns(entry, first, last, tiles):
                rejected.append(entry)
        else:
            products.setdefault(entry.id, entry)
    chosen = [p for p in products.values() if not tiles or p.grid.tile in tiles]
    series, more = choose(chosen, first=first, last=last, most_cloud=most_cloud)
    rejected += more
    missing = sorted(set(tiles) - {s.grid.tile for s in series})
    if not series or missing:
        raise ValueError(
            f"every wanted tile must have products from {first} to {last} with at most"
            f" {most_cloud} % cloud; there are none of {', '.join(missing) or 'any'}"
            f" among {len(paths)} products in {', '.join(sources)}"
        )
    return Catalogue(
        tiles=tuple(series),
        rejected=tuple(
            sorted(rejected, key=lambda r: (r.tile, r.date or 0, r.product))
        ),
        simulated=any(
            product.simulated
            for one in series
            for observation in one.observations
            for product in observation.products
        ),
    )


def choose(
    products: Iterable[Product],
    *,
    first: datetime.date,
    last: datetime.date,
    most_cloud: float,
) -> tuple[list[TileSeries], list[Rejected]]:
    """Decides what each tile shows on each date, by the rule of the module.

    Returns:
        The series of each tile, by name, and what is not used. The result does not
        depend on the order of ``products``.
    """
    rejected: list[Rejected] = []

    def reject(product: Product, reason: str, detail: str) -> None:
        rejected.append(
            Rejected(
                product=product.id,
                tile=product.grid.tile,
                date=product.date,
                reason=reason,
                detail=detail,
            )
        )

    of_tile = collections.defaultdict(list)
    for product in sorted(products, key=lambda p: p.id):
        if first <= product.sensed.date() <= last:
            of_tile[product.grid.tile].append(product)
        else:
            reject(product, "off_season", f"sensed {product.sensed.date()}")
    series = []
    for _, found in sorted(of_tile.items()):
        grids = collections.Counter(product.grid for product in found)
        grid = max(sorted(grids), key=lambda g: grids[g])
        looks = collections.defaultdict(list)
        for product in found:
            if product.grid == grid:
                looks[product.date, product.strip].append(product)
            else:
                reject(product, "broken", f"its grid {product.grid} is not {grid}")
        of_date: dict[int, list[Product]] = {}
        for (date, _), versions in sorted(looks.items()):
            versions.sort(key=lambda p: (p.baseline, p.generated, p.id))
            *older, newest = versions
            for product in older:
                reject(product, "superseded", f"by {newest.id}")
            if newest.cloud > most_cloud:
                reject(newest, "cloudy", f"{newest.cloud:.1f} % cloudy pixels")
            else:
                of_date.setdefault(date, []).append(newest)
        observations = []
        for date, kept in sorted(of_date.items()):
            kept.sort(key=lambda p: (p.empty, p.id))
            kept.sort(key=lambda p: p.baseline, reverse=True)
            observations.append(Observation(date=date, products=tuple(kept)))
        if observations:
            series.append(TileSeries(grid=grid, observations=tuple(observations)))
    return series, rejected


# Private -------------------------------------------------------------------------


def _is_json(path: str) -> bool:
    return path.endswith((".json", ".geojson", ".ndjson", ".jsonl"))


def _concerns(
    entry: Rejected, first: datetime.date, last: datetime.date, tiles: Sequence[str]
) -> bool:
    """Says whether a reject would have been used, as far as its name tells."""
    epoch = datetime.date(1970, 1, 1)
    in_season = entry.date is None or (
        first <= epoch + datetime.timedelta(days=entry.date) <= last
    )
    return in_season and (not tiles or not entry.tile or entry.tile in tiles)


def _read(path: str) -> list[Product | Rejected]:
    """Reads what lies at a path: a product, items, or what is wrong with it."""
    if not _is_json(path):
        name = posixpath.basename(path).removesuffix(".SAFE")
        if "_MSIL1C_" in name:
            return [_rejected(name, "other_level", "Level-1C")]
        try:
            return [sentinel2_safe.read_product(path)]
        except (ValueError, OSError) as error:
            return [_rejected(name, "broken", str(error))]
    found: list[Product | Rejected] = []
    try:
        for item, place in sentinel2_stac.find_items([path]):
            try:
                found.append(sentinel2_stac.read_item(item, place))
            except (ValueError, OSError) as error:
                found.append(_rejected(str(item.get("id")), "broken", str(error)))
    except (ValueError, OSError) as error:
        found.append(_rejected(path, "broken", str(error)))
    return found


def _rejected(name: str, reason: str, detail: str) -> Rejected:
    """Returns a reject of which only the name is known."""
    parts = name.split("_")
    tile = next((p[1:] for p in parts if len(p) == 6 and p[0] == "T"), "")
    date = None
    for part in parts:
        if len(part) == 15 and part[:8].isdigit() and part[8] == "T":
            day = datetime.datetime.strptime(part[:8], "%Y%m%d").date()
            date = (day - datetime.date(1970, 1, 1)).days
            break
    return Rejected(product=name, tile=tile, date=date, reason=reason, detail=detail)
