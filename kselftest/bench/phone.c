// SPDX-License-Identifier: GPL-2.0
/*
 * A phone that runs out of memory: many processes in the background are killed
 * at once while the one in front goes on allocating.
 *
 * What is in the background and not killed sleeps.  The one in front has its
 * memory locked, as what a camera asks for is: reclaim takes from the others
 * only.
 */
#include "bench.h"

#define APPS		16
#define APP_SIZE	MB(10)
#define OTHERS_SIZE	MB(32)
#define DEMAND_SIZE	MB(64)
#define MOST_SIZE	MB(192)
#define PRESSED_PAGES	512
#define SPARE_KB	(8 * KB)
#define QUARTER		(MB(1) / 4)

static bool app(int report)
{
	return filled(APP_SIZE) && say(report);
}

/* The rest of the memory, so that somebody is left to take from. */
static bool others(int report)
{
	char *memory = map_anon(MB(1024), MAP_PRIVATE | MAP_NORESERVE);
	size_t at;

	if (memory == MAP_FAILED)
		return false;
	for (at = 0; at < OTHERS_SIZE || free_kb() > SPARE_KB; at += MB(1))
		fill(memory + at, MB(1));
	return say(report);
}

/* Says so when the machine swaps, and again when it has all that it wants. */
static bool front(int report)
{
	char *memory = map_anon(MOST_SIZE, MAP_PRIVATE | MAP_NORESERVE);
	long out = file_read_key_long("/proc/vmstat", "pswpout");
	size_t at = 0, end;

	if (memory == MAP_FAILED ||
	    syscall(__NR_mlock2, memory, MOST_SIZE, MLOCK_ONFAULT))
		return false;
	for (; file_read_key_long("/proc/vmstat", "pswpout") < out + PRESSED_PAGES;
	     at += QUARTER) {
		if (at + DEMAND_SIZE >= MOST_SIZE)
			return false;
		fill(memory + at, QUARTER);
	}
	if (!say(report))
		return false;
	for (end = at + DEMAND_SIZE; at < end; at += QUARTER)
		fill(memory + at, QUARTER);
	return say(report);
}

static void measure(struct sample *sample)
{
	pid_t apps[APPS], other, in_front;
	struct reading before, after;
	int report[APPS + 2], i;
	double used = 0;

	for (i = 0; i < APPS; i++) {
		apps[i] = start(held->victim, app, &report[i]);
		await(report[i], "app");
	}
	other = start(held->filler, others, &report[APPS]);
	await(report[APPS], "others");
	in_front = start(NULL, front, &report[APPS + 1]);
	await(report[APPS + 1], "front");
	for (i = 0; i < APPS; i++)
		used -= cpu_ms(apps[i]);
	before = look();
	must(!cg_killall(held->victim), "cgroup.kill");
	for (i = 0; i < APPS; i++)
		used += reap(apps[i]);
	after = look();
	await(report[APPS + 1], "front, to have all");
	add(sample, "demand_ms", now_exactly() - before.ms);
	add(sample, "exit_ms", after.ms - before.ms);
	add(sample, "exiting_cpu_ms", used);
	add(sample, "swapped_per_exit",
	    victims_swapped(&before, &after) / APPS);
	add_difference(sample, &before, &after);
	end(in_front);
	end(other);
	for (i = 0; i < APPS + 2; i++)
		close(report[i]);
}

int main(int argc, char **argv)
{
	return bench(argc, argv, NULL, measure);
}
