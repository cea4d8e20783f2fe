"""A miniature kernel source tree that configures, builds and installs selftests in a fraction of a second.

It answers to the same make targets and variables as Linux and prints what kbuild prints: `make -C SRC O=DIR
tinyconfig`, `olddefconfig`, `bzImage`, `headers`, and `make -C SRC/tools/testing/selftests ... install`. The C files
are really compiled, so a bad patch gives a real compiler error, and what was compiled is written down in kbuild's
`.TARGET.cmd` files and in vmlinux.a. The image is a program of the host: run it, and it
tells what the code does.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

# fmt: off
OPTIONS = [
    "64BIT", "ADVISE_SYSCALLS", "BINFMT_ELF", "BINFMT_SCRIPT", "BLK_DEV", "BLK_DEV_INITRD", "BLOCK", "BUG",
    "DEBUG_FS", "DEVTMPFS", "EPOLL", "EVENTFD", "FILE_LOCKING", "FUTEX", "HIGH_RES_TIMERS", "KALLSYMS", "KUNIT",
    "MEMBARRIER", "MEMCG", "MODULES", "MULTIUSER", "NR_CPUS", "PCI", "PCI_MSI", "POSIX_TIMERS", "PRINTK",
    "PRINTK_TIME", "PROC_FS", "PROC_SYSCTL", "SERIAL_8250", "SERIAL_8250_CONSOLE", "SHMEM", "SIGNALFD", "SMP",
    "STACKTRACE", "SWAP", "SYSFS", "TIMERFD", "TMPFS", "TTY", "UNWINDER_FRAME_POINTER", "VIRTIO_BLK",
    "VIRTIO_CONSOLE", "VIRTIO_MENU", "VIRTIO_PCI", "X86_MPPARSE",
]
# fmt: on
"""What the tree's Kconfig knows; olddefconfig drops every other option."""

MAKEFILE = r"""
# SPDX-License-Identifier: GPL-2.0
VERSION = 6
PATCHLEVEL = 12
SUBLEVEL = 7
EXTRAVERSION =
NAME = Miniature

# As in the kernel's Makefile: what the compiler says depends on the other variables then.
unexport LC_ALL

src := $(CURDIR)
out := $(or $(O),$(CURDIR))
objects := init/main.o mm/rmap.o mm/vmscan.o
image := arch/x86/boot/bzImage

bzImage: $(out)/$(image)

$(out)/$(image): $(addprefix $(out)/,$(objects))
	@mkdir -p $(@D)
	@echo '  LD      vmlinux'
	@rm -f $(out)/vmlinux.a && cd $(out) && ar cDPrsT vmlinux.a $(objects)
	@$(CROSS_COMPILE)ld -r -o $(out)/vmlinux.o $^
	@$(CC) -o $@ $(out)/vmlinux.o
	@echo 'Kernel: $(image) is ready  (#1)'

# As kbuild does it: objects know the configuration by a copy that is only touched when something in it changed.
$(out)/auto.conf: $(out)/.config
	@cmp -s $< $@ || cp $< $@

$(out)/%.o: $(src)/%.c $(out)/auto.conf
	@mkdir -p $(@D)
	@echo '  CC      $*.o'
	@$(CC) -MMD -I$(src)/include -DUTS_RELEASE='"$(VERSION).$(PATCHLEVEL).$(SUBLEVEL)"' -c -o $@ $<
	@{ echo 'savedcmd_$*.o := $(CC) -c -o $*.o $<'; echo 'source_$*.o := $<'; \
		sed 's|^[^:]*:|deps_$*.o :=|' $(@:.o=.d); } > $(@D)/.$(@F).cmd

# As with kbuild, W=1 is another command line: the object is compiled anew, and once more without it.
ifeq ($(W),1)
warn := -Wall -Wextra
$(objects): FORCE
	@mkdir -p $(out)/$(@D)
	@$(CC) $(warn) -I$(src)/include -c -o $(out)/$@ $(src)/$(@:.o=.c)
	@touch -d @0 $(out)/$@
FORCE:
endif

-include $(patsubst %.o,$(out)/%.d,$(objects))

# As a script of the kernel's configuration does: its temporary file stays.
tinyconfig:
	@mktemp > /dev/null
	@mkdir -p $(out)
	@echo '# CONFIG_MODULES is not set' > $(out)/.config

olddefconfig:
	@awk -f $(src)/scripts/olddefconfig.awk $(src)/Kconfig $(out)/.config > $(out)/.config.new
	@if cmp -s $(out)/.config.new $(out)/.config; then rm $(out)/.config.new; else \
		mv $(out)/.config.new $(out)/.config; fi

headers:
	@mkdir -p $(out)/usr/include/linux
	@cp $(src)/include/uapi/linux/*.h $(out)/usr/include/linux

.PHONY: bzImage tinyconfig olddefconfig headers
"""

