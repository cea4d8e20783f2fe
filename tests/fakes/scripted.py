"""A runner on which series-ci is a script: it writes down how it was called, and leaves files as the real one does."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

from fakes import actions
from fakes.actions import Runner
from fakes.artifacts import Caches

LOGGED = """\
#!/bin/sh
printf '%s' "${0##*/}" >>"$CALLS"
printf ' [%s]' "$@" >>"$CALLS"
echo >>"$CALLS"
"""

PROGRAM = (
    LOGGED
    + """\
status=0
[ "$1" != "$FAILS" ] || case " $* " in *"$ON"*) status=$WITH ;; esac
case $1 in
plan) cat "$PLAN" ;;
watch)
	echo "known: $(cat .watch/state.json 2>/dev/null)" >&2
	mkdir -p .watch
	echo "$*" >.watch/state.json
	[ "$2" != --once ] || cat "$NEW"
	;;
test | merge)
	for word; do
		[ "$last" = --out ] && out=$word
		last=$word
	done
	mkdir -p "$out"
	touch "$out/junit.xml" "$out/.lock"
	# Without a verdict there is no summary.
	[ "$status" -eq 5 ] || echo '{}' >"$out/summary.json"
	for word; do
		case $1:$word in merge:--version=*)
			mkdir "$out/${word#*=}"
			echo '{}' >"$out/${word#*=}/summary.json"
			;;
		esac
	done
	;;
report) echo "| a table |" ;;
esac
exit "$status"
"""
)
"""A series-ci that leaves files as the real one does. $FAILS is the verb that ends with the status $WITH, if $ON is
somewhere on its command line."""


def shard(versions: str, arch: str) -> dict[str, str]:
    """A job as `series-ci plan` gives it."""
    return {"id": f"{versions.split(maxsplit=1)[0]}-{arch}", "versions": versions, "arch": arch}


def arrival(label: str) -> dict[str, str]:
    """A job as `series-ci watch` gives it."""
    message_id = f"20260203.{label}-0@example.org"
    return {"id": f"ab{label}", "title": f"{label}: a title", "label": label, "series": "demo", "versions": message_id}


class Fakes:
    """A runner on which series-ci and sudo only write down how they were called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.programs = folder / "programs"
        self.calls_file = folder / "calls"
        self.calls_file.touch()
        self.caches, self.run_ids = Caches(folder / "caches"), itertools.count(1)
        self.plan("v1 v4:riscv64")
        self.arrive()
        for name in ("sudo", "tools"):
            actions.put_program(self.programs, name, LOGGED)
        actions.put_program(self.programs, "series-ci", PROGRAM)
        actions.put_program(folder / "tools", "test", LOGGED)
        common = 'VENV=/venv\nneed_system() { tools need_system; }\nneed_venv() { tools need_venv "$@"; }\n'
        common += 'need_arch() { tools need_arch "$@"; }\n'
        (folder / "tools/common.sh").write_text(common, "utf-8")

    def plan(self, *shards: str) -> None:
        """The jobs that are planned, each as VERSIONS:ARCH."""
        self._matrix("plan", [shard(*each.split(":")) for each in shards])

    def arrive(self, *labels: str) -> None:
        """The versions that are new."""
        self._matrix("new", [arrival(each) for each in labels])

    def _matrix(self, name: str, rows: list[dict[str, str]]) -> None:
        (self.folder / name).write_text(json.dumps({"include": rows}) + "\n", "utf-8")

    def runner(self, **more: str) -> Runner:
        files = {"CALLS": str(self.calls_file), "PLAN": str(self.folder / "plan"), "NEW": str(self.folder / "new")}
        known = {**files, "FAILS": "", "WITH": "1", "ON": "", "KVM": "/dev/null"}
        runner = Runner(self.folder, actions.environment(self.programs, **{**known, **more}), run_id=next(self.run_ids))
        runner.caches = self.caches
        return runner

    def series_ci(self, *verbs: str) -> list[str]:
        """The calls of series-ci with these verbs."""
        return [call for call in self.calls if call.startswith(tuple(f"series-ci [{verb}]" for verb in verbs))]

    @property
    def calls(self) -> list[str]:
        text = self.calls_file.read_text("utf-8")
        return text.replace(f"{self.folder}/work/_temp", "temp").replace(f"{self.folder}/work/r/r/", "").splitlines()
