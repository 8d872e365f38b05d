"""What the angle, augmentation and the size of a patch are worth, as a table.

    tfds-eo ablate RUNS --data_dir DATA

These are the questions of the work that the UiT patches come from. The small CNN is
trained on each size of patch, with and without the incidence angle, with and without
augmentation, from the same seeds, and judged on validation at its best epoch. Runs that
were broken off go on.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Callable, Iterator

import keras
import tensorflow_datasets as tfds
from rich.console import RenderableType
from rich.table import Table

from models import experiment, ice_cnn, replicas, train
from tfds_eo import prepared


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """What to compare."""

    out: pathlib.Path
    """Folder of all runs, and of ablation.json."""

    data_dir: str | None = None
    """Folder of prepared data sets; by default that of TFDS, ~/tensorflow_datasets."""

    sizes: tuple[int, ...] = (10, 20, 32)
    """Sizes of patch to compare: configs of uit_sea_ice."""

    seeds: tuple[int, ...] = (0,)
    """Each variant is trained once for each seed; the table tells the mean."""

    epochs: int | None = None
    """Most passes over the training split; the experiment's own if left out."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Variant:
    """One line of the table.

    Attributes:
        size: Rows and columns of a patch.
        angle: Whether the network sees the incidence angle.
        augmented: Whether training varies the patches.
    """

    size: int
    angle: bool
    augmented: bool

    @property
    def name(self) -> str:
        """Name of its runs' folders."""
        angle = "angle" if self.angle else "no_angle"
        return f"{self.size}_{angle}_{'augmented' if self.augmented else 'plain'}"


def run(config: Config) -> list[RenderableType]:
    """Trains all variants; returns the table and where it is written."""
    base = experiment.find("uit_ice_cnn")
    rows, made = [], False
    for variant in variants(config.sizes):
        found = []
        for seed in config.seeds:
            chosen = vary(base, variant, seed, config.epochs)
            builder = prepared.open_prepared(chosen.dataset, config.data_dir)
            made |= prepared.is_simulated(builder)
            trained = train.train(
                chosen,
                builder,
                config.out / f"{variant.name}_{seed}",
                strategy=replicas.strategy_of("default"),
            )
            found.append(trained.history[trained.best_epoch - 1])
        rows.append(
            dataclasses.asdict(variant)
            | {
                name: sum(one[f"val_{name}"] for one in found) / len(found)
                for name in ("macro_f1", "accuracy")
            }
        )
    path = config.out / "ablation.json"
    content = {"simulated": made, "seeds": config.seeds, "rows": rows}
    path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    table = Table(title="uit_ice_cnn" + (" (simulated data)" if made else ""))
    for heading in ("size", "angle", "augmentation", "macro-F1", "accuracy"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            str(row["size"]),
            "yes" if row["angle"] else "no",
            "yes" if row["augmented"] else "no",
            f"{row['macro_f1']:.4f}",
            f"{row['accuracy']:.4f}",
        )
    return [table, f"table: {path}"]


def variants(sizes: tuple[int, ...]) -> Iterator[Variant]:
    """Yields all variants of sizes, the plainest of each first."""
    for size in sizes:
        for angle in (False, True):
            for augmented in (False, True):
                yield Variant(size=size, angle=angle, augmented=augmented)


def vary(
    base: experiment.Experiment, variant: Variant, seed: int, epochs: int | None
) -> experiment.Experiment:
    """Returns an experiment on UiT patches with the small CNN as a variant has it."""
    use = None if variant.angle else (0, 1)

    def model(info: tfds.core.DatasetInfo) -> keras.Model:
        classes = info.features[str(base.target)].num_classes
        return ice_cnn.ice_cnn(classes, size=variant.size, use=use)

    build: Callable[[tfds.core.DatasetInfo], keras.Model] = model
    return dataclasses.replace(
        base,
        name=f"{base.name}_{variant.name}",
        dataset=f"uit_sea_ice/{variant.size}x{variant.size}",
        model=build,
        seed=seed,
        epochs=epochs or base.epochs,
        augmentations=base.augmentations if variant.augmented else (),
    )
