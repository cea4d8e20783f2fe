"""What a program printed of its samples, and the lines that are kept of it."""

from __future__ import annotations

from fakes import measured
from series_ci.results import samples
from series_ci.results.samples import Raw

LINE = 'bench: {"sample": 1, "warmup": false, "metrics": {"exit_ms": 61.204, "skips": 0}}'


def test_a_line_is_found_at_any_depth_of_the_guests_output():
    found = samples.parse(["# selftests: bench/window", f"# # {LINE}", LINE, "# ok 1"])
    assert found == [Raw(1, False, {"exit_ms": 61.204, "skips": 0.0})] * 2


def test_a_line_that_is_cut_off_or_none_of_ours_does_not_count():
    assert (
        samples.parse([f"# # {LINE[:-9]}", f"# # {LINE[:-3]}", "# bench: {}", f"# not {LINE}", 'bench: {"a": NaN}'])
        == []
    )


def test_lines_come_back_as_they_were_written(tmp_path):
    taken = measured.samples(2)
    path = tmp_path / "samples.jsonl"
    path.write_text(samples.as_lines(taken))
    assert samples.read(path) == taken
    assert len(path.read_text().splitlines()) == len(taken)


def test_a_damaged_file_counts_as_none(tmp_path):
    path = tmp_path / "samples.jsonl"
    assert samples.read(path) == []
    path.write_text(samples.as_lines(measured.samples(1))[:-20])
    assert samples.read(path) == []
