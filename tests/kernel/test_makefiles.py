"""Which options compile a file, read from Makefiles such as kernels have."""

from __future__ import annotations

import pytest

from series_ci.kernel.makefiles import MOST, needed, ways_to

TREE = {
    "Kbuild": "obj-y\t\t\t+= init/ mm/\nobj-$(CONFIG_NET)\t+= net/\nobj-y += arch/$(SRCARCH)/ drivers/\n",
    "Makefile": "VERSION = 6\nlibs-y := lib/\n",
    "mm/Makefile": """\
# rmap.o in a comment is no rule
mmu-y := nommu.o
mmu-$(CONFIG_MMU) := highmem.o memory.o \\
\t\t\trmap.o
obj-y += mmconfig_$(BITS).o
plain := plain.o
obj-y := filemap.o $(mmu-y) $(plain)
obj-$(CONFIG_SWAP) += swapfile.o
ifdef CONFIG_CROSS
mmu-$(CONFIG_MMU) += cross.o
endif
ifeq ($(CONFIG_NUMA),y)
obj-y += numa.o
else
obj-y += uma.o
endif
ifeq ($(CONFIG_TINY),)
obj-y += large.o
endif
ifneq ($(CONFIG_A),)
obj-y += either.o
endif
obj-$(CONFIG_DAMON) += damon/ two/deep/
""",
    "mm/damon/Makefile": "obj-y += core.o\nobj-$(CONFIG_DAMON_VADDR) += ops.o vaddr.o\n",
    "mm/two/deep/Makefile": "obj-y += low.o\n",
    "net/Makefile": "obj-$(CONFIG_INET)\t+= ipv4/\n",
    "net/ipv4/Makefile": "obj-y := route.o tcp.o \\\n\ttcp_input.o\nobj-$(CONFIG_TCP_CONG_BBR) += tcp_bbr.o\n",
    "drivers/Makefile": "obj-y += net/\n",
    "drivers/net/wifi/Makefile": "obj-$(CONFIG_WIFI) += wifi.o\nwifi-objs += main.o pcie/tx.o\n",
    "drivers/net/Makefile": "obj-$(CONFIG_E1000E) += e1000e/\nobj-y += wifi/\n",
    "drivers/net/e1000e/Makefile": """\
obj-$(CONFIG_E1000E) += e1000e.o
e1000e-y := netdev.o param.o
e1000e-$(CONFIG_E1000E_HWTS) += ptp.o
ring-objs := ring.o
ring-y := ring.o
""",
    "arch/x86/Kbuild": "obj-y += kernel/\n",
    "arch/x86/Makefile": "drivers-$(CONFIG_PCI) += arch/x86/pci/\n",
    "arch/x86/kernel/Makefile": "obj-$(subst m,y,$(CONFIG_X86_MSR)) += msr.o\nCFLAGS_msr.o = -O2\n",
    "arch/x86/pci/Makefile": "obj-y := common.o\n",
    "lib/Makefile": "lib-y := string.o\nobj-$(CONFIG_X) += a.o\nobj-$(CONFIG_Y) += a.o\n",
}


@pytest.mark.parametrize(
    ("name", "ways"),
    [
        ("net/ipv4/tcp.c", [("NET", "INET")]),
        ("net/ipv4/tcp_input.c", [("NET", "INET")]),
        ("net/ipv4/tcp_bbr.c", [("NET", "INET", "TCP_CONG_BBR")]),
        ("drivers/net/e1000e/netdev.c", [("E1000E",)]),
        ("drivers/net/e1000e/ptp.c", [("E1000E", "E1000E_HWTS")]),
        ("mm/filemap.c", [()]),
        ("drivers/net/wifi/pcie/tx.c", [("WIFI",)]),
        ("mm/mmconfig_64.c", [()]),
        ("mm/swapfile.c", [("SWAP",)]),
        ("mm/numa.c", [("NUMA",)]),
        ("mm/uma.c", [()]),
        ("mm/large.c", [()]),
        ("mm/either.c", [("A",)]),
        ("mm/damon/core.c", [("DAMON",)]),
        ("mm/damon/vaddr.c", [("DAMON", "DAMON_VADDR")]),
        ("mm/two/deep/low.S", [("DAMON",)]),
        ("arch/x86/kernel/msr.c", [("X86_MSR",)]),
        ("arch/x86/pci/common.c", [("PCI",)]),
        ("lib/string.c", [()]),
        ("lib/a.c", [("X",), ("Y",)]),
        ("drivers/net/e1000e/ring.c", []),  # its object is part of nothing
        ("mm/unknown.c", []),
        ("sound/core.c", []),
    ],
)
def test_the_way_to_a_file(name: str, ways: list[tuple[str, ...]]) -> None:
    assert ways_to(name, TREE.get) == ways


@pytest.mark.parametrize(
    ("name", "ways"),
    [("mm/rmap.c", [("MMU",)]), ("mm/cross.c", [("CROSS", "MMU")]), ("mm/plain.c", [()])],
)
def test_objects_behind_a_variable(name: str, ways: list[tuple[str, ...]]) -> None:
    assert ways_to(name, TREE.get) == ways


def test_what_is_on_is_not_named() -> None:
    assert needed("net/ipv4/tcp.c", TREE.get, {"NET": "y"}) == ("INET",)
    assert needed("net/ipv4/tcp.c", TREE.get, {"NET": "y", "INET": "m"}) == ("INET",)
    assert needed("lib/a.c", TREE.get, {"Y": "y"}) == ()


def test_a_makefile_that_leads_in_circles_has_an_end() -> None:
    circle = {"Kbuild": "obj-y += mm/\n", "mm/Makefile": "a-y := b.o\nb-y := a.o\nobj-y += c.o\n"}
    assert ways_to("mm/a.c", circle.get) == []


def test_ways_are_bounded() -> None:
    lines = "".join(f"obj-$(CONFIG_N{number}) += a.o\n" for number in range(1000))
    assert len(ways_to("mm/a.c", {"Kbuild": "obj-y += mm/\n", "mm/Makefile": lines}.get)) == MOST