OLDDEFCONFIG = r"""
# Reads Kconfig, then .config: keeps the last setting of each option that Kconfig knows.
FNR == NR { if ($1 == "config") known[$2] = 1; next }
/^CONFIG_/ { name = substr($0, 8, index($0, "=") - 8); line[name] = $0 }
/^# CONFIG_.* is not set$/ { name = substr($2, 8); line[name] = $0 }
END { for (name in line) if (name in known) print line[name] | "sort" }
"""

MM_H = """\
/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LINUX_MM_H
#define _LINUX_MM_H

struct mm_struct {
	int mm_users;
};

struct folio {
	int anon;
	int mapcount;
	struct mm_struct *mm;
};

static inline int folio_test_anon(const struct folio *folio)
{
	return folio->anon;
}

int folio_referenced(const struct folio *folio);
int shrink_folio(const struct folio *folio);

#endif
"""

RMAP_C = """\
// SPDX-License-Identifier: GPL-2.0
/* Who maps a folio. */
#include <linux/mm.h>

/*
 * How often a folio was used since the last look at it. -1 tells reclaim to
 * keep the folio, whatever else speaks against it.
 */
int folio_referenced(const struct folio *folio)
{
	int referenced = 0;

	if (folio->mapcount > 1)
		referenced++;

	return referenced;
}
"""

VMSCAN_C = """\
// SPDX-License-Identifier: GPL-2.0
/* What reclaim does with a folio: 1 if it was swapped out. */
#include <linux/mm.h>

int shrink_folio(const struct folio *folio)
{
	return folio_referenced(folio) == 0;
}
"""

MAIN_C = """\
// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <linux/mm.h>

int main(void)
{
	struct mm_struct exiting = { .mm_users = 0 };
	struct folio folio = { .anon = 1, .mapcount = 1, .mm = &exiting };

	printf("Linux version %s\\n", UTS_RELEASE);
	printf("exiting: %s\\n", shrink_folio(&folio) ? "swapped" : "kept");
	return 0;
}
"""

SELFTESTS_MAKEFILE = r"""
# SPDX-License-Identifier: GPL-2.0
TARGETS ?= mm
build := $(realpath $(shell mkdir -p $(or $(O),$(CURDIR)) && cd $(or $(O),$(CURDIR)) && pwd))/kselftest

all:
	@for target in $(TARGETS); do \
		mkdir -p $(build)/$$target; \
		$(MAKE) -C $$target OUTPUT=$(build)/$$target O=$(O) all || exit 1; \
	done

install: all
	@for target in $(TARGETS); do \
		$(MAKE) -C $$target OUTPUT=$(build)/$$target O=$(O) \
			INSTALL_PATH=$(KSFT_INSTALL_PATH)/$$target install || exit 1; \
	done

.PHONY: all install
"""

LIB_MK = r"""
# SPDX-License-Identifier: GPL-2.0
programs := $(addprefix $(OUTPUT)/,$(TEST_GEN_PROGS))

all: $(programs)

$(OUTPUT)/%: %.c
	$(CC) $(CFLAGS) -isystem $(O)/usr/include -o $@ $<

install: all
	@mkdir -p $(INSTALL_PATH)
	@for each in $(programs) $(TEST_PROGS) $(TEST_FILES) $(wildcard config settings); do \
		if [ -e $$each ]; then cp $$each $(INSTALL_PATH); fi; \
	done

.PHONY: all install
"""

