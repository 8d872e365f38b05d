"""Scores a model on splits of a prepared data set, with figures and a report.

    tfds-eo evaluate runs/lstm/bundle --data_dir data --splits test test_2019

Writes scores.json, a picture of the confusion matrix of each split, and report.html,
which needs no other file.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from rich.console import RenderableType
from rich.table import Table

from models import bundle as bundles
from models import figures
from models.bundle import Bundle
from models.evaluation import confusion_of
from models.report import EXAMPLES_SHOWN, HEADLINES, Example, Report, report_html
from models.split_scores import SplitScores
from tfds_eo import reading
from tfds_eo.prepared import check_split, is_simulated, open_prepared

SCORES_VERSION = 1
"""Version of scores.json."""

EXAMPLES_READ = 8192
"""Records of the first split among which examples for the report are looked for."""

_BATCH = 1024


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """What to score, and where to write."""

    bundle: pathlib.Path
    """Folder of the trained model, as `tfds-eo train` wrote it."""

    data_dir: str | None = None
    """Folder of prepared data sets; by default that of TFDS, ~/tensorflow_datasets."""

    dataset: str | None = None
    """Data set to score on; by default the one that the model was trained on."""

    splits: tuple[str, ...] = ("test", "test_2019")
    """Splits to score on, each by itself; the report's examples are of the first."""

    out: pathlib.Path | None = None
    """Folder to write to; by default `evaluation` beside the bundle."""

    def __post_init__(self) -> None:
        if not self.splits:
            raise ValueError("splits must name at least one split; got none")
        if len(set(self.splits)) != len(self.splits):
            raise ValueError(f"splits must differ; got {', '.join(self.splits)}")

    @property
    def folder(self) -> pathlib.Path:
        """Folder to write to."""
        return self.out or self.bundle.parent / "evaluation"


def run(config: Config) -> list[RenderableType]:
    """Scores the model; returns a table of the scores and where they are written."""
    card = bundles.read_card(config.bundle)
    builder = open_prepared(
        config.dataset or card.training_data.dataset, config.data_dir
    )
    for split in config.splits:
        check_split(builder, split)
    bundle = bundles.load(config.bundle)
    scores = [
        SplitScores(split, card.legend, confusion_of(bundle, builder, split))
        for split in config.splits
    ]
    report = Report(
        title=f"{card.experiment} on {builder.name}",
        scores=scores,
        legend=card.legend,
        simulated=card.simulated or is_simulated(builder),
        data_facts=_data_facts(builder, card),
        model_facts=_model_facts(bundle),
        history=_history(config.bundle),
        examples=find_examples(bundle, builder, scores[0]),
    )
    return [_table(report), *_write(report, builder, card, config.folder)]


