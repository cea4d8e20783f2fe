/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the scenarios of a bench share: the figures before and after, where they
 * come from, and how they are told.
 *
 * A scenario takes its samples one after the other, each from a machine as the
 * one before found it, and prints a line of JSON for each:
 *
 *   # bench: {"sample": 0, "warmup": true, "metrics": {"exit_ms": 61.204}}
 *
 * Nothing of the kernel is changed to be looked at.  What reclaim skipped is
 * counted by a kretprobe: folio_referenced() returns -1.  What it kept is the
 * nr_ref_keep of its own tracepoint, added up by a hist trigger.
 *
 * Memory comes in pages, not in large folios, unless --mthp asks for them.
 */
#ifndef BENCH_H
#define BENCH_H

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "../kselftest.h"
#include "exit_skip_util.h"
#include "exit_skip_window.h"

#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif

#define TRACING		"/sys/kernel/tracing/"
#define SKIPS		TRACING "events/bench/skip/"
#define LARGE		TRACING "events/bench/large/"
#define SHRINK		TRACING "events/vmscan/mm_vmscan_lru_shrink_inactive/"

/* So much of each page is not zero, and does not compress. */
#define NOISE_BYTES	1024

#define MAX_METRICS	16

/* All figures at one moment. */
struct reading {
	double ms;
	double kswapd_ms;
	double system_ms;
	long swapped_out;	/* pages, by the whole machine */
	long swapped_in;
	long filler_bytes;	/* of the filler's memory in swap */
	long kept;		/* by reclaim, for they were referenced */
	long skips;
	long large_pages;	/* in large folios among them, less their heads */
};

struct metric {
	const char *name;
	double value;
};

struct sample {
	struct metric metrics[MAX_METRICS];
	int number;
};

static struct {
	int samples;
	int warmup;
	int zram_mb;
	int mthp_kb;
} asked = { .samples = 5, .warmup = 1 };

static pid_t kswapd;

/* Whether the sizes of what was skipped are known. */
static bool sizes_known;

static void give_up(const char *what)
{
	printf("not ok 1 # %s: %s\n", what, strerror(errno));
	fflush(stdout);
	put_back();
	exit(1);
}

static void must(bool done, const char *what)
{
	if (!done)
		give_up(what);
}

static double now_exactly(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

/* The processor time of a living process, its dead threads included. */
static double cpu_ms(pid_t pid)
{
	struct timespec used = { 0 };
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &used))
		return 0;
	return used.tv_sec * 1e3 + used.tv_nsec / 1e6;
}

static double rusage_ms(const struct rusage *used)
{
	return (used->ru_utime.tv_sec + used->ru_stime.tv_sec) * 1e3 +
	       (used->ru_utime.tv_usec + used->ru_stime.tv_usec) / 1e3;
}

/* Time in the kernel, of all CPUs: it is counted by ticks. */
static double system_ms(void)
{
	unsigned long user, nice, kernel, idle, iowait, irq, softirq;
	char line[256];

	file_read("/proc/stat", line, sizeof(line));
	if (sscanf(line, "cpu %lu %lu %lu %lu %lu %lu %lu", &user, &nice,
		   &kernel, &idle, &iowait, &irq, &softirq) != 7)
		return 0;
	return (kernel + irq + softirq) * 1e3 / sysconf(_SC_CLK_TCK);
}

/* The sum of all numbers behind a name in a histogram. */
static long add_up(const char *path, const char *name)
{
	FILE *file = fopen(path, "re");
	size_t len = strlen(name);
	char line[512], *at;
	long sum = 0;

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		at = line[0] == '#' ? NULL : strstr(line, name);
		if (at)
			sum += strtol(at + len, NULL, 10);
	}
	fclose(file);
	return sum;
}

/* A large folio of this order has so many pages behind its head. */
static long large_pages(void)
{
	FILE *file = fopen(LARGE "hist", "re");
	long order, hits, sum = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "{ order: %ld } hitcount: %ld", &order,
			   &hits) == 2)
			sum += hits * ((1L << order) - 1);
	if (file)
		fclose(file);
	return sum;
}

static long swap_bytes(const char *cgroup)
{
	return cg_read_long(cgroup, "memory.swap.current");
}

static struct reading look(void)
{
	return (struct reading) {
		.ms = now_exactly(),
		.kswapd_ms = cpu_ms(kswapd),
		.system_ms = system_ms(),
		.swapped_out = file_read_key_long("/proc/vmstat", "pswpout"),
		.swapped_in = file_read_key_long("/proc/vmstat", "pswpin"),
		.filler_bytes = swap_bytes(held->filler),
		.kept = add_up(SHRINK "hist", "nr_ref_keep:"),
		.skips = add_up(SKIPS "hist", "Hits:"),
		.large_pages = large_pages(),
	};
}

