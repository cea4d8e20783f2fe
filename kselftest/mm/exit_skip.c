// SPDX-License-Identifier: GPL-2.0
/*
 * What reclaim does with the memory of an exiting process.
 *
 * Memory that only an exiting process maps is about to be freed, so swapping it
 * out is work for nothing: reclaim should leave it alone ("mm: shrink skip
 * folio mapped by an exiting process", c495b97624d0).  It may do so only with
 * what ends with the process: anonymous and swap-backed folios that nobody else
 * maps.  Each case puts one kind of memory into a process in one state, presses
 * by one path of reclaim, and looks what became of the memory:
 *
 *   KEPT     all of it is still there, though reclaim went over it repeatedly
 *   SWAPPED  all of it went to swap
 *   DROPPED  all of it was freed, without swap
 *
 * Afterwards the process has to end, all memory and swap have to be given back,
 * a process that shared the memory has to find every byte of it, and the kernel
 * must not have complained.
 *
 * An exit normally is too short to be looked at.  Here it is not: the victim
 * has one AIO read in flight on a null_blk device, and its cgroup's io.max lets
 * that read through only after many seconds.  Once killed, the victim waits for
 * it in exit_aio(), where mm_users is 0 already and all memory is still mapped.
 * Lifting the limit ends the wait at once.
 *
 * What cannot be had here (a window that stays open, pressure without the OOM
 * killer, huge pages) is reported as SKIP with "set-up:": it says nothing about
 * the kernel, neither good nor bad.
 *
 * The test makes kswapd reclaim all that it can, on the whole machine: run it
 * in a guest.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "../kselftest_harness.h"
#include "exit_skip_util.h"
#include "exit_skip_window.h"

#ifndef __NR_pidfd_open
#define __NR_pidfd_open 434
#endif
#ifndef __NR_process_mrelease
#define __NR_process_mrelease 448
#endif
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

#define VICTIM_SIZE	MB(8)
#define FILLER_SIZE	MB(4)
#define CHUNK		(64 * KB)

/* What everybody else may allocate while the watermarks are up. */
#define MARGIN_KB	(2 * KB)

/* Figures in between "all" and "nothing" are neither kept nor taken. */
#define NOTHING_KB	(VICTIM_SIZE / 8 / KB)

/*
 * The first scan of a page only clears its accessed bit and the second one
 * takes it.  Kept means that it survived more than that.
 */
#define SCANS		4

/* How often a case that could not be played is tried. */
#define TRIES		3

#define PRESSURE_MS	30000
#define TIMEOUT_S	200

/* A window is this much, and this many times what it took to fill the memory. */
#define WINDOW_MIN_S	20
#define WINDOW_TIMES	60
#define WINDOW_MAX_S	600

enum kind {
	PRIVATE_ANON,
	MTHP,
	MTHP_HALF,
	PMD_THP,
	SHMEM,
	MEMFD,
	FILE_CLEAN,
	FILE_COPIED,
	DEVICE_COPIED,
	LAZYFREE,
	MLOCKED,
	SWAPCACHE,
	MERGED,
};

enum state {
	ALIVE,
	EXITING,
	FORKED,		/* exiting, but a fork that shares the memory lives */
	BOTH_EXITING,	/* the fork is exiting as well */
	THREADS,	/* exiting, as a group of threads whose leader went */
	CLONED_VM,	/* exited, but a process with the same mm lives */
	STUCK,		/* killed, but waiting for a disk: not exiting yet */
	MRELEASED,	/* the same after process_mrelease() */
	OOM_REAPED,	/* the same after an OOM kill */
};

enum path {
	GLOBAL,		/* kswapd and direct reclaim, as it happens */
	KSWAPD,
	DIRECT,
	NODE_RECLAIM,
	MEMORY_RECLAIM,
	MEMORY_MAX,
	PAGEOUT,	/* MADV_PAGEOUT by the process that still lives */
};

enum fate { KEPT, SWAPPED, DROPPED };

struct scene {
	enum kind kind;
	enum state state;
	enum path path;
	bool mglru;
};

/* Two pipes, for orders to the process that lives on, and its answers. */
struct line {
	int orders[2];
	int answers[2];
};

/* What a child is to do; returns 0 or -errno. */
struct job {
	int (*run)(struct job *job);
	void (*stay)(struct job *job);	/* when it has been done */
	const struct scene *scene;
	char *memory;
	size_t size;
	const struct line *line;	/* for the one that shares the memory */
};

struct figures {
	long resident;
	long swapped;
	long scanned;
	long filler_swapped;
};

static const char *const fate_name[] = {
	[KEPT] = "kept",
	[SWAPPED] = "swapped out",
	[DROPPED] = "dropped",
};

/*
 * Kinds of memory
 */

static bool is_file_backed(enum kind kind)
{
	return kind == FILE_CLEAN || kind == FILE_COPIED;
}

/*
 * Short of memory, reclaim leaves files and what is like them alone as long as
 * there is anything to swap: it had better not look at that here.
 */
static bool needs_no_swap(enum kind kind)
{
	return kind == FILE_CLEAN || kind == LAZYFREE;
}

static bool is_huge(enum kind kind)
{
	return kind == MTHP || kind == MTHP_HALF || kind == PMD_THP;
}

/* 0: there are none. */
static size_t huge_size(enum kind kind)
{
	return kind == PMD_THP ? file_read_long(THP "hpage_pmd_size") : CHUNK;
}

/* The start of an area of RAM that is as large as the victim; 0: none. */
static off_t find_ram(void)
{
	FILE *areas = fopen("/proc/iomem", "re");
	unsigned long long start, end;
	char line[256];
	off_t found = 0;

	if (!areas)
		return 0;
	while (!found && fgets(line, sizeof(line), areas))
		if (strstr(line, "System RAM") &&
		    sscanf(line, "%llx-%llx", &start, &end) == 2 &&
		    end - start > VICTIM_SIZE + 2 * CHUNK)
			found = (start + CHUNK) & ~(CHUNK - 1);
	fclose(areas);
	return found;
}

/*
 * Private: what is written goes into copies, and not to the device.  The first
 * page is left alone, since fork() looks there for the device (and failed up to
 * 6.14 on x86 where it found a copy).
 */
static char *map_ram(size_t size)
{
	int fd = open("/dev/mem", O_RDONLY | O_CLOEXEC);
	off_t ram = find_ram();
	char *memory = MAP_FAILED;

	if (fd < 0)
		return MAP_FAILED;
	if (ram)
		memory = mmap(NULL, size + getpagesize(), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE, fd, ram);
	close(fd);
	return memory == MAP_FAILED ? memory : memory + getpagesize();
}

