"""What /init takes for lost memory: its functions in a shell of the host, with a guest that is made up around them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from series_ci.host import paths, process


def functions(*names: str) -> str:
    """Functions of /init as they stand there, and what is set outside of any."""
    text = paths.data("guest", "init.sh").read_text("utf-8")
    found = {m[1]: m[0] for m in re.finditer(r"^(\w+)\(\) \{$.*?^\}$", text, re.MULTILINE | re.DOTALL)}
    noise = re.search(r"^NOISE=\d+$", text, re.MULTILINE)
    assert noise
    return "\n".join([noise[0], *(found[name] for name in names)])


def bash(script: str) -> str:
    done = process.run([shutil.which("bash") or "bash", "-c", script])
    assert (done.code, done.err) == (0, "")
    return done.out


# `values` are what could be had, look by look, in KiB; the last one stays.
MADE_UP = """
looks=0
spare() {{ local values=({values}); echo "${{values[$(cat {file})]:-${{values[-1]}}}}"; }}
drop_caches() {{ echo $(($(cat {file}) + 1)) >{file}; }}
usleep() {{ :; }}
exiting() {{ [ "$(cat {file})" -lt {ending} ]; }}
echo 0 >{file}
"""


def missing(folder: Path, before: int, *values: int, ending: int = 0) -> tuple[int, int]:
    """What /init says is missing, and after how many looks; something is `ending` for so many of them."""
    file = folder / "looks"
    made = MADE_UP.format(values=" ".join(map(str, values)), file=file, ending=ending)
    told = bash(f"{functions('missing')}\n{made}\nmissing {before}")
    return int(told), int(file.read_text())


MIB = 1024


def test_nothing_is_waited_for_where_nothing_is_missing(tmp_path: Path) -> None:
    assert missing(tmp_path, 400 * MIB, 399 * MIB) == (MIB, 0)


def test_what_is_lost_is_told_after_ten_looks_without_progress(tmp_path: Path) -> None:
    assert missing(tmp_path, 400 * MIB, 300 * MIB) == (100 * MIB, 10)


def test_what_comes_back_slowly_is_waited_for(tmp_path: Path) -> None:
    """A busy host: 1 MiB from look to look, and not each time."""
    values = [300 * MIB + step // 3 * MIB for step in range(300)]
    told, looks = missing(tmp_path, 400 * MIB, *values)
    assert told <= 8 * MIB
    assert looks > 200


def test_a_process_that_is_still_ending_is_waited_for(tmp_path: Path) -> None:
    """It has its memory until it is given the CPU again."""
    values = [300 * MIB] * 40 + [400 * MIB]
    assert missing(tmp_path, 400 * MIB, *values, ending=41) == (0, 40)


ZONEINFO = """\
Node 0, zone      DMA
  pages free     3000
        boost    0
        managed  3840
      nr_free_pages 3000
  pagesets
    cpu: 0
              count:    12
              high:     15
    cpu: 1
              count:    0
              high:     15
Node 0, zone   Normal
  pages free     90000
        managed  100000
  pagesets
    cpu: 0
              count:    4068
              high:     4155
"""


@pytest.mark.parametrize(("key", "total"), [("count:", 4080), ("managed", 103840), ("free", 93000)])
def test_the_numbers_of_all_zones_and_cpus_are_summed(key: str, total: int) -> None:
    assert bash(f"{functions('zone_sum')}\nzone_sum {key} <<'end'\n{ZONEINFO}end") == f"{total}\n"


@pytest.mark.parametrize(
    ("stats", "ending"),
    [
        (["7 (sh) S 1 7 7 0 -1 4194304 1", "8 (a) b) R 1 8 8 0 -1 4194308 1"], True),
        (["8 (sh) D 1 8 8 0 -1 4194564 1"], True),
        (["8 (sh) Z 1 8 8 0 -1 4194564 1"], False),  # it has its end behind it, and no memory
        (["7 (kthreadd) S 0 0 0 0 -1 2129984 0"], False),
        ([], False),
    ],
)
def test_a_process_that_is_ending_is_known_by_its_flags(tmp_path: Path, stats: list[str], ending: bool) -> None:
    for number, stat in enumerate(stats):
        (tmp_path / f"{number}.stat").write_text(f"{stat}\n")
    told = bash(f"shopt -s nullglob\n{functions('exiting')}\nexiting {tmp_path}/*.stat gone && echo ends; true")
    assert told == ("ends\n" if ending else "")
