// SPDX-License-Identifier: GPL-2.0
/*
 * Nothing exits: a process has a working set that does not fit into the machine,
 * and goes once over the part that it has not used for longest.  Whatever the
 * kernel asks about exiting processes costs something here and is of no use.
 */
#include "bench.h"

#define WORKING_SET	MB(256)
#define ROOM		MB(224)
#define WORK_SIZE	MB(64)	/* its oldest part: in swap */

static int go[2];

static bool worker(int report)
{
	char *memory = filled(WORKING_SET);
	size_t page = getpagesize(), at;
	char byte;

	if (!memory || !say(report) || read(go[0], &byte, 1) != 1)
		return false;
	for (at = 0; at < WORK_SIZE; at += page)
		memory[at]++;
	return say(report);
}

static void measure(struct sample *sample)
{
	struct reading before, after;
	double used;
	int report;
	pid_t pid;

	must(!pipe(go), "pipe");
	pid = start(held->victim, worker, &report);
	await(report, "worker");
	used = cpu_ms(pid);
	before = look();
	must(say(go[1]), "to go");
	await(report, "worker, to be through");
	after = look();
	add(sample, "work_ms", after.ms - before.ms);
	add(sample, "worker_cpu_ms", cpu_ms(pid) - used);
	add_difference(sample, &before, &after);
	end(pid);
	close(report);
	close(go[0]);
	close(go[1]);
}

static void make_room(void)
{
	leave_only(ROOM);
}

int main(int argc, char **argv)
{
	return bench(argc, argv, make_room, measure);
}