static char *map_data_disk(size_t size)
{
	int fd = open(disk_node(DATA_DISK), O_RDONLY | O_CLOEXEC);
	char *memory;

	if (fd < 0)
		return MAP_FAILED;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	return memory;
}

static char *map_memfd(size_t size)
{
	int fd = memfd_create("exit_skip", MFD_CLOEXEC);
	char *memory = MAP_FAILED;

	if (fd < 0)
		return MAP_FAILED;
	if (!ftruncate(fd, size))
		memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			      fd, 0);
	close(fd);
	return memory;
}

/* At an address where huge pages fit, whatever their size. */
static char *map_huge(enum kind kind, size_t size)
{
	size_t align = huge_size(kind);
	char *memory = map_anon(size + align, MAP_PRIVATE);

	if (memory == MAP_FAILED)
		return memory;
	memory += -(uintptr_t)memory & (align - 1);
	return madvise(memory, size, MADV_HUGEPAGE) ? MAP_FAILED : memory;
}

static char *map_memory(enum kind kind, size_t size)
{
	char *memory;

	if (is_huge(kind))
		return map_huge(kind, size);
	if (kind == MEMFD)
		return map_memfd(size);
	if (kind == DEVICE_COPIED)
		return map_ram(size);
	if (is_file_backed(kind))
		return map_data_disk(size);
	memory = map_anon(size, kind == SHMEM ? MAP_SHARED : MAP_PRIVATE);
	/* EINVAL: there are no huge pages. */
	if (memory != MAP_FAILED &&
	    madvise(memory, size, MADV_NOHUGEPAGE) && errno != EINVAL)
		return MAP_FAILED;
	return memory;
}

/*
 * No word is zero and no two pages are the same: nothing that could be left out
 * or merged, but for the kind that is to be merged, where every second page has
 * the content of the one before.
 */
static size_t word_at(enum kind kind, size_t at)
{
	size_t page = getpagesize();

	if (kind == MERGED)
		at = at / page / 2 * page + at % page;
	return (at + 1) * 0x9e3779b97f4a7c15UL | 1;
}

static void fill(char *memory, enum kind kind, size_t size)
{
	size_t at;

	for (at = 0; at < size; at += sizeof(at))
		*(size_t *)(memory + at) = word_at(kind, at);
}

/* Asked to be free, a page is as it was or, once reclaimed, zero. */
static bool is_intact(struct job *job, size_t at)
{
	size_t word = *(size_t *)(job->memory + at);

	return word == word_at(job->scene->kind, at) ||
	       (job->scene->kind == LAZYFREE && !word);
}

static bool has_fork(const struct scene *scene)
{
	return scene->state == FORKED || scene->state == BOTH_EXITING;
}

static bool waits_in_exit_aio(const struct scene *scene)
{
	return scene->state == EXITING || scene->state == THREADS ||
	       has_fork(scene);
}

static bool is_stuck_in_read(const struct scene *scene)
{
	return scene->state == STUCK || scene->state == MRELEASED ||
	       scene->state == OOM_REAPED;
}

/* Of memory in halves the victim keeps the first, its fork the second. */
static bool is_mine(struct job *job, size_t at)
{
	bool second = at % CHUNK >= CHUNK / 2;

	return job->scene->kind != MTHP_HALF || second == has_fork(job->scene);
}

static int verify(struct job *job)
{
	size_t at;

	for (at = 0; at < job->size; at += sizeof(at))
		if (is_mine(job, at) && !is_intact(job, at))
			return -EBADMSG;
	return 0;
}

/* Of each 64 KiB either the first or the second half. */
static int drop_half(struct job *job, bool second)
{
	char *at = job->memory + (second ? CHUNK / 2 : 0);

	for (; at < job->memory + job->size; at += CHUNK)
		if (madvise(at, CHUNK / 2, MADV_DONTNEED))
			return -errno;
	return 0;
}

/*
 * A page of a file that two processes have looked at counts as an active one,
 * and those are taken late: so the looks are forgotten at once.
 */
static int touch(struct job *job)
{
	size_t page = getpagesize(), at;
	char byte;

	for (at = 0; at < job->size; at += page) {
		if (!is_mine(job, at))
			continue;
		byte = job->memory[at];
		asm volatile("" : "+r" (byte));
	}
	if (job->scene->kind == FILE_CLEAN)
		file_write("/proc/self/clear_refs", "1");
	return 0;
}

/* Out and in again: what is only read keeps its place in swap. */
static int go_through_swap(struct job *job)
{
	if (madvise(job->memory, job->size, MADV_PAGEOUT))
		return -errno;
	return touch(job);
}

/* Runs ksmd until it has merged all pages, two by two, and stops it again. */
static int merge(struct job *job)
{
	long pages = job->size / getpagesize();
	bool done;

	held->merged = pages_merged();
	if (madvise(job->memory, job->size, MADV_MERGEABLE) ||
	    !knob_set(KSM_SLEEP, "0") || !knob_set_number(KSM_PAGES, pages) ||
	    !knob_set(KSM_RUN, "1"))
		return -errno;
	done = eventually(file_read_long("/proc/self/ksm_merging_pages") >= pages);
	if (!knob_set(KSM_RUN, "0"))
		return -errno;
	return done ? 0 : -ETIMEDOUT;
}

static int make_memory(struct job *job)
{
	enum kind kind = job->scene->kind;

	job->memory = map_memory(kind, job->size);
	if (job->memory == MAP_FAILED)
		return -errno;
	if (kind == FILE_CLEAN)
		return touch(job);
	fill(job->memory, kind, job->size);
	if (kind == LAZYFREE && madvise(job->memory, job->size, MADV_FREE))
		return -errno;
	if (kind == MLOCKED && mlock(job->memory, job->size))
		return -errno;
	if (kind == SWAPCACHE)
		return go_through_swap(job);
	if (kind == MERGED)
		return merge(job);
	return 0;
}

/* The key ends with a space, and begins with '\n' where another ends alike. */
static long victim_stat(const char *key)
{
	return cg_read_key_long(held->victim, "memory.stat", key);
}

/* What memory.stat says of the victim's memory of that kind. */
static long resident_kb(enum kind kind)
{
	if (kind == FILE_CLEAN)
		return (victim_stat("\nactive_file ") +
			victim_stat("\ninactive_file ")) / KB;
	if (kind == SHMEM || kind == MEMFD)
		return victim_stat("shmem ") / KB;
	return victim_stat("anon ") / KB;
}

