"""The report: one HTML file that tells the scores as they are."""

import base64
import dataclasses
import html.parser
import re

import numpy as np
import pytest

from models import metrics
from models.report import Example, Report, report_html, svg_data_uri
from models.split_scores import SplitScores
from tfds_eo.legends import legend_of

LEGEND = legend_of(
    "made", [("Rye", "#112233"), ("Beet <sugar>", "#445566"), ("Soy", "#778899")]
)
TEST = SplitScores("test", LEGEND, np.array([[50, 2, 0], [7, 30, 1], [0, 0, 0]]))
LATER = SplitScores("test_2019", LEGEND, np.array([[8, 1, 0], [0, 9, 4], [2, 0, 6]]))


def example(label, predicted):
    record = {
        "reflectance": np.full((4, 9), 1000, np.uint16),
        "condition": np.array([0, 0, 1, 255], np.uint8),
        "date": np.array([17500, 17520, 17530, 0]),
        "label": label,
    }
    return Example(record=record, predicted=predicted, confidence=0.625)


REPORT = Report(
    title="made_lstm on <made>",
    scores=[TEST, LATER],
    legend=LEGEND,
    simulated=True,
    data_facts={"fingerprint": "ab" * 32, "note": "<script>alert(1)</script>"},
    model_facts={"settings": 'a "quoted" & odd one'},
    history=[{"loss": 1.0, "val_loss": 2.0}, {"loss": 0.5, "val_loss": 1.0}],
    examples=[example(0, 0), example(1, 0)],
)


class Page(html.parser.HTMLParser):
    """Tags, their attributes, and the text of a page; tags must close in order."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.attributes, self.text, self._open = [], [], "", []
        self.rows = []
        self.feed(source)
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "img"):
            self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] != "style":
            self.text += data
        if {"td", "th"} & set(self._open):
            self.rows[-1][-1] += data


@pytest.fixture(scope="module")
def page():
    return Page(report_html(REPORT))


def test_the_page_needs_nothing_but_itself(page):
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    sources = [value for name, value in page.attributes if name in ("src", "href")]
    assert len(sources) == 6  # F1, two matrices, right, wrong, learning
    assert all(source.startswith("data:image/svg+xml;base64,") for source in sources)
    source = re.sub(r"base64,[A-Za-z0-9+/=]+", "", report_html(REPORT))
    assert "http" not in source
    assert "url(" not in source
    assert "@import" not in source


def test_each_row_of_the_table_has_the_scores_of_its_class(page):
    rows = {row[0]: row[1:] for row in page.rows if len(row) == 9}
    assert list(rows) == LEGEND.titles
    f1, precision, recall = (
        measure(LATER.confusion)
        for measure in (metrics.f1, metrics.precision, metrics.recall)
    )
    assert rows["Rye"] == [
        *("0.917", "0.877", "0.962", "52"),  # 50 hits, 7 and 2 misses: by hand
        *(f"{values[0]:.3f}" for values in (f1, precision, recall)),
        "9",
    ]
    # Soy is never true in the first split, but predicted once.
    assert rows["Soy"][:4] == ["0.000", "0.000", "0.000", "0"]
    assert rows["Soy"][7] == "8"


def test_headlines_equal_the_scores(page):
    for scores in (TEST, LATER):
        for value in scores.headline.values():
            assert f"{value:.3f}" in page.text
    assert "names 89% of 90 series correctly" in page.text  # 80 / 90
    assert "Beet <sugar> taken for Rye (7 of 38)" in page.text


def test_a_class_that_does_not_occur_has_a_dash():
    scores = SplitScores("test", LEGEND, np.diag([3, 5, 0]))
    found = Page(report_html(dataclasses.replace(REPORT, scores=[scores])))
    (row,) = [row for row in found.rows if row[0] == "Soy"]
    assert row == ["Soy", "\u2013", "\u2013", "\u2013", "0"]
    assert "No mistakes." in found.text


def test_all_text_is_escaped(page):
    assert REPORT.title in page.text
    assert "<script>alert(1)</script>" in page.text
    assert 'a "quoted" & odd one' in page.text


@pytest.mark.parametrize("simulated", [True, False])
def test_simulated_data_and_only_they_are_called_so(simulated):
    found = Page(report_html(dataclasses.replace(REPORT, simulated=simulated)))
    assert ("Simulated data." in found.text) == simulated


def test_what_is_not_known_has_no_section():
    found = Page(report_html(dataclasses.replace(REPORT, history=(), examples=())))
    assert "How it learned" not in found.text
    assert "Wrong" not in found.text


def test_the_same_figure_gives_the_same_address():
    from models.figures import learning_figure

    first, second = (svg_data_uri(learning_figure(REPORT.history)) for _ in range(2))
    assert first == second
    assert b"<svg" in base64.b64decode(first.partition(",")[2])
