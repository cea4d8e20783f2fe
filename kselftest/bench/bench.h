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
 */
#ifndef BENCH_H
#define BENCH_H

#define _GNU_SOURCE
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/swap.h>
#include <sys/wait.h>

#include "../kselftest.h"
#include "exit_skip.h"

#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif

#define TRACING		"/sys/kernel/tracing/"
#define SKIPS		TRACING "events/bench/skip/"
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
} asked = { .samples = 5, .warmup = 1 };

static pid_t kswapd;

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

	read_text("/proc/stat", line, sizeof(line));
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

static long swap_bytes(const char *group)
{
	return read_number(cgroup_path(group, "memory.swap.current"));
}

static struct reading look(void)
{
	return (struct reading) {
		.ms = now_exactly(),
		.kswapd_ms = cpu_ms(kswapd),
		.system_ms = system_ms(),
		.swapped_out = read_field("/proc/vmstat", "pswpout"),
		.swapped_in = read_field("/proc/vmstat", "pswpin"),
		.filler_bytes = swap_bytes(FILLER),
		.kept = add_up(SHRINK "hist", "nr_ref_keep:"),
		.skips = add_up(SKIPS "hist", "Hits:"),
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
}

/*
 * What was written to swap, less what the filler has there more: the filler
 * sleeps and gets nothing back, and all others are locked into memory.
 */
static double victims_swapped(const struct reading *before,
			      const struct reading *after)
{
	double all = (after->swapped_out - before->swapped_out) *
		     (double)page_size();
	double filler = after->filler_bytes - before->filler_bytes;

	return all > filler ? all - filler : 0;
}

/* No two pages are the same, and all of them compress four to one. */
static void fill(char *memory, size_t size)
{
	size_t page = page_size(), at, word;

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
 * Starts a child in a control group ("": in none).  It runs the job, which
 * returns whether it went well, and stays.  *report is for await().
 */
static pid_t start(const char *group, bool (*job)(int report), int *report)
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
		if ((*group && !cgroup_join(group)) || !job(ends[1]))
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
		if (read_text(path, name, sizeof(name)) &&
		    !strcmp(name, "kswapd0"))
			found = atoi(entry->d_name);
	}
	if (all)
		closedir(all);
	return found;
}

static void append(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	ssize_t len = strlen(text);

	if (fd < 0 || write(fd, text, len) != len)
		give_up(path);
	close(fd);
}

static void start_tracing(void)
{
	append(TRACING "kprobe_events",
	       "r:bench/skip folio_referenced ret=$retval:s32\n");
	append(SKIPS "trigger", "hist:keys=ret if ret == -1\n");
	append(SHRINK "trigger", "hist:keys=nid:vals=nr_ref_keep\n");
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
	must(write_text("/sys/block/zram0/disksize", text), "zram0/disksize");
	must(!system("mkswap /dev/zram0 >/dev/null"), "mkswap /dev/zram0");
	must(!swapon("/dev/zram0", 0), "swapon /dev/zram0");
}

static void set_up(void)
{
	static struct held place;

	held = &place;
	must(cgroup_find(), "cgroup2");
	must(cgroup_enable("memory"), "memory controller");
	must(cgroup_enable("io"), "io controller");
	/* A group that a killed run has left behind. */
	put_back();
	must(cgroup_enable("memory"), "memory controller");
	must(cgroup_enable("io"), "io controller");
	if (asked.zram_mb)
		swap_on_zram();
	if (has_knob(LRU_GEN))
		must(knob_set(LRU_GEN, "0"), knob_path[LRU_GEN]);
	/* The one who measures is not to be measured. */
	must(!mlockall(MCL_CURRENT | MCL_FUTURE), "mlockall");
	must(read_field("/proc/vmstat", "pswpout") >= 0, "CONFIG_VM_EVENT_COUNTERS");
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
		must(cgroup_make(VICTIM) && cgroup_make(FILLER), "cgroups");
		measure(&sample);
		must(cgroup_remove(VICTIM) && cgroup_remove(FILLER),
		     "cgroups, at the end");
		tell(&sample, i);
	}
	printf("# probes missed: %ld\n", probes_missed());
	must(put_back(), "to put everything back");
	printf("ok 1\n");
	return 0;
}

#endif /* BENCH_H */