static long expected_kb(const struct scene *scene)
{
	bool half = scene->kind == MERGED ||
		    (scene->kind == MTHP_HALF && !has_fork(scene));

	return VICTIM_SIZE / KB / (half ? 2 : 1);
}

/*
 * Processes
 */

/*
 * Starts a child that does the job and then stays until it is killed or its
 * parent dies.  Returns its pid or -errno; *report is for await().
 */
static pid_t start(struct job *job, int *report)
{
	pid_t parent = getpid(), pid;
	int ends[2], error;

	if (pipe(ends))
		return -errno;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* The test itself is none for the OOM killer: see set_up(). */
		file_write("/proc/self/oom_score_adj", "0");
		close(ends[0]);
		error = getppid() == parent ? job->run(job) : -ESRCH;
		if (write(ends[1], &error, sizeof(error)) != sizeof(error))
			_exit(1);
		close(ends[1]);
		if (!error && job->stay)
			job->stay(job);
		while (!error)
			pause();
		_exit(1);
	}
	*report = ends[0];
	close(ends[1]);
	return pid < 0 ? -errno : pid;
}

/* Waits until the job is done: 0 or -errno. */
static int await(int report)
{
	struct pollfd done = { .fd = report, .events = POLLIN };
	int error = -ETIMEDOUT;

	if (poll(&done, 1, 2 * WAIT_MS) == 1 &&
	    read(report, &error, sizeof(error)) != sizeof(error))
		error = -ECHILD;
	close(report);
	return error;
}

/* Takes orders from the test: the answer is 0 or -errno. */
static void serve(struct job *job)
{
	const struct line *line = job->line;
	char order;
	int error;

	while (read(line->orders[0], &order, 1) == 1) {
		error = 0;
		if (order == 'v')
			error = verify(job);
		else if (madvise(job->memory, job->size, MADV_PAGEOUT))
			error = -errno;
		if (write(line->answers[1], &error, sizeof(error)) < 0)
			break;
	}
}

static int give_order(const struct line *line, char order)
{
	struct pollfd answer = { .fd = line->answers[0], .events = POLLIN };
	int error;

	if (write(line->orders[1], &order, 1) != 1)
		return -errno;
	if (poll(&answer, 1, 2 * WAIT_MS) != 1)
		return -ETIMEDOUT;
	if (read(line->answers[0], &error, sizeof(error)) != sizeof(error))
		return -ECHILD;
	return error;
}

/* Waits for a read as one that nothing interrupts. */
static void get_stuck(struct job *job)
{
	char *page;
	int fd = slow_disk_open(&page);

	(void)job;
	if (fd < 0 || pread(fd, page, getpagesize(), 0) < 0)
		_exit(1);
}

/* Goes alone, without its threads. */
static void leave(struct job *job)
{
	(void)job;
	syscall(__NR_exit, 0);
}

