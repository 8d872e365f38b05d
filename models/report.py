"""A report of a model as one HTML file that needs nothing else.

Figures are inlined as SVG, the style is in the page, there are no scripts. All text is
escaped.
"""

from __future__ import annotations

import base64
import dataclasses
import html
import io
import math
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from models import figures
from models.split_scores import SplitScores
from tfds_eo.figures import Record, crop_series_figure, styled
from tfds_eo.legends import Legend

HEADLINES = {
    "overall_accuracy": "overall accuracy",
    "macro_f1": "macro-F1",
    "weighted_f1": "weighted F1",
    "kappa": "kappa",
}
"""Scores of a split, and how a reader knows them."""

EXAMPLES_SHOWN = 8
"""Most example series of each kind in a report."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Example:
    """A record, and what the model took it for.

    Attributes:
        record: A crop series.
        predicted: Class that the model gave it.
        confidence: Probability that the model gave this class, in [0, 1].
    """

    record: Record
    predicted: int
    confidence: float

    @property
    def is_right(self) -> bool:
        """Whether the model is right."""
        return int(self.record["label"]) == self.predicted


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """What a report tells.

    Attributes:
        title: Title of the page.
        scores: Scores of each split, the most telling one first.
        legend: The classes.
        simulated: Whether the data are made.
        data_facts: Facts on the data set, by what they say.
        model_facts: Facts on the model, by what they say.
        history: Numbers of each epoch; empty if they are not known.
        examples: Examples of the first split, right and wrong ones.
    """

    title: str
    scores: Sequence[SplitScores]
    legend: Legend
    simulated: bool
    data_facts: Mapping[str, str]
    model_facts: Mapping[str, str]
    history: Sequence[Mapping[str, float]] = ()
    examples: Sequence[Example] = ()


# Public functions ----------------------------------------------------------------


def report_html(report: Report) -> str:
    """Returns the report as a page of HTML."""
    sections = [
        _headline(report),
        _classes(report),
        _confusions(report),
        _examples(report),
        _learning(report),
        _facts("The data", report.data_facts),
        _facts("The model", report.model_facts),
    ]
    made = (
        '<p class="made"><strong>Simulated data.</strong> The series were made by a'
        " program, not measured. The scores show that the software works; they say"
        " nothing about real fields.</p>"
        if report.simulated
        else ""
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(report.title)}</title>\n<style>{_CSS}</style>\n</head>\n"
        f"<body>\n<main>\n<h1>{_text(report.title)}</h1>\n{made}\n"
        + "\n".join(section for section in sections if section)
        + "\n</main>\n</body>\n</html>\n"
    )


def svg_data_uri(figure: Figure) -> str:
    """Returns a figure as the address of an inline SVG; the same figure, the same."""
    buffer = io.BytesIO()
    with styled():
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f"data:image/svg+xml;base64,{encoded}"


# Private: sections ---------------------------------------------------------------


def _headline(report: Report) -> str:
    cards = []
    for scores in report.scores:
        numbers = "".join(
            f"<div><dt>{_text(HEADLINES[name])}</dt><dd>{_score(value)}</dd></div>"
            for name, value in scores.headline.items()
        )
        cards.append(
            f'<div class="card"><h3>{_text(scores.split)}</h3>'
            f"<p>{scores.examples:,} series</p><dl>{numbers}</dl></div>"
        )
    first = report.scores[0]
    right = first.headline["overall_accuracy"]
    text = (
        f"On the split <em>{_text(first.split)}</em> the model names"
        f" {_percent(right)} of {first.examples:,} series correctly. Macro-F1 is the"
        " mean over the classes of F1, so that a rare crop counts as much as a common"
        " one; weighted F1 lets each class count by its series; kappa is the accuracy"
        " beyond what guessing by frequency would reach. 1 is the best in all four."
    )
    return (
        f"<section><h2>Scores</h2><p>{text}</p>"
        f'<div class="cards">{"".join(cards)}</div></section>'
    )


def _classes(report: Report) -> str:
    figure = figures.f1_figure(
        {scores.split: scores.by_class["f1"].tolist() for scores in report.scores},
        report.legend,
        simulated=report.simulated,
    )
    groups = "".join(
        f'<th colspan="4" scope="colgroup">{_text(scores.split)}</th>'
        for scores in report.scores
    )
    names = "<th>F1</th><th>precision</th><th>recall</th><th>series</th>"
    rows = []
    for one in report.legend.classes:
        cells = []
        for scores in report.scores:
            cells += [f"<td>{_score(v[one.id])}</td>" for v in scores.by_class.values()]
            cells.append(f"<td>{int(scores.support[one.id]):,}</td>")
        swatch = f'<span class="swatch" style="background:{_text(one.colour)}"></span>'
        rows.append(
            f'<tr><th scope="row">{swatch}{_text(one.title)}</th>{"".join(cells)}</tr>'
        )
    table = (
        '<div class="wide"><table class="scores"><thead>'
        f'<tr><th rowspan="2" scope="col">class</th>{groups}</tr>'
        f"<tr>{names * len(report.scores)}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )
    text = (
        "Precision is the share of the series given this class that are of it; recall"
        " the share of the class that is found; F1 their harmonic mean. A dash stands"
        " where a class does not occur. The dashed line in the figure is the macro-F1."
    )
    return (
        f"<section><h2>Classes</h2><p>{text}</p>"
        f"{_picture(figure, 'F1 of each class', 'f1')}{table}</section>"
    )


def _confusions(report: Report) -> str:
    parts = []
    for scores in report.scores:
        figure = figures.confusion_figure(
            scores.confusion, report.legend, simulated=report.simulated
        )
        pairs = "; ".join(
            f"{report.legend.titles[true]} taken for {report.legend.titles[taken]}"
            f" ({int(scores.confusion[true, taken]):,} of"
            f" {int(scores.support[true]):,})"
            for true, taken in scores.confused_pairs()[:3]
        )
        most = f"Most frequent mistakes: {pairs}." if pairs else "No mistakes."
        alt = f"Confusion matrix of the split {scores.split}"
        parts.append(
            f"<h3>{_text(scores.split)}</h3><p>{_text(most)}</p>"
            + _picture(figure, alt, "confusion")
        )
    text = (
        "Each row holds the series of one true class, each column what the model took"
        " them for. The diagonal is right; the colour is the share of the row."
    )
    return (
        f"<section><h2>What is taken for what</h2><p>{text}</p>"
        f"{''.join(parts)}</section>"
    )


def _examples(report: Report) -> str:
    parts = []
    for heading, right in (("Right", True), ("Wrong", False)):
        found = [one for one in report.examples if one.is_right == right]
        found = found[:EXAMPLES_SHOWN]
        if not found:
            continue
        figure = crop_series_figure(
            [one.record for one in found],
            report.legend,
            simulated=report.simulated,
            panel_titles=[_example_title(one, report.legend) for one in found],
        )
        parts.append(
            f"<h3>{heading}</h3>" + _picture(figure, f"{heading} examples", "examples")
        )
    if not parts:
        return ""
    text = (
        f"Series of the split <em>{_text(report.scores[0].split)}</em>, drawn as NDVI,"
        " which grows with green leaves, in the colour of the true class; the model"
        " sees all bands. Behind the class stands how sure the model is. Under"
        " <em>Wrong</em> the arrow leads from the true class to the one that the model"
        " took it for, for the most frequent mistakes."
    )
    return f"<section><h2>Examples</h2><p>{text}</p>{''.join(parts)}</section>"


def _example_title(example: Example, legend: Legend) -> str:
    """Returns the class, with the one it was taken for, and how sure the model is."""
    taken = f"{legend.titles[example.predicted]} ({_percent(example.confidence)})"
    if example.is_right:
        return taken
    true = legend.titles[int(example.record["label"])]
    return f"{true} \N{RIGHTWARDS ARROW} {taken}"


def _learning(report: Report) -> str:
    if not report.history:
        return ""
    figure = figures.learning_figure(report.history, simulated=report.simulated)
    text = (
        "One point an epoch, that is a pass over the training data. A ring marks the"
        " best epoch of validation by each measure; the model is kept as it was at its"
        " best macro-F1. Where validation falls behind training, it learns by heart."
    )
    return (
        f"<section><h2>How it learned</h2><p>{text}</p>"
        f"{_picture(figure, 'Learning curves', 'learning')}</section>"
    )


def _facts(heading: str, facts: Mapping[str, str]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{_text(name)}</th><td>{_text(value)}</td></tr>'
        for name, value in facts.items()
    )
    return (
        f'<section><h2>{_text(heading)}</h2><div class="wide"><table class="facts">'
        f"<tbody>{rows}</tbody></table></div></section>"
    )


# Private: pieces -----------------------------------------------------------------


def _text(value: object) -> str:
    return html.escape(str(value), quote=True)


def _score(value: float) -> str:
    return "\N{EN DASH}" if math.isnan(value) else f"{value:.3f}"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share < 0.995 else f"{share:.1%}"


def _picture(figure: Figure, alt: str, kind: str) -> str:
    width = round(figure.get_figwidth() * 96)
    return (
        f'<figure class="{kind}"><img src="{svg_data_uri(figure)}" alt="{_text(alt)}"'
        f' width="{width}"></figure>'
    )


_CSS = """
:root { color-scheme: light dark; --page: #fff; --ink: #242424; --soft: #666;
  --line: #e2e2e2; --card: #f6f7f8; --made: #fff4d6; --madeink: #5c4600; }
@media (prefers-color-scheme: dark) { :root { --page: #17191c; --ink: #e6e6e6;
  --soft: #a2a2a2; --line: #34383d; --card: #202327; --made: #3a3115;
  --madeink: #f2dfa4; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 76rem; margin: 0 auto; padding: 2rem 1.5rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.35rem; margin: 2.6rem 0 .5rem; padding-top: 1rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.4rem 0 .3rem; }
p { max-width: 46rem; margin: .4rem 0 1rem; }
.made { background: var(--made); color: var(--madeink); padding: .7rem 1rem;
  border-radius: .5rem; }
.cards { display: flex; flex-wrap: wrap; gap: 1rem; }
.card { background: var(--card); border: 1px solid var(--line);
  border-radius: .6rem; padding: 1rem 1.4rem; flex: 1 1 24rem; }
.card h3 { margin: 0; }
.card p { margin: 0 0 .8rem; color: var(--soft); font-size: .9rem; }
dl { display: flex; flex-wrap: wrap; gap: .6rem 1.8rem; margin: 0; }
dt { color: var(--soft); font-size: .85rem; }
dd { margin: 0; font-size: 1.6rem; font-weight: 600;
  font-variant-numeric: tabular-nums; }
figure { margin: .8rem 0 1.4rem; background: #fff; border-radius: .5rem;
  border: 1px solid var(--line); padding: .8rem; overflow-x: auto;
  width: fit-content; max-width: 100%; }
figure img { display: block; max-width: 100%; height: auto; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: .28rem .8rem; border-bottom: 1px solid var(--line);
  text-align: left; vertical-align: top; font-weight: normal; }
thead th { color: var(--soft); }
.scores td, .scores thead tr:last-child th { text-align: right; }
.scores thead th[colspan] { text-align: center; font-weight: 600;
  color: var(--ink); }
.facts th { color: var(--soft); white-space: nowrap; }
.facts td { overflow-wrap: anywhere; }
.swatch { display: inline-block; width: .8em; height: .8em; margin-right: .6em;
  border-radius: .15em; border: 1px solid rgb(0 0 0 / .35); vertical-align: -.05em; }
@media print { h2 { break-after: avoid; } figure { break-inside: avoid; } }
"""