def find_examples(
    bundle: Bundle, builder: tfds.core.DatasetBuilder, scores: SplitScores
) -> list[Example]:
    """Returns a right example of each of the commonest classes, and wrong ones.

    The wrong ones are of the most frequent mistakes, the commonest first, one each. Of
    each kind the first record that is found is taken.

    Args:
        bundle: A trained model.
        builder: Builder of a prepared data set.
        scores: Scores of the split to take examples from.
    """
    right = [int(k) for k in np.argsort(-scores.support, kind="stable")]
    wanted = [(k, k) for k in right[:EXAMPLES_SHOWN]]
    wanted += scores.confused_pairs()[:EXAMPLES_SHOWN]
    found: dict[tuple[int, int], Example] = {}
    batches = reading.read_batches(builder, scores.split, _BATCH)
    for batch in batches.take(EXAMPLES_READ // _BATCH).as_numpy_iterator():
        logits = bundle.predict(batch)
        chances = tf.nn.softmax(logits).numpy()
        taken = logits.argmax(axis=1)
        pairs = list(zip(batch["label"].tolist(), taken.tolist(), strict=True))
        for pair in set(wanted) - set(found):
            if pair in pairs:
                row = pairs.index(pair)
                found[pair] = Example(
                    record={name: values[row] for name, values in batch.items()},
                    predicted=pair[1],
                    confidence=float(chances[row, pair[1]]),
                )
    return [found[pair] for pair in wanted if pair in found]


# Private -------------------------------------------------------------------------


def _write(
    report: Report,
    builder: tfds.core.DatasetBuilder,
    card: bundles.Card,
    folder: pathlib.Path,
) -> list[str]:
    """Writes all files and returns a line for each."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for scores in report.scores:
        path = folder / f"confusion_{_file_name(scores.split)}.png"
        figures.confusion_figure(
            scores.confusion,
            report.legend,
            title=f"{report.title}, split {scores.split}",
            simulated=report.simulated,
        ).savefig(path)
        lines.append(f"confusion matrix: {path}")
    content: dict[str, Any] = {
        "version": SCORES_VERSION,
        "simulated": report.simulated,
        "experiment": card.experiment,
        "dataset": builder.info.full_name,
        "fingerprint": bundles.describe(builder.info).fingerprint,
        "splits": {scores.split: scores.as_json() for scores in report.scores},
    }
    path = folder / "scores.json"
    path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    lines.insert(0, f"scores: {path}")
    path = folder / "report.html"
    path.write_text(report_html(report), "utf-8")
    return [*lines, f"report: {path}"]


def _table(report: Report) -> Table:
    made = " (simulated data)" if report.simulated else ""
    table = Table(title=f"{report.title}{made}", title_justify="left")
    table.add_column("split")
    table.add_column("examples", justify="right")
    for name in HEADLINES.values():
        table.add_column(name, justify="right")
    for scores in report.scores:
        numbers = [f"{value:.4f}" for value in scores.headline.values()]
        table.add_row(scores.split, f"{scores.examples:,}", *numbers)
    return table


def _data_facts(
    builder: tfds.core.DatasetBuilder, card: bundles.Card
) -> dict[str, str]:
    """Returns what the report says of the data."""
    here = bundles.describe(builder.info)
    same = here.fingerprint == card.training_data.fingerprint
    learnt = card.training_data
    trained = "on this very data set" if same else f"on {learnt.dataset}, other data"
    return {
        "data set": here.dataset,
        "origin": "simulated" if here.simulated else "measured",
        "examples": ", ".join(f"{k} {n:,}" for k, n in here.examples.items()),
        "classes": f"{len(card.legend)}, legend {card.legend.name}",
        "fingerprint": here.fingerprint,
        "the model was trained": trained,
    }


def _model_facts(bundle: Bundle) -> dict[str, str]:
    """Returns what the report says of the model."""
    card, history = bundle.card, _history(bundle.path)
    facts = {
        "experiment": card.experiment,
        "weights": f"{bundle.weights:,}",
        "inputs": ", ".join(
            f"{name} ({' x '.join(str(n or 'any') for n in one.shape)}, {one.dtype})"
            for name, one in card.inputs.items()
        ),
        "bands": f"{' '.join(card.bands)} ({card.units})",
    }
    if history:
        seconds = sum(epoch.get("seconds", math.nan) for epoch in history)
        facts["training"] = f"{len(history)} epochs" + (
            "" if math.isnan(seconds) else f", {_duration(seconds)} of learning"
        )
    facts["settings"] = ", ".join(f"{k} {v}" for k, v in card.settings.items())
    facts["packages"] = ", ".join(f"{k} {v}" for k, v in card.packages.items())
    now = datetime.datetime.now(datetime.UTC)
    facts["scored"] = f"{now:%Y-%m-%d %H:%M} UTC"
    return facts


def _history(bundle: pathlib.Path) -> Sequence[Mapping[str, float]]:
    """Returns the numbers of each epoch, if the bundle lies in its run's folder."""
    path = bundle.parent / "history.json"
    return json.loads(path.read_text("utf-8")) if path.is_file() else []


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _file_name(split: str) -> str:
    """Returns a split, which may be sliced, as part of a file's name."""
    return "".join(c if c.isalnum() else "_" for c in split).strip("_")