static void *idle(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static int start_threads(void)
{
	pthread_t thread;
	int i, error = 0;

	for (i = 0; !error && i < 3; i++)
		error = -pthread_create(&thread, NULL, idle, NULL);
	return error;
}

/* A fork has no page tables for shared memory yet, and old ones otherwise. */
static int join_in(struct job *job)
{
	if (job->scene->kind == MTHP_HALF && drop_half(job, false))
		return -errno;
	touch(job);
	return job->scene->state == BOTH_EXITING ? submit_read() : 0;
}

static int start_fork(struct job *job)
{
	struct job share = *job;
	int report;

	share.run = join_in;
	share.stay = serve;
	held->sharer = start(&share, &report);
	return held->sharer < 0 ? held->sharer : await(report);
}

static int serve_as_clone(void *job)
{
	serve(job);
	return 0;
}

static int start_clone(struct job *job)
{
	char *stack = map_anon(CHUNK, MAP_PRIVATE);

	if (stack == MAP_FAILED)
		return -errno;
	held->sharer = clone(serve_as_clone, stack + CHUNK, CLONE_VM | SIGCHLD,
			     job);
	return held->sharer < 0 ? -errno : 0;
}

/* Slow machines need long windows: this one took so long to fill its memory. */
static int limit_disk(long filling_ms)
{
	long window_s = WINDOW_MIN_S + WINDOW_TIMES * filling_ms / 1000;

	if (window_s > WINDOW_MAX_S)
		window_s = WINDOW_MAX_S;
	return window_set(window_s * held->window_factor);
}

static int victim(struct job *job)
{
	enum state state = job->scene->state;
	long start = now_ms();
	int error = cg_enter_current(held->victim);

	if (error)
		return error;
	/* A new limit that is not reached at once calls the OOM killer. */
	if (job->scene->path == MEMORY_MAX &&
	    !file_write("/proc/self/oom_score_adj", "-1000"))
		return -errno;
	error = make_memory(job);
	if (!error)
		error = limit_disk(now_ms() - start);
	if (!error && has_fork(job->scene))
		error = start_fork(job);
	if (!error && job->scene->kind == MTHP_HALF)
		error = drop_half(job, true);
	if (!error && state == THREADS)
		error = start_threads();
	if (!error && state == CLONED_VM)
		error = start_clone(job);
	if (!error && waits_in_exit_aio(job->scene))
		error = submit_read();
	return error;
}

static int filler(struct job *job)
{
	int error = cg_enter_current(held->filler);

	return error ? error : make_memory(job);
}

/*
 * Reclaim
 */

static const char *scan_counter(enum path path)
{
	return path == KSWAPD ? "pgscan_kswapd " :
	       path == DIRECT ? "pgscan_direct " : "pgscan ";
}

static long swapped_kb(const char *cgroup)
{
	return cg_read_long(cgroup, "memory.swap.current") / KB;
}

static bool oom_killed(const char *cgroup)
{
	return cg_read_key_long(cgroup, "memory.events", "oom_kill ") > 0;
}

static struct figures look(const struct scene *scene)
{
	return (struct figures) {
		.resident = resident_kb(scene->kind),
		.swapped = swapped_kb(held->victim),
		.scanned = victim_stat(scan_counter(scene->path)) *
			   (getpagesize() / KB),
		.filler_swapped = swapped_kb(held->filler),
	};
}

static void allocate(size_t size)
{
	size_t page = getpagesize(), at;
	char *memory = map_anon(size, MAP_PRIVATE);

	if (memory == MAP_FAILED)
		return;
	for (at = 0; at < size; at += page)
		memory[at] = 1;
	munmap(memory, size);
}

/*
 * Wakes kswapd, and has to reclaim itself.  A round never lacks more than it
 * allocates, and its own pages can be swapped to get that: so the OOM killer
 * has no part in it, and a kswapd that has given up is revived by the progress.
 */
static bool press_globally(void)
{
	if (!knob_set_number(MIN_FREE, free_kb() - MARGIN_KB))
		return false;
	allocate(2 * MARGIN_KB * KB);
	return true;
}

/* It does when it got nothing some times in a row, maybe in an earlier case. */
static bool kswapd_has_given_up(void)
{
	FILE *zones = fopen("/proc/zoneinfo", "re");
	int given_up = 0;
	char line[256];

	if (!zones)
		return false;
	while (!given_up && fgets(line, sizeof(line), zones))
		sscanf(line, " node_unreclaimable: %d", &given_up);
	fclose(zones);
	return given_up;
}

/*
 * What is free lies between the minimum and the low watermark, a quarter above:
 * the allocation wakes kswapd and does not wait for it.  Nothing wakes one that
 * has given up, until somebody else has reclaimed something.
 */
static bool press_by_kswapd(void)
{
	if (kswapd_has_given_up() && !press_globally())
		return false;
	if (!knob_set_number(MIN_FREE, free_kb() / 100 * 85))
		return false;
	allocate(MB(1));
	usleep(POLL_US);
	return true;
}

/* The kernel may fail to find as much: so there is no error. */
static bool press_nodes(void)
{
	char path[64];
	int node;

	for (node = 0; ; node++) {
		snprintf(path, sizeof(path),
			 "/sys/devices/system/node/node%d/reclaim", node);
		if (access(path, F_OK))
			return true;
		file_write(path, "8M");
	}
}

/* Bit by bit, and never below what it can have without the victim's memory. */
static bool press_by_limit(const struct scene *scene)
{
	long step_kb = resident_kb(scene->kind) - NOTHING_KB / 2;
	long kb = cg_read_long(held->victim, "memory.current") / KB;
	bool done;

	kb -= step_kb < NOTHING_KB ? step_kb : NOTHING_KB;
	done = !cg_write_numeric(held->victim, "memory.max", kb * KB);
	return !cg_write(held->victim, "memory.max", "max") && done;
}

static bool press_once(const struct scene *scene, const struct line *line)
{
	switch (scene->path) {
	case KSWAPD:
		return press_by_kswapd();
	case NODE_RECLAIM:
		return press_nodes();
	case MEMORY_RECLAIM:
		cg_write(held->victim, "memory.reclaim", "8M");
		return true;
	case MEMORY_MAX:
		return press_by_limit(scene);
	case PAGEOUT:
		return !give_order(line, 'p');
	default:
		return press_globally();
	}
}

/* A scan counts all of a folio, however much of it is mapped. */
static long whole_folios_kb(const struct scene *scene)
{
	return scene->kind == MERGED ? expected_kb(scene) : VICTIM_SIZE / KB;
}

/* Reclaim did work, and the victim was not just out of its way. */
static bool is_pressed(const struct scene *scene, const struct figures *seen)
{
	bool scanned = seen->scanned >= SCANS * whole_folios_kb(scene);
	long filler_kb = FILLER_SIZE / KB;

	if (scene->path == PAGEOUT)
		return true;
	if (scene->path == MEMORY_RECLAIM || scene->path == MEMORY_MAX)
		return scanned;
	/* What is mlocked is not among the pages that are scanned. */
	if (scene->kind == MLOCKED)
		return seen->filler_swapped >= filler_kb / 8 * 7;
	return scanned && seen->filler_swapped >= filler_kb / 2;
}

/* Returns false if it is none of them, or not yet. */
static bool is_fate(const struct scene *scene, const struct figures *before,
		    const struct figures *seen, enum fate fate)
{
	long all = expected_kb(scene) - NOTHING_KB;

	if (fate == KEPT)
		return seen->resident >= all &&
		       seen->swapped - before->swapped <= NOTHING_KB &&
		       is_pressed(scene, seen);
	if (seen->resident > NOTHING_KB)
		return false;
	return fate == SWAPPED ? seen->swapped >= all :
				 seen->swapped <= NOTHING_KB;
}

/*
 * The cast
 */

struct cast {
	const struct scene *scene;
	pid_t victim;
	struct line line;
	int log;
	struct figures before;
	struct figures seen;
};

static bool is_in_state(const struct cast *cast)
{
	switch (cast->scene->state) {
	case ALIVE:
		return is_running(cast->victim);
	case CLONED_VM:
		return !is_running(cast->victim) && is_running(held->sharer);
	case FORKED:
		return is_in_exit_aio(cast->victim) && is_running(held->sharer);
	case BOTH_EXITING:
		return is_in_exit_aio(cast->victim) &&
		       is_in_exit_aio(held->sharer);
	case EXITING:
	case THREADS:
		return is_in_exit_aio(cast->victim);
	default:
		return is_stuck_in_pread(cast->victim);
	}
}

static bool has_sharer(const struct scene *scene)
{
	return scene->state == ALIVE || scene->state == FORKED ||
	       scene->state == CLONED_VM;
}

/* Lets the OOM killer have it: the write ends when the reaper is through. */
static const char *kill_by_oom(void)
{
	bool done = !cg_write(held->victim, "memory.swap.max", "0") &&
		    !cg_write(held->victim, "memory.max", "1M");

	cg_write(held->victim, "memory.max", "max");
	cg_write(held->victim, "memory.swap.max", "max");
	return done && oom_killed(held->victim) ? NULL : "no OOM kill";
}

static const char *release_memory(pid_t pid)
{
	int fd = syscall(__NR_pidfd_open, pid, 0);
	bool done = fd >= 0 && !syscall(__NR_process_mrelease, fd, 0);

	close(fd);
	return done ? NULL : "process_mrelease() failed";
}

static const char *bring_into_state(struct cast *cast)
{
	enum state state = cast->scene->state;
	const char *problem = NULL;

	if (is_stuck_in_read(cast->scene) &&
	    !eventually(is_stuck_in_pread(cast->victim)))
		return "the victim does not wait for its disk";
	if (state == OOM_REAPED)
		problem = kill_by_oom();
	else if (state != ALIVE && kill(cast->victim, SIGKILL))
		return "the victim has gone";
	if (state == BOTH_EXITING && kill(held->sharer, SIGKILL))
		return "the fork has gone";
	if (state == MRELEASED)
		problem = release_memory(cast->victim);
	if (!problem && !eventually(is_in_state(cast)))
		problem = "the window did not open";
	return problem;
}

static const char *check_huge(enum kind kind, long had)
{
	long kb = kind == PMD_THP ? victim_stat("anon_thp ") / KB :
		  (file_read_long(THP_64K "stats/anon_fault_alloc") - had) *
		  (CHUNK / KB);

	/* Before Linux 6.10 nobody counted. */
	if (kind != PMD_THP && had < 0)
		return NULL;
	return kb >= VICTIM_SIZE / KB - NOTHING_KB ? NULL :
	       "memory is too fragmented for huge pages";
}

static const char *check_kind(const struct scene *scene, long had_huge)
{
	if (is_huge(scene->kind))
		return check_huge(scene->kind, had_huge);
	if (scene->kind == SWAPCACHE &&
	    victim_stat("swapcached ") / KB < expected_kb(scene) - NOTHING_KB)
		return "this swap device goes without the swap cache";
	return NULL;
}

static const char *because(const char *problem, int error)
{
	static char text[128];

	snprintf(text, sizeof(text), "%s: %s", problem, strerror(-error));
	return text;
}

static const char *enter(struct cast *cast)
{
	static const struct scene filler_scene = { .kind = PRIVATE_ANON };
	const struct scene *scene = cast->scene;
	long had_huge = file_read_long(THP_64K "stats/anon_fault_alloc");
	struct job victim_job = {
		.run = victim,
		.stay = scene->state == ALIVE ? serve :
			scene->state == THREADS ? leave :
			is_stuck_in_read(scene) ? get_stuck : NULL,
		.scene = scene,
		.size = VICTIM_SIZE,
		.line = &cast->line,
	};
	struct job filler_job = {
		.run = filler,
		.scene = &filler_scene,
		.size = FILLER_SIZE,
	};
	int report, filler_report, error;
	pid_t pid;

	pid = start(&filler_job, &filler_report);
	if (pid < 0)
		return because("no filler", pid);
	cast->victim = start(&victim_job, &report);
	error = cast->victim < 0 ? cast->victim : await(report);
	if (error)
		return because("no victim", error);
	error = await(filler_report);
	if (error)
		return because("no filler", error);
	if (!eventually(resident_kb(scene->kind) >=
			expected_kb(scene) - NOTHING_KB))
		return "the memory is not resident";
	cast->before = look(scene);
	return check_kind(scene, had_huge);
}

/* Presses until it is plain what becomes of the memory. */
static const char *press(struct cast *cast)
{
	const struct scene *scene = cast->scene;
	long end_ms = now_ms() + PRESSURE_MS;
	struct figures *seen = &cast->seen;
	bool done;

	do {
		if (!press_once(scene, &cast->line))
			return "no pressure";
		*seen = look(scene);
		seen->scanned -= cast->before.scanned;
		done = is_fate(scene, &cast->before, seen, KEPT) ||
		       is_fate(scene, &cast->before, seen, SWAPPED) ||
		       is_fate(scene, &cast->before, seen, DROPPED);
	} while (!done && scene->path != PAGEOUT && is_in_state(cast) &&
		 !oom_killed(held->filler) && now_ms() < end_ms);
	return knob_put_back(MIN_FREE) ? NULL : "no way back";
}

#define CLOSED_EARLY "the window closed early, though it was four times longer"
#define OOM_TOOK_PART "the OOM killer took part, repeatedly"

/* Returns what kept us from seeing anything, or NULL. */
static const char *play(struct cast *cast)
{
	bool killed = cast->scene->state == OOM_REAPED;
	const char *problem = enter(cast);

	if (!problem)
		problem = bring_into_state(cast);
	if (!problem)
		problem = press(cast);
	if (problem)
		return problem;
	if (oom_killed(held->filler) || oom_killed(held->victim) != killed)
		return OOM_TOOK_PART;
	return is_in_state(cast) ? NULL : CLOSED_EARLY;
}

static bool make_data(void)
{
	char *memory = map_anon(VICTIM_SIZE, MAP_PRIVATE);
	int fd = open(disk_node(DATA_DISK), O_WRONLY | O_CLOEXEC);
	bool done = false;
	long at;

	if (fd >= 0 && memory != MAP_FAILED) {
		fill(memory, FILE_CLEAN, VICTIM_SIZE);
		done = true;
		for (at = 0; done && at < VICTIM_SIZE; at += CHUNK)
			done = pwrite(fd, memory + at, CHUNK, at) == CHUNK;
		done &= !fsync(fd);
	}
	if (memory != MAP_FAILED)
		munmap(memory, VICTIM_SIZE);
	/* The last one to close it takes the page cache with it. */
	close(fd);
	return done;
}

static const char *prepare(const struct scene *scene)
{
	if (!slow_disk_make())
		return "no slow disk";
	if (is_file_backed(scene->kind) &&
	    (!disk_make(DATA_DISK, "8") || !make_data()))
		return "no disk with data";
	if (needs_no_swap(scene->kind) &&
	    cg_write(held->victim, "memory.swap.max", "0"))
		return "no limit of swap";
	/*
	 * High watermarks make for long lists of free pages per CPU: whoever
	 * frees and allocates the same amount again never needs reclaim then.
	 */
	if (has_knob(PCP_FRACTION) && !knob_set(PCP_FRACTION, "1000000"))
		return "no limit of the lists of free pages per CPU";
	/*
	 * Where memory is fragmented, the kernel raises the watermarks by more
	 * than a round allocates: the OOM killer would take part then.
	 */
	if (has_knob(BOOST_FACTOR) && !knob_set(BOOST_FACTOR, "0"))
		return "no limit of the boost of watermarks";
	if (has_knob(LRU_GEN) && !knob_set(LRU_GEN, scene->mglru ? "y" : "n"))
		return "no choice of the LRU";
	if (!is_huge(scene->kind))
		return NULL;
	/* May fail: then memory has to do as it is. */
	file_write("/proc/sys/vm/compact_memory", "1");
	if (!knob_keep(MIN_FREE) ||
	    !knob_set(THP_ENABLED, scene->kind == PMD_THP ? "madvise" : "never"))
		return "no huge pages";
	if (scene->kind != PMD_THP && !knob_set(THP_64K_ENABLED, "madvise"))
		return "no 64 KiB folios";
	return NULL;
}

/* A machine that is busy with other things need not be so the next time. */
static bool is_worth_a_try(const char *problem)
{
	if (!strcmp(problem, CLOSED_EARLY))
		return held->window_factor == 1;
	return !strcmp(problem, OOM_TOOK_PART);
}

static const char *perform(struct cast *cast)
{
	const char *problem;
	int tries = 0;

	held->window_factor = 1;
	for (;;) {
		problem = prepare(cast->scene);
		if (!problem)
			problem = play(cast);
		if (!problem || ++tries == TRIES || !is_worth_a_try(problem))
			return problem;
		held->window_factor = 4;
		if (!put_back() || !cgroups_make())
			return "leftovers";
	}
}

static const char *missing_for_all(void)
{
	aio_context_t context = 0;

	if (geteuid())
		return "needs root";
	if (!cgroup_find())
		return "needs cgroup v2, mounted (CONFIG_CGROUPS)";
	if (cg_read_strstr(held->root, "cgroup.controllers", "memory"))
		return "needs the cgroup v2 memory controller (CONFIG_MEMCG)";
	if (cg_read_strstr(held->root, "cgroup.controllers", "io"))
		return "needs the cgroup v2 io controller (CONFIG_BLK_CGROUP)";
	if (file_read_key_long("/proc/meminfo", "SwapFree") <
	    (VICTIM_SIZE + FILLER_SIZE) / KB)
		return "needs 12 MiB of free swap (CONFIG_SWAP)";
	if (access("/sys/kernel/config", F_OK))
		return "needs configfs (CONFIG_CONFIGFS_FS)";
	if (access(NULLB, F_OK))
		return "needs null_blk (CONFIG_BLK_DEV_NULL_BLK) in a mounted configfs";
	if (access("/proc/self/wchan", F_OK))
		return "needs /proc/PID/wchan (CONFIG_KALLSYMS)";
	if (syscall(__NR_io_setup, 1, &context))
		return "needs AIO (CONFIG_AIO)";
	syscall(__NR_io_destroy, context);
	return NULL;
}

static const char *missing_for_kind(enum kind kind)
{
	if (is_huge(kind) && !has_knob(THP_ENABLED))
		return "needs huge pages (CONFIG_TRANSPARENT_HUGEPAGE)";
	if (kind == PMD_THP && huge_size(kind) > VICTIM_SIZE / 4)
		return "needs smaller huge pages";
	if (is_huge(kind) && kind != PMD_THP && !has_knob(THP_64K_ENABLED))
		return "needs 64 KiB folios (hugepages-64kB, Linux 6.8)";
	if (kind == MERGED && !has_knob(KSM_RUN))
		return "needs KSM (CONFIG_KSM)";
	if (kind != MEMFD && kind != DEVICE_COPIED)
		return NULL;
	if (map_memory(kind, getpagesize()) != MAP_FAILED)
		return NULL;
	return kind == MEMFD ?
	       "needs memfd_create() (CONFIG_MEMFD_CREATE)" :
	       "needs RAM in /dev/mem (CONFIG_DEVMEM, not CONFIG_STRICT_DEVMEM)";
}

static bool victim_has(const char *control)
{
	char *path = cg_control(held->victim, control);
	bool found = path && !access(path, F_OK);

	free(path);
	return found;
}

static const char *missing_for_path(enum path path)
{
	if (path == NODE_RECLAIM &&
	    access("/sys/devices/system/node/node0/reclaim", F_OK))
		return "needs /sys/devices/system/node/node0/reclaim";
	if (path == MEMORY_RECLAIM && !victim_has("memory.reclaim"))
		return "needs memory.reclaim (Linux 5.19)";
	if (victim_stat(scan_counter(path)) < 0)
		return "needs pgscan_kswapd and pgscan_direct in memory.stat";
	return NULL;
}

/* Called with the groups made: some files are only there then. */
static const char *missing_for(const struct scene *scene)
{
	const char *missing = missing_for_kind(scene->kind);

	if (missing)
		return missing;
	if (scene->mglru && !has_knob(LRU_GEN))
		return "needs the multi-gen LRU (CONFIG_LRU_GEN)";
	if (scene->state == MRELEASED &&
	    syscall(__NR_process_mrelease, -1, 0) && errno != EBADF)
		return "needs process_mrelease() (Linux 5.15)";
	return missing_for_path(scene->path);
}

static bool has_given_back(void)
{
	return cg_read_long(held->victim, "memory.current") / KB <= NOTHING_KB &&
	       swapped_kb(held->victim) <= NOTHING_KB;
}

/* What has to be so, whatever reclaim took. */
static void check_end(struct __test_metadata *_metadata, struct cast *cast)
{
	const char *complaint;

	if (has_sharer(cast->scene))
		EXPECT_EQ(0, give_order(&cast->line, 'v'))
			TH_LOG("memory of a living process was lost");
	cg_killall(held->victim);
	EXPECT_EQ(0, window_set(0));
	EXPECT_TRUE(eventually(!cg_read_strstr(held->victim, "cgroup.events",
					       "populated 0")))
		TH_LOG("the exit does not end");
	EXPECT_TRUE(eventually(has_given_back()))
		TH_LOG("leaked: %ld K of memory, %ld K of swap",
		       cg_read_long(held->victim, "memory.current") / KB,
		       swapped_kb(held->victim));
	complaint = log_complaint(cast->log);
	EXPECT_EQ('\0', complaint[0])
		TH_LOG("the kernel complained: %s", complaint);
}

static bool is_seen(const struct cast *cast, enum fate fate)
{
	return is_fate(cast->scene, &cast->before, &cast->seen, fate);
}

/* More is there than should be in the end, but it was not pressed enough. */
static bool is_undecided(const struct cast *cast, enum fate fate)
{
	long all = expected_kb(cast->scene) - NOTHING_KB;

	return cast->seen.resident > (fate == KEPT ? all : NOTHING_KB) &&
	       !is_pressed(cast->scene, &cast->seen);
}

static void check(struct __test_metadata *_metadata, const struct scene *scene,
		  enum fate fate)
{
	struct cast cast = { .scene = scene, .log = log_open() };
	const char *problem = missing_for(scene);

	if (problem)
		SKIP(return, "%s", problem);
	ASSERT_EQ(0, pipe(cast.line.orders) + pipe(cast.line.answers));
	problem = perform(&cast);
	if (problem)
		SKIP(return, "set-up: %s", problem);

	TH_LOG("victim: %ld K resident, %ld K in swap, scanned %ld K",
	       cast.seen.resident, cast.seen.swapped, cast.seen.scanned);
	TH_LOG("filler: %ld K in swap", cast.seen.filler_swapped);
	if (is_undecided(&cast, fate))
		SKIP(return, "set-up: too little pressure");
	EXPECT_TRUE(is_seen(&cast, fate))
		TH_LOG("memory was not %s", fate_name[fate]);
	check_end(_metadata, &cast);
}

static void set_up(struct __test_metadata *_metadata)
{
	const char *missing = missing_for_all();

	if (missing)
		SKIP(return, "%s", missing);
	held->group = getpgrp();
	ASSERT_FALSE(held->over);
	/* Where reclaim fails to find enough, a case is to know it and retry. */
	ASSERT_TRUE(file_write("/proc/self/oom_score_adj", "-1000"));
	ASSERT_TRUE(put_back())
		TH_LOG("leftovers of an earlier run stay");
	ASSERT_TRUE(cgroups_make())
		TH_LOG("no control groups");
	if (!victim_has("io.max"))
		SKIP(return, "needs io.max (CONFIG_BLK_DEV_THROTTLING)");
}

static void tear_down(struct __test_metadata *_metadata)
{
	EXPECT_TRUE(put_back());
	held->group = 0;
}

/*
 * Which memory: one kind each, for every state that tells kinds apart.
 */

FIXTURE(exit_skip) { };

FIXTURE_VARIANT(exit_skip)
{
	enum kind kind;
	enum fate exiting;
	enum fate forked;
	enum fate alive;
};

/* Nobody else maps it: all conditions of folio_referenced_one() hold. */
FIXTURE_VARIANT_ADD(exit_skip, private_anon)
{
	.kind = PRIVATE_ANON,
	.exiting = KEPT, .forked = SWAPPED, .alive = SWAPPED,
};

/* Mapped page by page: folio_likely_mapped_shared() counts all pages. */
FIXTURE_VARIANT_ADD(exit_skip, mthp)
{
	.kind = MTHP,
	.exiting = KEPT, .forked = SWAPPED, .alive = SWAPPED,
};

/*
 * The victim maps the first half of each folio and its fork the second half:
 * folio_likely_mapped_shared() judges by the first page and takes it for not
 * shared.  A limit, not a promise: 6.15 knows better (CONFIG_MM_ID).
 */
FIXTURE_VARIANT_ADD(exit_skip, mthp_half)
{
	.kind = MTHP_HALF,
	.exiting = KEPT, .forked = KEPT, .alive = SWAPPED,
};

/* Mapped as a whole: the walk meets a PMD instead of PTEs. */
FIXTURE_VARIANT_ADD(exit_skip, pmd_thp)
{
	.kind = PMD_THP,
	.exiting = KEPT, .forked = SWAPPED, .alive = SWAPPED,
};

/* folio_test_anon() fails: others may find it by its file. */
FIXTURE_VARIANT_ADD(exit_skip, shmem)
{
	.kind = SHMEM,
	.exiting = SWAPPED, .forked = SWAPPED, .alive = SWAPPED,
};

FIXTURE_VARIANT_ADD(exit_skip, memfd)
{
	.kind = MEMFD,
	.exiting = SWAPPED, .forked = SWAPPED, .alive = SWAPPED,
};

/* folio_test_anon() fails: a clean page costs nothing to drop. */
FIXTURE_VARIANT_ADD(exit_skip, file_clean)
{
	.kind = FILE_CLEAN,
	.exiting = DROPPED, .forked = DROPPED, .alive = DROPPED,
};

/* What was written to a private mapping is anonymous memory. */
FIXTURE_VARIANT_ADD(exit_skip, file_copied)
{
	.kind = FILE_COPIED,
	.exiting = KEPT, .forked = SWAPPED, .alive = SWAPPED,
};

/* So are the private copies of a device's memory, in a VM_PFNMAP area. */
FIXTURE_VARIANT_ADD(exit_skip, device_copied)
{
	.kind = DEVICE_COPIED,
	.exiting = KEPT, .forked = SWAPPED, .alive = SWAPPED,
};

/* folio_test_swapbacked() fails after MADV_FREE: no swap is needed. */
FIXTURE_VARIANT_ADD(exit_skip, lazyfree)
{
	.kind = LAZYFREE,
	.exiting = DROPPED, .forked = DROPPED, .alive = DROPPED,
};

/* On the unevictable list until munlock: reclaim never sees it. */
FIXTURE_VARIANT_ADD(exit_skip, mlocked)
{
	.kind = MLOCKED,
	.exiting = KEPT, .forked = KEPT, .alive = KEPT,
};

/* Clean and in swap already: the conditions do not ask for that. */
FIXTURE_VARIANT_ADD(exit_skip, swapcache)
{
	.kind = SWAPCACHE,
	.exiting = KEPT, .forked = SWAPPED, .alive = SWAPPED,
};

/* folio_likely_mapped_shared(): KSM has mapped each folio twice. */
FIXTURE_VARIANT_ADD(exit_skip, merged)
{
	.kind = MERGED,
	.exiting = SWAPPED, .forked = SWAPPED, .alive = SWAPPED,
};

FIXTURE_SETUP(exit_skip)
{
	set_up(_metadata);
}

FIXTURE_TEARDOWN(exit_skip)
{
	tear_down(_metadata);
}

TEST_F_TIMEOUT(exit_skip, exiting, TIMEOUT_S)
{
	check(_metadata, &(struct scene) {
		.kind = variant->kind, .state = EXITING,
	}, variant->exiting);
}

TEST_F_TIMEOUT(exit_skip, exiting_mglru, TIMEOUT_S)
{
	check(_metadata, &(struct scene) {
		.kind = variant->kind, .state = EXITING, .mglru = true,
	}, variant->exiting);
}

/* Each folio is mapped twice, and one of the two processes lives. */
TEST_F_TIMEOUT(exit_skip, forked, TIMEOUT_S)
{
	check(_metadata, &(struct scene) {
		.kind = variant->kind, .state = FORKED,
	}, variant->forked);
}

/* mm_users is not 0. */
TEST_F_TIMEOUT(exit_skip, alive, TIMEOUT_S)
{
	check(_metadata, &(struct scene) {
		.kind = variant->kind, .state = ALIVE,
	}, variant->alive);
}

/*
 * Whose memory: one state of the process each, for memory that ends with it,
 * memory that does not, and memory that the OOM reaper leaves alone.
 */

FIXTURE(process) { };

FIXTURE_VARIANT(process)
{
	enum state state;
	enum fate private_anon;
	enum fate shmem;
	enum fate device_copied;
};

/* Freed by both, but folio_likely_mapped_shared() cannot know. */
FIXTURE_VARIANT_ADD(process, both_exiting)
{
	.state = BOTH_EXITING,
	.private_anon = SWAPPED, .shmem = SWAPPED, .device_copied = SWAPPED,
};

/* mm_users is 0 when the last thread, whichever, has left. */
FIXTURE_VARIANT_ADD(process, thread_group)
{
	.state = THREADS,
	.private_anon = KEPT, .shmem = SWAPPED, .device_copied = KEPT,
};

/* mm_users is not 0: one process has exited, another uses the same mm. */
FIXTURE_VARIANT_ADD(process, cloned_vm)
{
	.state = CLONED_VM,
	.private_anon = SWAPPED, .shmem = SWAPPED, .device_copied = SWAPPED,
};

/* mm_users is not 0: SIGKILL is pending, that is all. */
FIXTURE_VARIANT_ADD(process, stuck)
{
	.state = STUCK,
	.private_anon = SWAPPED, .shmem = SWAPPED, .device_copied = SWAPPED,
};

/*
 * check_stable_address_space() fails: __oom_reap_task_mm() has said so, and has
 * freed what is private, but for VM_PFNMAP areas.
 */
FIXTURE_VARIANT_ADD(process, mreleased)
{
	.state = MRELEASED,
	.private_anon = DROPPED, .shmem = SWAPPED, .device_copied = KEPT,
};

/* The same, on behalf of the OOM killer. */
FIXTURE_VARIANT_ADD(process, oom_reaped)
{
	.state = OOM_REAPED,
	.private_anon = DROPPED, .shmem = SWAPPED, .device_copied = KEPT,
};

FIXTURE_SETUP(process)
{
	set_up(_metadata);
}

FIXTURE_TEARDOWN(process)
{
	tear_down(_metadata);
}

TEST_F_TIMEOUT(process, private_anon, TIMEOUT_S)
{
	check(_metadata, &(struct scene) {
		.kind = PRIVATE_ANON, .state = variant->state,
	}, variant->private_anon);
}

TEST_F_TIMEOUT(process, shmem, TIMEOUT_S)
{
	check(_metadata, &(struct scene) {
		.kind = SHMEM, .state = variant->state,
	}, variant->shmem);
}

TEST_F_TIMEOUT(process, device_copied, TIMEOUT_S)
{
	check(_metadata, &(struct scene) {
		.kind = DEVICE_COPIED, .state = variant->state,
	}, variant->device_copied);
}

/*
 * By which path: private anonymous memory, exiting and not.
 */

FIXTURE(reclaim) { };

FIXTURE_VARIANT(reclaim)
{
	enum path path;
	enum state exiting_state;
	enum fate exiting;
	enum fate alive;
};

/* target_mem_cgroup is NULL: folio_referenced() looks at all page tables. */
FIXTURE_VARIANT_ADD(reclaim, kswapd)
{
	.path = KSWAPD, .exiting_state = EXITING,
	.exiting = KEPT, .alive = SWAPPED,
};

FIXTURE_VARIANT_ADD(reclaim, direct)
{
	.path = DIRECT, .exiting_state = EXITING,
	.exiting = KEPT, .alive = SWAPPED,
};

FIXTURE_VARIANT_ADD(reclaim, node)
{
	.path = NODE_RECLAIM, .exiting_state = EXITING,
	.exiting = KEPT, .alive = SWAPPED,
};

/*
 * On behalf of a cgroup, invalid_folio_referenced_vma() leaves out areas whose
 * mm belongs to another one.  exit_mm() has cleared mm->owner, so the mm of an
 * exiting process belongs to none, and the skip is never reached.  A limit, not
 * a promise: once it is mended, these two become KEPT.
 */
FIXTURE_VARIANT_ADD(reclaim, memory_reclaim)
{
	.path = MEMORY_RECLAIM, .exiting_state = EXITING,
	.exiting = SWAPPED, .alive = SWAPPED,
};

FIXTURE_VARIANT_ADD(reclaim, memory_max)
{
	.path = MEMORY_MAX, .exiting_state = EXITING,
	.exiting = SWAPPED, .alive = SWAPPED,
};

/*
 * madvise_cold_or_pageout_pte_range() takes what only the caller maps, and does
 * not ask for references: a fork's advice spares what the exiting one maps too.
 */
FIXTURE_VARIANT_ADD(reclaim, pageout)
{
	.path = PAGEOUT, .exiting_state = FORKED,
	.exiting = KEPT, .alive = SWAPPED,
};

FIXTURE_SETUP(reclaim)
{
	set_up(_metadata);
}

FIXTURE_TEARDOWN(reclaim)
{
	tear_down(_metadata);
}

TEST_F_TIMEOUT(reclaim, exiting, TIMEOUT_S)
{
	check(_metadata, &(struct scene) {
		.path = variant->path, .state = variant->exiting_state,
	}, variant->exiting);
}

TEST_F_TIMEOUT(reclaim, alive, TIMEOUT_S)
{
	check(_metadata, &(struct scene) {
		.path = variant->path, .state = ALIVE,
	}, variant->alive);
}

/* The end of this process, whatever the reason, closes the pipe. */
static void put_back_at_the_end(int alive)
{
	bool done;
	char byte;

	setsid();
	while (read(alive, &byte, 1) < 0 && errno == EINTR)
		;
	held->over = true;
	if (held->harness)
		kill(held->harness, SIGKILL);
	if (held->group)
		kill(-held->group, SIGKILL);
	done = put_all_back();
	if (!done)
		fprintf(stderr, "# not everything could be put back\n");
	_exit(!done);
}

/*
 * The harness kills a case that takes too long, teardown and all, and all of us
 * may be killed: so there is a process that only waits to put things back.
 */
int main(int argc, char **argv)
{
	int received = SIGCHLD, status = 0, alive[2];
	pid_t harness, keeper;
	sigset_t watched, old;

	held = mmap(NULL, sizeof(*held), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (held == MAP_FAILED || pipe(alive))
		return KSFT_FAIL;

	sigemptyset(&watched);
	sigaddset(&watched, SIGCHLD);
	sigaddset(&watched, SIGHUP);
	sigaddset(&watched, SIGINT);
	sigaddset(&watched, SIGTERM);
	sigprocmask(SIG_BLOCK, &watched, &old);
	keeper = fork();
	if (keeper < 0)
		return KSFT_FAIL;
	if (!keeper) {
		close(alive[1]);
		put_back_at_the_end(alive[0]);
	}
	close(alive[0]);
	harness = fork();
	if (harness < 0)
		return KSFT_FAIL;
	if (!harness) {
		close(alive[1]);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sigprocmask(SIG_SETMASK, &old, NULL);
		return test_harness_run(argc, argv);
	}

	held->harness = harness;
	sigwait(&watched, &received);
	if (received != SIGCHLD)
		kill(harness, SIGKILL);
	waitpid(harness, &status, 0);
	held->harness = 0;
	close(alive[1]);
	waitpid(keeper, NULL, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : KSFT_FAIL;
}
