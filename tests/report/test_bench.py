"""A bench as table, JSON and page."""

from __future__ import annotations

import io
import json
import math
import re
from html.parser import HTMLParser

import pytest
from rich.console import Console

from fakes import measured
from series_ci.report import numbers
from series_ci.report.bench import show_bench, summary, worse
from series_ci.report.benchpage import page
from series_ci.report.benchplot import forest, points


@pytest.fixture(scope="module")
def made():
    return measured.bench()


def shown(bench):
    out = Console(file=io.StringIO(), width=40)
    show_bench(bench, out)
    return out.file.getvalue()


def test_the_table_is_whole_on_a_narrow_terminal(made):
    lines = shown(made).splitlines()
    assert lines[0] == "window: held in its exit"
    row = next(line for line in lines if line.startswith("swapped_per_exit"))
    assert re.fullmatch(
        r"swapped_per_exit +bytes +33\.\d\dM +0 +-33\.\d\dM +\[-33\.\d\dM, -33\.\d\dM\] .+ better *", row
    )
    assert "no change" in next(line for line in lines if line.startswith("work_ms"))
    assert lines[-2].startswith(
        "exit-skip v10: 2 better, 1 changed, 2 no change, 1 not enough runs (within ±10%); 32 boots"
    )


def test_json_has_every_finding_and_no_infinity():
    found = summary(measured.bench(rounds=2))
    text = json.dumps(found, allow_nan=False)
    assert {row["verdict"] for row in json.loads(text)["findings"]} == {"not enough runs"}
    assert found["findings"][0]["detectable"] is None
    assert found["environment"]["accelerator"] == "tcg"
    assert found["environment"]["load"].endswith("processes")


class Reader(HTMLParser):
    """Counts tags, and sees that they are closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.links = [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_needs_nothing_else_and_shows_every_sample(made):
    reader = Reader()
    text = page(made)
    reader.feed(text)
    assert reader.open == []
    tags = [tag for tag, _attributes in reader.seen]
    assert not {"script", "link", "img", "iframe"} & set(tags)
    assert not [attributes for _tag, attributes in reader.seen if {"src", "href"} & attributes.keys()]
    dots = [
        attributes for tag, attributes in reader.seen if tag == "circle" and attributes["class"] in ("base", "patched")
    ]
    assert len(dots) == sum(len(each.metrics) for each in made.samples if not each.warmup)
    assert "prefers-color-scheme: dark" in text
    assert "series-ci bench v10 --runs 8" in text


def test_the_page_escapes_what_it_is_given(made):
    text = page(made)
    assert "nothing &lt;exits&gt;" in text
    assert "<exits>" not in text


def test_points_stay_inside_their_plot(made):
    taken = [each for each in made.samples if each.scenario == "window"]
    places = [float(x) for x in re.findall(r'cx="([\d.-]+)"', points(taken, "exit_ms", "v10"))]
    assert min(places) >= 44
    assert max(places) <= 330


def test_a_metric_with_a_single_value_has_a_plot_too(made):
    taken = [each for each in made.samples if each.scenario == "control"]
    assert "nan" not in points(taken, "skips", "v10")
    assert points(taken, "unheard_of", "v10") == ""


def test_no_interval_no_plot_of_it():
    assert forest(measured.bench(rounds=1).findings[0], 0.1) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (61.204, "61.2"), (97300480, "97.3M"), (12345, "12.35k"), (9999, "9999"), (math.inf, "-")],
)
def test_figures_are_short(value, text):
    assert numbers.number(value) == text


def test_a_worse_metric_is_seen(made):
    assert not worse(made)