static void add(struct sample *sample, const char *name, double value)
{
	if (sample->number == MAX_METRICS)
		return;
	sample->metrics[sample->number++] = (struct metric) { name, value };
}

/* What every scenario has. */
static void add_difference(struct sample *sample, const struct reading *before,
			   const struct reading *after)
{
	add(sample, "pswpout", after->swapped_out - before->swapped_out);
	add(sample, "pswpin", after->swapped_in - before->swapped_in);
	add(sample, "kswapd_ms", after->kswapd_ms - before->kswapd_ms);
	add(sample, "system_ms", after->system_ms - before->system_ms);
	add(sample, "ref_keep", after->kept - before->kept);
	add(sample, "skips", after->skips - before->skips);
	if (sizes_known)
		add(sample, "skipped_bytes",
		    (after->skips - before->skips + after->large_pages -
		     before->large_pages) * (double)getpagesize());
}

/*
 * What was written to swap, less what the filler has there more: the filler
 * sleeps and gets nothing back, and all others are locked into memory.
 */
static double victims_swapped(const struct reading *before,
			      const struct reading *after)
{
	double all = (after->swapped_out - before->swapped_out) *
		     (double)getpagesize();
	double filler = after->filler_bytes - before->filler_bytes;

	return all > filler ? all - filler : 0;
}

/* No two pages are the same, and all of them compress four to one. */
static void fill(char *memory, size_t size)
{
	size_t page = getpagesize(), at, word;

	for (at = 0; at < size; at += page)
		for (word = 0; word < NOISE_BYTES; word += sizeof(word))
			*(size_t *)(memory + at + word) =
				(at + word + 1) * 0x9e3779b97f4a7c15UL;
}

static char *filled(size_t size)
{
	char *memory = map_anon(size, MAP_PRIVATE);

	if (memory != MAP_FAILED)
		fill(memory, size);
	return memory == MAP_FAILED ? NULL : memory;
}

/*
 * Locks memory until a working set finds no more than this much of it, whatever
 * the kernel itself takes: else the same scenario swaps on one and not on another.
 */
static inline void leave_only(long left)
{
	long more = file_read_key_long("/proc/meminfo", "MemAvailable") * KB - left;
	char *burden;

	if (more <= 0)
		return;
	burden = map_anon(more, MAP_PRIVATE);
	must(burden != MAP_FAILED, "mmap");
	must(!mlock(burden, more), "mlock");
	must(!madvise(burden, more, MADV_DONTFORK), "madvise");
}

/*
 * Starts a child in a control group (NULL: in none).  It runs the job, which
 * returns whether it went well, and stays.  *report is for await().
 */
static pid_t start(const char *cgroup, bool (*job)(int report), int *report)
{
	int ends[2];
	pid_t pid;

	must(!pipe(ends), "pipe");
	fflush(stdout);
	pid = fork();
	must(pid >= 0, "fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[0]);
		if ((cgroup && cg_enter_current(cgroup)) || !job(ends[1]))
			_exit(1);
		for (;;)
			pause();
	}
	close(ends[1]);
	*report = ends[0];
	return pid;
}

static bool say(int report)
{
	return write(report, "", 1) == 1;
}

/* Waits until a child has said that it is so far. */
static void await(int report, const char *what)
{
	struct pollfd done = { .fd = report, .events = POLLIN };
	char byte;

	errno = 0;
	must(poll(&done, 1, 10 * WAIT_MS) == 1 && read(report, &byte, 1) == 1,
	     what);
}

/* Waits for a child's end; the processor time that it has used. */
static double reap(pid_t pid)
{
	struct rusage used = { 0 };

	must(wait4(pid, NULL, 0, &used) == pid, "wait4");
	return rusage_ms(&used);
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	reap(pid);
}

static pid_t find_kswapd(void)
{
	char path[PATH_MAX], name[64];
	struct dirent *entry;
	pid_t found = 0;
	DIR *all = opendir("/proc");

	while (all && !found && (entry = readdir(all))) {
		snprintf(path, sizeof(path), "/proc/%.32s/comm", entry->d_name);
		if (file_read(path, name, sizeof(name)) &&
		    !strcmp(name, "kswapd0"))
			found = atoi(entry->d_name);
	}
	if (all)
		closedir(all);
	return found;
}

static bool append(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	ssize_t len = strlen(text);
	bool done = fd >= 0 && write(fd, text, len) == len;

	if (fd >= 0)
		close(fd);
	return done;
}

#define SIZES "r:bench/large folio_referenced ret=$retval:s32 head=+0($arg1):b1@6/64 order=+64($arg1):b8@0/64\n"

/*
 * The order of a large folio is in the word behind the first struct page, and
 * the bit of a head says that there is one: so it is in 6.6 to 6.12.  Older
 * kernels (before 6.9) do not know the argument when a function returns.
 */
