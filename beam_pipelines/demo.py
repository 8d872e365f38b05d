"""Goes all the way on made data: archive, shards, figure, model, scores, report.

    tfds-eo demo
    tfds-eo demo --out demo --samples 24000 --epochs 12

It runs the commands simulate, prepare, show, train and evaluate one after the other.
Started again with the same fields it keeps what is there; with others it makes anew
what depends on them.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import shutil
import time
from collections.abc import Callable, Sequence

from rich.console import RenderableType

from beam_pipelines import console, prepare_dataset
from models import evaluate, train
from tfds_eo import show
from tfds_eo.simulate import time_sen2_crop as simulate

DATASET = "time_sen2_crop"
"""The data set of the demo."""

EXPERIMENT = "time_sen2_crop_lstm"
"""The experiment of the demo."""

SETTINGS_FILE = "demo.json"
"""File in the demo's folder that says with which fields its contents were made."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """How much to do, and where."""

    out: pathlib.Path = pathlib.Path("demo")
    """Folder for everything; a new one, or that of an earlier demo."""

    samples: int = 24_000
    """Number of series in the made archive."""

    seed: int = 0
    """Seed of the archive and of the training."""

    epochs: int = 12
    """Most passes over the training data."""

    def __post_init__(self) -> None:
        if self.samples < simulate.LEAST_SAMPLES:
            raise ValueError(
                f"samples must be at least {simulate.LEAST_SAMPLES}; got {self.samples}"
            )
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0; got {self.seed}")
        if self.epochs < 1:
            raise ValueError(f"epochs must be at least 1; got {self.epochs}")

    @property
    def raw(self) -> pathlib.Path:
        """Folder of the archive."""
        return self.out / "raw"

    @property
    def data_dir(self) -> pathlib.Path:
        """Folder of prepared data sets."""
        return self.out / "data"

    @property
    def run_folder(self) -> pathlib.Path:
        """Folder of the training run."""
        return self.out / "run"

    @property
    def examples(self) -> pathlib.Path:
        """Picture of example series."""
        return self.out / "examples.png"

    @property
    def evaluation(self) -> pathlib.Path:
        """Folder of scores, figures and report."""
        return self.out / "evaluation"


def run(config: Config, beam_args: Sequence[str] = ()) -> list[str]:
    """Runs the commands and says what each does; returns where to look.

    Args:
        config: How much to do, and where.
        beam_args: Options for Beam, which preparing takes.

    Raises:
        ValueError: If the folder holds something else than an earlier demo.
    """
    began = time.monotonic()
    same_run = _make_room(config)
    console.say("A demo on simulated data: a program made them, nobody measured them.")
    _step(
        "1/5 Simulate an archive in the layout of TimeSen2Crop",
        lambda: _simulate(config),
    )
    _step(
        "2/5 Prepare it: read the archive, write TFRecord shards",
        lambda: prepare_dataset.run(
            prepare_dataset.Config(
                dataset=DATASET,
                data_dir=str(config.data_dir),
                manual_dir=str(config.raw),
            ),
            beam_args,
        ),
    )
    _step(
        "3/5 Show example series of each class",
        lambda: show.run(
            show.Config(set=DATASET, data_dir=str(config.data_dir), out=config.examples)
        ),
    )
    kept = ": keeps the run that is there, or goes on with it" if same_run else ""
    _step(
        f"4/5 Train {EXPERIMENT}{kept}",
        lambda: train.run(
            train.Config(
                experiment=EXPERIMENT,
                data_dir=str(config.data_dir),
                out=config.run_folder,
                epochs=config.epochs,
                seed=config.seed,
            )
        ),
    )
    _step(
        "5/5 Evaluate it on another place, and on another year",
        lambda: evaluate.run(
            evaluate.Config(
                bundle=config.run_folder / "bundle",
                data_dir=str(config.data_dir),
                out=config.evaluation,
            )
        ),
    )
    console.head(f"Done in {time.monotonic() - began:.0f} s. All of it is simulated.")
    return _where_to_look(config)


# Private -------------------------------------------------------------------------


def _step(heading: str, work: Callable[[], Sequence[RenderableType] | None]) -> None:
    """Runs a command between its heading and its results."""
    console.head(heading)
    for line in work() or ():
        console.say(line)


def _make_room(config: Config) -> bool:
    """Readies the folder; tells whether a run with the same fields may be in it.

    What an earlier demo with other fields has made is removed before its settings are
    replaced: a demo that is broken off never leaves the one with the other.
    """
    path = config.out / SETTINGS_FILE
    if not path.exists() and config.out.is_dir() and any(config.out.iterdir()):
        raise ValueError(
            f"{str(config.out)!r} must be new, empty, or the folder of an earlier demo;"
            f" it holds something else: choose another with --out"
        )
    found = json.loads(path.read_text("utf-8")) if path.exists() else {}
    wanted = {name: getattr(config, name) for name in ("samples", "seed", "epochs")}
    same_archive = all(found.get(name) == wanted[name] for name in ("samples", "seed"))
    same_run = found == wanted
    if not same_archive:
        shutil.rmtree(config.raw, ignore_errors=True)
        shutil.rmtree(config.data_dir, ignore_errors=True)
    if not same_run:
        shutil.rmtree(config.run_folder, ignore_errors=True)
    config.out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(wanted, indent=1) + "\n", "utf-8")
    return same_run


def _simulate(config: Config) -> Sequence[RenderableType] | None:
    settings = simulate.Config(out=config.raw, samples=config.samples, seed=config.seed)
    if settings.path.exists():
        return [f"keeps {settings.path}, made with the same samples and seed"]
    config.raw.mkdir(parents=True, exist_ok=True)
    return simulate.run(settings) or [f"archive: {settings.path}"]


def _where_to_look(config: Config) -> list[str]:
    data_dir = config.data_dir
    return [
        f"report to open in a browser:  {config.evaluation / 'report.html'}",
        f"scores:                       {config.evaluation / 'scores.json'}",
        f"example series:               {config.examples}",
        f"model bundle:                 {config.run_folder / 'bundle'}",
        "",
        "The data in three lines of Python:",
        "",
        "    import tfds_eo, tensorflow_datasets as tfds",
        f'    train = tfds.load("{DATASET}", split="train", data_dir="{data_dir}")',
        '    print(next(iter(train))["reflectance"].shape)  # dates, bands',
    ]
