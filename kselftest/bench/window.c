// SPDX-License-Identifier: GPL-2.0
/*
 * One process, held in the middle of its exit while somebody else wants memory.
 *
 * How it is held is what exit_skip.c in mm/ is about: a read that does not end,
 * for which exit_aio() waits while all memory is still mapped.  Here there is no
 * race to be won: what reclaim does to the memory of the exiting process, it
 * does each time.
 *
 * The oldest memory is the victim's, the rest is filled by a sleeper.  Then a
 * third process wants more than is free: what that takes from the victim is
 * work for nothing.
 */
#include "bench.h"

#define VICTIM_SIZE	MB(16)
#define DEMAND_SIZE	MB(48)
#define SPARE_KB	(16 * KB)
#define WINDOW_S	600
#define REST_US		50000

static bool victim(int report)
{
	return filled(VICTIM_SIZE) && !submit_read() && say(report);
}

static bool filler(int report)
{
	char *memory = map_anon(MB(1024), MAP_PRIVATE | MAP_NORESERVE);

	if (memory == MAP_FAILED)
		return false;
	for (; free_kb() > SPARE_KB; memory += MB(1))
		fill(memory, MB(1));
	return say(report);
}

static bool demander(int report)
{
	return !mlockall(MCL_CURRENT | MCL_FUTURE) && filled(DEMAND_SIZE) &&
	       say(report);
}

static bool kswapd_rests(void)
{
	double used = cpu_ms(kswapd);

	usleep(REST_US);
	return cpu_ms(kswapd) == used;
}

/*
 * Until the demand is met and kswapd has come to rest, so that the exit has the
 * machine to itself; the window must be open then.
 */
static void press(struct sample *sample, pid_t pid)
{
	double began = now_exactly();
	int report;
	pid_t other = start(NULL, demander, &report);

	await(report, "demander");
	add(sample, "demand_ms", now_exactly() - began);
	end(other);
	close(report);
	must(eventually(kswapd_rests()), "kswapd does not come to rest");
	errno = 0;
	must(is_in_exit_aio(pid), "the window closed early");
}

static void measure(struct sample *sample)
{
	double swapped, used, began;
	struct reading before, after;
	int report, filler_report;
	pid_t pid, other;

	must(!window_set(WINDOW_S), "io.max");
	pid = start(held->victim, victim, &report);
	await(report, "victim");
	other = start(held->filler, filler, &filler_report);
	await(filler_report, "filler");
	swapped = swap_bytes(held->victim);
	used = cpu_ms(pid);
	before = look();
	kill(pid, SIGKILL);
	must(eventually(is_in_exit_aio(pid)), "exit_aio");
	press(sample, pid);
	swapped = swap_bytes(held->victim) - swapped;
	after = look();
	began = now_exactly();
	must(!window_set(0), "io.max");
	used = reap(pid) - used;
	add(sample, "exit_ms", now_exactly() - began);
	add(sample, "exiting_cpu_ms", used);
	add(sample, "swapped_per_exit", swapped);
	add_difference(sample, &before, &after);
	end(other);
	close(report);
	close(filler_report);
}

static void make_disk(void)
{
	must(slow_disk_make(), "null_blk");
}

int main(int argc, char **argv)
{
	return bench(argc, argv, make_disk, measure);
}
