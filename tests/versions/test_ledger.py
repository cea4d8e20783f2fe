"""What a watch knows is read back as it was written, and belongs to one watch at a time."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from series_ci.errors import UsageError
from series_ci.versions import ledger
from series_ci.versions.ledger import Fate, Ledger, Record

STATUSES = st.none() | st.integers(0, 130)
ENTRIES = st.builds(Record, st.sampled_from(Fate), st.text(), st.text(), STATUSES, st.text(), st.integers(0, 9))
# Lone surrogates are no text that a mail or a path of ours could have.
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(st.dictionaries(NAMES, ENTRIES, max_size=5))
def test_what_was_put_is_there_again(tmp_path_factory: pytest.TempPathFactory, entries: dict[str, Record]) -> None:
    path = tmp_path_factory.mktemp("ledger") / "state.json"
    Ledger(path).put(entries)
    found = Ledger(path)
    assert {name: found[name] for name in entries} == entries
    for fate in Fate:
        assert found.having(fate) == [name for name, each in entries.items() if each.fate is fate]


def test_later_entries_take_the_place_of_earlier_ones(tmp_path: Path) -> None:
    path = tmp_path / "deep/state.json"
    known = Ledger(path)
    known.put({"a": Record(Fate.TRYING), "b": Record(Fate.OTHER)})
    known.put({"a": Record(Fate.DONE, status=1)})
    assert ("a" in known, "c" in known) == (True, False)
    assert Ledger(path)["a"] == Record(Fate.DONE, status=1)
    assert Ledger(path).having(Fate.TRYING) == []


def test_entries_from_before_there_were_labels(tmp_path: Path) -> None:
    text = '{"mails": {"a": {"fate": "told", "title": "v5", "out": "", "status": null}}}'
    (tmp_path / "state.json").write_text(text)
    assert Ledger(tmp_path / "state.json")["a"] == Record(Fate.TOLD, "v5")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"mails": {"a": {}}}', '{"mails": {"a": 7}}', '{"mails": []}'])
def test_a_file_of_something_else(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(UsageError, match="is not what a watch has written"):
        Ledger(tmp_path / "state.json")
    assert (tmp_path / "state.json").read_text() == text


def test_one_watch_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    with ledger.opened(path), pytest.raises(UsageError, match="another series-ci"), ledger.opened(path):
        pass
    with ledger.opened(path) as known:
        known.put({"a": Record(Fate.OTHER)})
    assert "a" in Ledger(path)
