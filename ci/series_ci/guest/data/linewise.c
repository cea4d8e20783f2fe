// SPDX-License-Identifier: GPL-2.0
/*
 * Loaded into every test: what it prints goes out line by line.
 *
 * The C library holds back some kilobytes of what goes into a pipe.  A test that
 * is killed, or dies with the kernel, would take them along, and one that forks
 * would print them twice.  kselftest's own runner does the same by stdbuf.
 */
#include <stdio.h>

static void __attribute__((constructor)) linewise(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
}
