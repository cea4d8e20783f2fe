// SPDX-License-Identifier: GPL-2.0
/*
 * One process with a working set that does not quite fit into the machine,
 * killed while it swaps.
 *
 * The moment is random, but the same seed gives the same moments.  Whether
 * kswapd is at work when the process exits is a race, and often lost: this says
 * something over many samples only.
 */
#include "bench.h"

#define WORKING_SET	MB(256)
#define ROOM		MB(224)
#define BEGUN_PAGES	256
#define MOST_US		1500000

static bool victim(int report)
{
	char *memory = filled(WORKING_SET);
	size_t page = getpagesize(), at;

	if (!memory || !say(report))
		return false;
	for (;;)
		for (at = 0; at < WORKING_SET; at += page)
			memory[at]++;
}

static void measure(struct sample *sample)
{
	struct reading before, after;
	double used;
	int report;
	pid_t pid;
	long out;

	pid = start(held->victim, victim, &report);
	await(report, "victim");
	out = file_read_key_long("/proc/vmstat", "pswpout");
	must(eventually(file_read_key_long("/proc/vmstat", "pswpout") >=
			out + BEGUN_PAGES), "the victim does not swap");
	usleep(random() % MOST_US);
	used = cpu_ms(pid);
	before = look();
	kill(pid, SIGKILL);
	used = reap(pid) - used;
	after = look();
	add(sample, "exit_ms", after.ms - before.ms);
	add(sample, "exiting_cpu_ms", used);
	add(sample, "swapped_per_exit", victims_swapped(&before, &after));
	add_difference(sample, &before, &after);
	close(report);
}

static void make_room(void)
{
	leave_only(ROOM);
}

int main(int argc, char **argv)
{
	return bench(argc, argv, make_room, measure);
}
