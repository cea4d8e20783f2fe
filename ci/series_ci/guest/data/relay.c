// SPDX-License-Identifier: GPL-2.0
/*
 * Between a test and the host: copies standard input to standard output, each
 * line behind "# ", which makes it an inner level of KTAP.
 *
 * What a test has printed and nobody has read yet dies with the kernel.  So the
 * pipe is as small as a pipe can be, and this process runs as soon as there is
 * something in it, whatever the tests do to the CPUs and to the memory.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#define SMALLEST_PIPE	4096
/* The host takes no more than 64 KiB as one line, "# " and "\n" among them. */
#define LONGEST		(65536 - 3)

static char in[SMALLEST_PIPE];
static char out[3 * SMALLEST_PIPE + 3];
static size_t filled;
static size_t column;	/* bytes of the line so far */
static bool inside;	/* a line has begun */

static void begin(void)
{
	out[filled++] = '#';
	out[filled++] = ' ';
	column = 0;
	inside = true;
}

static void end(void)
{
	out[filled++] = '\n';
	inside = false;
}

static void add(char byte)
{
	if (byte != '\n' && inside && column == LONGEST)
		end();
	if (!inside)
		begin();
	if (byte == '\n')
		end();
	else
		out[filled++] = byte;
	column++;
}

/* A host that takes nothing is no reason to stop the test. */
static void flush(void)
{
	size_t done = 0;
	ssize_t count;

	while (done < filled) {
		count = write(STDOUT_FILENO, out + done, filled - done);
		if (count > 0)
			done += count;
		else if (count == 0 || errno != EINTR)
			break;
	}
	filled = 0;
}

int main(void)
{
	struct sched_param first = { .sched_priority = 1 };
	ssize_t count, at;

	/* Each of them helps, and none has to: not every kernel has all. */
	fcntl(STDIN_FILENO, F_SETPIPE_SZ, SMALLEST_PIPE);
	sched_setscheduler(0, SCHED_FIFO, &first);
	mlockall(MCL_CURRENT | MCL_FUTURE);

	while ((count = read(STDIN_FILENO, in, sizeof(in))) != 0) {
		if (count < 0 && errno != EINTR)
			return 1;
		for (at = 0; at < count; at++)
			add(in[at]);
		flush();
	}
	if (inside) {
		end();
		flush();
	}
	return 0;
}
