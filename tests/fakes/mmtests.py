"""What a new mm selftest has to be entered in, in miniature: the files as three ages of Linux have them."""

from __future__ import annotations

from pathlib import Path

from fakes import fakelinux
from fakes.fakelinux import SELFTESTS

MAKEFILE = """\
# SPDX-License-Identifier: GPL-2.0
LOCAL_HDRS += $(selfdir)/mm/local_config.h $(top_srcdir)/mm/gup_test.h
LOCAL_HDRS += $(selfdir)/mm/helpers.h

LDLIBS = -lrt -lpthread

TEST_GEN_FILES = cow
TEST_GEN_FILES += compaction_test
TEST_GEN_FILES += gup_test
ifneq (,$(filter $(ARCH),arm64 x86_64))
TEST_GEN_FILES += before_all
TEST_GEN_FILES += memfd_secret
endif
TEST_GEN_FILES += migration
TEST_GEN_FILES += droppable

ifeq ($(ARCH),x86_64)
ifdef CAN_BUILD_I386
TEST_GEN_FILES += $(BINARIES_32)
endif
else
TEST_GEN_FILES += protection_keys
endif

TEST_PROGS := run_vmtests.sh

include ../lib.mk

$(TEST_GEN_FILES): helpers.c
$(OUTPUT)/cow: cow-common.c
$(OUTPUT)/droppable: cow-common.c

$(OUTPUT)/migration: LDLIBS += -lnuma
TEST_GEN_FILES += too_late
"""

GITIGNORE = """\
# SPDX-License-Identifier: GPL-2.0-only
cow
gup_test
*.tmp*
compaction_test
migration
droppable
"""

CONFIG = "CONFIG_USERFAULTFD=y\nCONFIG_TEST_HMM=m\nCONFIG_SWAP=y\n# CONFIG_KSM is not set\n"

SCRIPT = """\
#!/bin/bash
exitcode=0

usage() {
	cat <<EOF
usage: ${BASH_SOURCE[0]:-$0} [ options ]

  -t: specify specific categories to tests to run

containing one or more of the following categories
- cow
	test copy-on-write semantics
- migration
	invoke move_pages(2) to exercise the migration entry code
	paths in the kernel

example: ./run_vmtests.sh -t "cow migration"
EOF
	exit 0
}

while getopts "ht:" OPT; do
	case ${OPT} in
		"h") usage ;;
		"t") items=${OPTARG} ;;
	esac
done

run_test() {
	if [ -z "$items" ] || [[ " $items " =~ " $CATEGORY " ]]; then
		"$@" || exitcode=1
	fi
}

CATEGORY="cow" run_test ./cow

if [ -x ./migration ]
then
	CATEGORY="migration" run_test ./migration
fi

echo "SUMMARY: PASS=${count_pass}"

exit $exitcode
"""

OLD_MAKEFILE = """\
# SPDX-License-Identifier: GPL-2.0
LOCAL_HDRS += $(top_srcdir)/mm/gup_test.h

LDLIBS = -lrt -lpthread
TEST_GEN_FILES = compaction_test
TEST_GEN_FILES += gup_test
TEST_GEN_PROGS = madv_populate
TEST_GEN_FILES += userfaultfd
TEST_PROGS := run_vmtests.sh

include ../lib.mk

$(OUTPUT)/userfaultfd: helpers.c
"""

OLD_SCRIPT = """\
#!/bin/bash
exitcode=0

run_test() {
	"$@" || exitcode=1
}

run_test ./compaction_test

# protection_keys tests
if [ -x ./protection_keys_32 ]
then
	run_test ./protection_keys_32
fi

run_test ./soft-dirty

exit $exitcode
"""

LATEST_MAKEFILE = MAKEFILE.replace(
    "TEST_PROGS := run_vmtests.sh\n",
    "TEST_PROGS += ksft_cow.sh\nTEST_PROGS += ksft_gup_test.sh\n\nTEST_FILES := run_vmtests.sh\n",
)

LATEST_GITIGNORE = (
    "# SPDX-License-Identifier: GPL-2.0-only\n*\n!/**/\n!*.c\n!*.h\n!*.sh\n!.gitignore\n!Makefile\n!config\n"
)

NEW = {"Makefile": MAKEFILE, ".gitignore": GITIGNORE, "config": CONFIG, "run_vmtests.sh": SCRIPT}
"""As in Linux 6.12, in selftests/mm."""

LATEST = {"Makefile": LATEST_MAKEFILE, ".gitignore": LATEST_GITIGNORE, "config": CONFIG, "run_vmtests.sh": SCRIPT}
"""As in Linux 7.3, in selftests/mm."""

OLD = {"Makefile": OLD_MAKEFILE, ".gitignore": GITIGNORE, "config": CONFIG, "run_vmtests.sh": OLD_SCRIPT}
"""As in Linux 6.1, in selftests/vm."""


def repository(folder: Path, collection: str, texts: dict[str, str]) -> Path:
    """A git checkout of the miniature kernel whose mm selftests are in `collection` and have these files."""
    made = fakelinux.repository(folder)
    if collection != "mm":
        (made / SELFTESTS / "mm").rename(made / SELFTESTS / collection)
    for name, text in texts.items():
        path = made / SELFTESTS / collection / name
        path.write_text(text, "utf-8")
        path.chmod(0o755 if name.endswith(".sh") else 0o644)
    if fakelinux.git(made, "status", "--porcelain", "--ignored"):
        fakelinux.commit(made)
    return made