MM_MAKEFILE = """\
# SPDX-License-Identifier: GPL-2.0
# What the tree itself says here has to stay.
CFLAGS += -Wall

TEST_GEN_PROGS := good broken

include ../lib.mk
"""

GOOD_C = """\
// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <linux/mman.h>

int main(void)
{
	printf("TAP version 13\\n1..1\\nok 1 advice_%d\\n", MADV_MINI);
	return 0;
}
"""

BROKEN_C = """\
// SPDX-License-Identifier: GPL-2.0
/* The tree's own mistake: it has nothing to do with any series. */
int main(void)
{
	return KSFT_NOT_DECLARED;
}
"""

SELFTESTS = "tools/testing/selftests"

FILES = {
    "Makefile": MAKEFILE.lstrip(),
    "Kbuild": "# SPDX-License-Identifier: GPL-2.0\nobj-y += init/ mm/\n",
    "Kconfig": "".join(f'config {name}\n\tbool "{name}"\n\n' for name in OPTIONS),
    ".gitignore": "*.o\n*.rej\n*.orig\n",
    "scripts/olddefconfig.awk": OLDDEFCONFIG.lstrip(),
    "include/linux/mm.h": MM_H,
    "include/uapi/linux/mman.h": "#define MADV_MINI 7\n",
    "init/main.c": MAIN_C,
    "mm/rmap.c": RMAP_C,
    "mm/vmscan.c": VMSCAN_C,
    f"{SELFTESTS}/Makefile": SELFTESTS_MAKEFILE.lstrip(),
    f"{SELFTESTS}/lib.mk": LIB_MK.lstrip(),
    f"{SELFTESTS}/mm/Makefile": MM_MAKEFILE,
    f"{SELFTESTS}/mm/config": "CONFIG_SWAP=y\nCONFIG_MEMCG=y\n",
    f"{SELFTESTS}/mm/settings": "timeout=90\n",
    f"{SELFTESTS}/mm/good.c": GOOD_C,
    f"{SELFTESTS}/mm/broken.c": BROKEN_C,
}

IDENTITY = {
    "GIT_AUTHOR_NAME": "Kim Sorrel",
    "GIT_AUTHOR_EMAIL": "kim.sorrel@example.org",
    "GIT_AUTHOR_DATE": "2026-01-05T09:00:00+0100",
    "GIT_COMMITTER_NAME": "Kim Sorrel",
    "GIT_COMMITTER_EMAIL": "kim.sorrel@example.org",
    "GIT_COMMITTER_DATE": "2026-01-05T09:00:00+0100",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}


def write(folder: Path, changes: dict[str, str] | None = None) -> Path:
    """Write the tree into `folder`; `changes` replaces or adds files by name."""
    for name, text in {**FILES, **(changes or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def git(folder: Path, *argv: str, env: dict[str, str] | None = None) -> str:
    """Run git in a folder with fixed names and dates, and none of the user's configuration."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C", **IDENTITY, **(env or {})}
    done = subprocess.run(
        ["git", "-C", str(folder), *argv], env=environment, capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, f"git {' '.join(argv)}: {done.stderr}"
    return done.stdout.strip()


def commit(folder: Path, message: str = "Next") -> str:
    """Commit all that a checkout holds; its id."""
    git(folder, "add", "-A", "-f")
    git(folder, "commit", "-q", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def repository(folder: Path, changes: dict[str, str] | None = None) -> Path:
    """Write the tree and make it a git checkout: branch main, one commit with the tag v6.12.7."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q", "-b", "main")
    write(folder, changes)
    commit(folder, "Linux 6.12.7 in miniature")
    git(folder, "tag", "-a", "-m", "Linux 6.12.7", "v6.12.7")
    return folder