static bool trace_sizes(void)
{
	return append(TRACING "kprobe_events", SIZES) &&
	       append(LARGE "trigger",
		      "hist:keys=order if ret == -1 && head == 1\n");
}

static void start_tracing(void)
{
	must(append(TRACING "kprobe_events",
		    "r:bench/skip folio_referenced ret=$retval:s32\n"),
	     TRACING "kprobe_events");
	must(append(SKIPS "trigger", "hist:keys=ret if ret == -1\n"),
	     SKIPS "trigger");
	must(append(SHRINK "trigger", "hist:keys=nid:vals=nr_ref_keep\n"),
	     SHRINK "trigger");
	sizes_known = trace_sizes();
}

/* Returns of folio_referenced() that the kretprobe had no room for. */
static long probes_missed(void)
{
	FILE *file = fopen(TRACING "kprobe_profile", "re");
	long hits, missed = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, " skip %ld %ld", &hits, &missed);
	if (file)
		fclose(file);
	return missed;
}

static void swap_on_zram(void)
{
	char text[32];

	snprintf(text, sizeof(text), "%dM", asked.zram_mb);
	must(file_write("/sys/block/zram0/disksize", text), "zram0/disksize");
	must(!system("mkswap /dev/zram0 >/dev/null"), "mkswap /dev/zram0");
	must(!swapon("/dev/zram0", 0), "swapon /dev/zram0");
}

static void choose_folios(void)
{
	char path[PATH_MAX];

	if (!access(THP "enabled", F_OK))
		must(file_write(THP "enabled", "never"), THP "enabled");
	if (!asked.mthp_kb)
		return;
	snprintf(path, sizeof(path), THP "hugepages-%dkB/enabled",
		 asked.mthp_kb);
	must(file_write(path, "always"), path);
}

static void set_up(void)
{
	static struct held place;

	held = &place;
	must(cgroup_find(), "cgroup2");
	/* A group that a killed run has left behind. */
	put_back();
	must(cgroup_enable("memory"), "memory controller");
	must(cgroup_enable("io"), "io controller");
	if (asked.zram_mb)
		swap_on_zram();
	choose_folios();
	if (has_knob(LRU_GEN))
		must(knob_set(LRU_GEN, "0"), "lru_gen/enabled");
	/* The one who measures is not to be measured. */
	must(!mlockall(MCL_CURRENT | MCL_FUTURE), "mlockall");
	must(file_read_key_long("/proc/vmstat", "pswpout") >= 0, "CONFIG_VM_EVENT_COUNTERS");
	kswapd = find_kswapd();
	must(kswapd, "kswapd0");
	start_tracing();
}

static void tell(const struct sample *sample, int number)
{
	const char *comma = "";
	int i;

	printf("# bench: {\"sample\": %d, \"warmup\": %s, \"metrics\": {",
	       number, number < asked.warmup ? "true" : "false");
	for (i = 0; i < sample->number; i++) {
		printf("%s\"%s\": %.3f", comma, sample->metrics[i].name,
		       sample->metrics[i].value);
		comma = ", ";
	}
	printf("}}\n");
	fflush(stdout);
}

static void read_arguments(int argc, char **argv)
{
	static const struct option options[] = {
		{ "samples", required_argument, NULL, 'n' },
		{ "warmup", required_argument, NULL, 'w' },
		{ "seed", required_argument, NULL, 's' },
		{ "zram", required_argument, NULL, 'z' },
		{ "mthp", required_argument, NULL, 'm' },
		{ },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'n')
			asked.samples = atoi(optarg);
		else if (option == 'w')
			asked.warmup = atoi(optarg);
		else if (option == 's')
			srandom(strtoul(optarg, NULL, 10));
		else if (option == 'z')
			asked.zram_mb = atoi(optarg);
		else if (option == 'm')
			asked.mthp_kb = atoi(optarg);
		else
			exit(2);
	}
}

/*
 * Takes --warmup and --samples more samples, and tells of each.  What prepare()
 * makes, put_back() removes.
 */
static int bench(int argc, char **argv, void (*prepare)(void),
		 void (*measure)(struct sample *sample))
{
	struct sample sample;
	int i;

	read_arguments(argc, argv);
	printf("TAP version 13\n1..1\n");
	set_up();
	if (prepare)
		prepare();
	for (i = 0; i < asked.warmup + asked.samples; i++) {
		sample.number = 0;
		must(cgroups_make(), "cgroups");
		measure(&sample);
		must(cgroups_remove(), "cgroups, at the end");
		tell(&sample, i);
	}
	printf("# probes missed: %ld\n", probes_missed());
	must(put_back(), "to put everything back");
	printf("ok 1\n");
	return 0;
}

#endif /* BENCH_H */
