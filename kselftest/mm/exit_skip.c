// SPDX-License-Identifier: GPL-2.0
/*
 * What global reclaim does with the memory of an exiting process.
 *
 * Private anonymous memory that only an exiting process maps is about to be
 * freed, so swapping it out is work for nothing: reclaim should leave it alone
 * ("mm: shrink skip folio mapped by an exiting process").  Every other kind of
 * memory here either outlives the process (shmem, memory shared with a fork) or
 * costs nothing to drop (MADV_FREE), so reclaim should take it as it always
 * did.  The cases are all combinations of the kind of memory and the state of
 * the process that maps it:
 *
 *                    exiting      forked       alive
 *   private_anon     kept         swapped      swapped
 *   shmem            swapped      swapped      swapped
 *   lazyfree         discarded    discarded    discarded
 *
 * An exit normally is too short to be looked at.  Here it is not: the victim
 * has one AIO read in flight on a null_blk device, and its cgroup's io.max lets
 * that read through only after a minute.  Once killed, the victim waits for it
 * in exit_aio(), where mm_users is 0 already and all memory is still mapped.
 * Lifting the limit ends the wait at once.
 *
 * Pressure comes from vm.min_free_kbytes and not from memory.reclaim: reclaim
 * on behalf of a cgroup ignores the page tables of an exiting process, since
 * mm->owner is gone by then.
 *
 * The test makes kswapd reclaim all that it can, on the whole machine: run it
 * in a guest.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/aio_abi.h>
#include <mntent.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest_harness.h"

#define VICTIM_KB	(32 * 1024L)
#define FILLER_KB	(32 * 1024L)

/* What everybody else may allocate while the watermarks are up. */
#define MARGIN_KB	(4 * 1024L)

/* Figures in between "all" and "nothing" are neither kept nor taken. */
#define NOTHING_KB	(VICTIM_KB / 16)
#define ALL_KB		(VICTIM_KB - NOTHING_KB)

/*
 * The first scan of a page only clears its accessed bit and the second one
 * takes it.  Kept means that it survived more than that.
 */
#define SCANS		4

/* One page at this rate takes 64 s: longer than TIMEOUT_S. */
#define WINDOW		"rbps=64"
#define READ_SIZE	4096

#define PRESSURE_MS	30000
#define WAIT_MS		10000
#define TIMEOUT_S	60

#define DISK		"exit_skip"
#define DISK_CONFIG	"/sys/kernel/config/nullb/" DISK
#define DISK_NUMBER	"/sys/block/" DISK "/dev"
#define DISK_NODE	"/dev/" DISK

#define VICTIM		"exit_skip_victim"
#define FILLER		"exit_skip_filler"

#define eventually(condition) ({					\
	long end_ms = now_ms() + WAIT_MS;				\
	bool met;							\
									\
	while (!(met = (condition)) && now_ms() < end_ms)		\
		usleep(10000);						\
	met;								\
})

struct knob {
	char path[64];
	char old[64];		/* empty: not changed */
};

/*
 * What has to be put back.  It is shared with main(), so that a case that is
 * killed half-way cannot take the knowledge with it.
 */
static struct held {
	struct knob min_free;
	struct knob lru_gen;
	char cgroup[PATH_MAX / 2];	/* mount point of cgroup v2 */
	char controllers[32];		/* switched on by us, as "-memory -io" */
	pid_t group;			/* process group of the running case */
} *held;

/* What a child is to do; returns 0 or an errno. */
struct job {
	int (*run)(struct job *job);
	const char *cgroup;
	size_t size;
	int map;
	bool lazyfree;
	bool forked;
	char *memory;
};

struct figures {
	long resident;
	long swapped;
	long scanned;
	long filler_swapped;
};

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Returns false for a file that is missing, too; text is "" then. */
static bool read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = -1;

	text[0] = '\0';
	if (fd < 0)
		return false;
	len = read(fd, text, size - 1);
	close(fd);
	if (len < 0)
		return false;
	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return true;
}

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done;

	if (fd < 0)
		return false;
	done = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return done;
}

/* The number behind a name, as in memory.stat and /proc/meminfo; -1: none. */
static long read_field(const char *path, const char *name)
{
	FILE *file = fopen(path, "re");
	size_t len = strlen(name);
	char line[256];
	long value = -1;

	if (!file)
		return -1;
	while (value < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, len) &&
		    (line[len] == ' ' || line[len] == ':'))
			value = strtol(line + len + 1, NULL, 10);
	fclose(file);
	return value;
}

static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);
	const char *at = text;

	while ((at = strstr(at, word))) {
		if ((at == text || at[-1] == ' ') &&
		    (!at[len] || at[len] == ' '))
			return true;
		at += len;
	}
	return false;
}

static bool knob_set(struct knob *knob, const char *value)
{
	char old[sizeof(knob->old)];

	if (!knob->old[0]) {
		if (!read_text(knob->path, old, sizeof(old)))
			return false;
		snprintf(knob->old, sizeof(knob->old), "%s", old);
	}
	return write_text(knob->path, value);
}

static bool knob_put_back(struct knob *knob)
{
	bool done = !knob->old[0] || write_text(knob->path, knob->old);

	knob->old[0] = '\0';
	return done;
}

static const char *cgroup_path(const char *group, const char *file)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s/%s", held->cgroup, group, file);
	return path;
}

static long cgroup_kb(const char *group, const char *file, const char *name)
{
	const char *path = cgroup_path(group, file);
	char text[64];

	if (name)
		return read_field(path, name) / 1024;
	if (!read_text(path, text, sizeof(text)))
		return -1;
	return strtol(text, NULL, 10) / 1024;
}

static bool cgroup_set_limit(const char *limit)
{
	char number[32], text[64];

	if (!read_text(DISK_NUMBER, number, sizeof(number)))
		return false;
	snprintf(text, sizeof(text), "%s %s", number, limit);
	return write_text(cgroup_path(VICTIM, "io.max"), text);
}

static bool gone(const char *path)
{
	return !rmdir(path) || errno == ENOENT;
}

/* Kills all that live in the group: rmdir succeeds when the last one is gone */
static bool cgroup_remove(const char *group)
{
	write_text(cgroup_path(group, "cgroup.kill"), "1");
	return eventually(gone(cgroup_path(group, "")));
}

/*
 * Everything as it was, whatever of it there was: also called for what a killed
 * case or an earlier run has left behind.
 */
static bool put_back(void)
{
	bool done = true;

	done &= knob_put_back(&held->min_free);
	done &= knob_put_back(&held->lru_gen);
	if (!held->cgroup[0])
		return done;

	/* Opens the way out for a victim that is still in exit_aio(). */
	cgroup_set_limit("rbps=max");
	done &= cgroup_remove(VICTIM);
	done &= cgroup_remove(FILLER);
	done &= eventually(gone(DISK_CONFIG));
	unlink(DISK_NODE);
	if (held->controllers[0]) {
		done &= write_text(cgroup_path("", "cgroup.subtree_control"),
				   held->controllers);
		held->controllers[0] = '\0';
	}
	return done;
}

static bool cgroup_find(void)
{
	FILE *mounts = setmntent("/proc/self/mounts", "r");
	struct mntent *mount;

	held->cgroup[0] = '\0';
	if (!mounts)
		return false;
	while (!held->cgroup[0] && (mount = getmntent(mounts)))
		if (!strcmp(mount->mnt_type, "cgroup2"))
			snprintf(held->cgroup, sizeof(held->cgroup), "%s",
				 mount->mnt_dir);
	endmntent(mounts);
	return held->cgroup[0];
}

static bool cgroup_has(const char *file, const char *controller)
{
	char text[256];

	read_text(cgroup_path("", file), text, sizeof(text));
	return has_word(text, controller);
}

static bool cgroup_enable(const char *controller)
{
	size_t len = strlen(held->controllers);
	char text[16];

	if (cgroup_has("cgroup.subtree_control", controller))
		return true;
	snprintf(held->controllers + len, sizeof(held->controllers) - len,
		 "-%s ", controller);
	snprintf(text, sizeof(text), "+%s", controller);
	return write_text(cgroup_path("", "cgroup.subtree_control"), text);
}

static bool disk_make(void)
{
	unsigned int major, minor;
	char number[32], *colon;

	if (mkdir(DISK_CONFIG, 0755) ||
	    !write_text(DISK_CONFIG "/power", "1") ||
	    !read_text(DISK_NUMBER, number, sizeof(number)))
		return false;
	major = strtoul(number, &colon, 10);
	minor = strtoul(colon + 1, NULL, 10);
	/* With devtmpfs it is there already. */
	return !mknod(DISK_NODE, S_IFBLK | 0600, makedev(major, minor)) ||
	       errno == EEXIST;
}

static const char *missing_feature(void)
{
	aio_context_t context = 0;

	if (geteuid())
		return "needs root";
	if (!cgroup_find())
		return "needs cgroup v2, mounted (CONFIG_CGROUPS)";
	if (!cgroup_has("cgroup.controllers", "memory"))
		return "needs the cgroup v2 memory controller (CONFIG_MEMCG)";
	if (!cgroup_has("cgroup.controllers", "io"))
		return "needs the cgroup v2 io controller (CONFIG_BLK_CGROUP)";
	if (read_field("/proc/meminfo", "SwapFree") < VICTIM_KB + FILLER_KB)
		return "needs 64 MiB of free swap (CONFIG_SWAP)";
	if (access("/sys/kernel/config", F_OK))
		return "needs configfs (CONFIG_CONFIGFS_FS)";
	if (access("/sys/kernel/config/nullb", F_OK))
		return "needs null_blk (CONFIG_BLK_DEV_NULL_BLK) in a mounted configfs";
	if (access("/proc/self/wchan", F_OK))
		return "needs /proc/PID/wchan (CONFIG_KALLSYMS)";
	if (syscall(__NR_io_setup, 1, &context))
		return "needs AIO (CONFIG_AIO)";
	syscall(__NR_io_destroy, context);
	return NULL;
}

/*
 * Runs the job in a child, which then stays until it is killed or its parent
 * dies.  Returns its pid as soon as the job is done, or -errno.
 */
static pid_t spawn(struct job *job)
{
	pid_t parent = getpid(), pid;
	struct pollfd ready = { .events = POLLIN };
	int ends[2], error;

	if (pipe(ends))
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[0]);
		error = getppid() == parent ? job->run(job) : ESRCH;
		if (write(ends[1], &error, sizeof(error)) != sizeof(error))
			_exit(1);
		while (!error)
			pause();
		_exit(1);
	}
	close(ends[1]);
	ready.fd = ends[0];
	error = ETIMEDOUT;
	if (poll(&ready, 1, WAIT_MS) == 1 &&
	    read(ends[0], &error, sizeof(error)) != sizeof(error))
		error = ECHILD;
	close(ends[0]);
	return error ? -error : pid;
}

static int join_and_fault_in(struct job *job)
{
	size_t page = sysconf(_SC_PAGESIZE), at;

	/* Memory is charged to the group of the one who faults it in. */
	if (!write_text(cgroup_path(job->cgroup, "cgroup.procs"), "0"))
		return errno;
	job->memory = mmap(NULL, job->size, PROT_READ | PROT_WRITE,
			   job->map | MAP_ANONYMOUS, -1, 0);
	if (job->memory == MAP_FAILED)
		return errno;
	/* A huge page is split before it is swapped; EINVAL: there are none. */
	if (madvise(job->memory, job->size, MADV_NOHUGEPAGE) && errno != EINVAL)
		return errno;
	/* All pages differ and none is zero: nothing to merge or to leave out. */
	for (at = 0; at < job->size; at += page)
		*(size_t *)(job->memory + at) = at + 1;
	if (job->lazyfree && madvise(job->memory, job->size, MADV_FREE))
		return errno;
	return 0;
}

/* A fork gets no page tables for shmem; to be a sharer it has to look. */
static int peer(struct job *job)
{
	size_t page = sysconf(_SC_PAGESIZE), at;
	char byte;

	for (at = 0; job->map == MAP_SHARED && at < job->size; at += page) {
		byte = job->memory[at];
		asm volatile("" : "+r" (byte));
	}
	return 0;
}

/* Leaves a read in flight, for exit_aio() to wait for. */
static int submit_read(void)
{
	struct iocb read = { .aio_lio_opcode = IOCB_CMD_PREAD };
	struct iocb *reads = &read;
	aio_context_t context = 0;
	void *page;
	int fd;

	fd = open(DISK_NODE, O_RDONLY | O_DIRECT);
	if (fd < 0)
		return errno;
	page = mmap(NULL, READ_SIZE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return errno;
	read.aio_fildes = fd;
	read.aio_buf = (unsigned long)page;
	read.aio_nbytes = READ_SIZE;
	if (syscall(__NR_io_setup, 1, &context) ||
	    syscall(__NR_io_submit, context, 1, &reads) != 1)
		return errno;
	return 0;
}

static int victim(struct job *job)
{
	struct job share = *job;
	int error = join_and_fault_in(job);
	pid_t pid;

	if (error)
		return error;
	if (job->forked) {
		share.run = peer;
		share.memory = job->memory;
		pid = spawn(&share);
		if (pid < 0)
			return -pid;
	}
	return submit_read();
}

static struct figures look(void)
{
	return (struct figures) {
		/* anon counts what is mapped, shmem what there is. */
		.resident = cgroup_kb(VICTIM, "memory.stat", "anon") +
			    cgroup_kb(VICTIM, "memory.stat", "shmem"),
		.swapped = cgroup_kb(VICTIM, "memory.swap.current", NULL),
		.scanned = read_field(cgroup_path(VICTIM, "memory.stat"),
				      "pgscan") *
			   (sysconf(_SC_PAGESIZE) / 1024),
		.filler_swapped = cgroup_kb(FILLER, "memory.swap.current",
					    NULL),
	};
}

static bool is_kept(const struct figures *seen)
{
	return seen->resident >= ALL_KB && seen->swapped <= NOTHING_KB;
}

static bool is_taken(const struct figures *seen, bool to_swap)
{
	return seen->resident <= NOTHING_KB &&
	       (to_swap ? seen->swapped >= ALL_KB : seen->swapped <= NOTHING_KB);
}

/* Reclaim did work, and the victim was not just out of its way. */
static bool is_pressed(const struct figures *seen)
{
	return seen->scanned >= SCANS * VICTIM_KB &&
	       seen->filler_swapped >= FILLER_KB / 2;
}

/* Runs into the watermarks: wakes kswapd, then has to reclaim itself. */
static void allocate(void)
{
	size_t page = sysconf(_SC_PAGESIZE), size = 2 * MARGIN_KB * 1024, at;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return;
	for (at = 0; at < size; at += page)
		memory[at] = 1;
	munmap(memory, size);
}

enum state { EXITING, FORKED, ALIVE };

static bool is_exiting(pid_t pid)
{
	char path[64], symbol[64];

	snprintf(path, sizeof(path), "/proc/%d/wchan", pid);
	return read_text(path, symbol, sizeof(symbol)) &&
	       !strcmp(symbol, "exit_aio");
}

static bool is_in(enum state state, pid_t pid)
{
	return state == ALIVE ? !waitpid(pid, NULL, WNOHANG) : is_exiting(pid);
}

/* Next to all that is free is the minimum; kswapd aims at half as much again. */
static bool raise_watermarks(void)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld",
		 read_field("/proc/meminfo", "MemFree") - MARGIN_KB);
	return knob_set(&held->min_free, text);
}

/*
 * Presses until it is plain what becomes of the memory.  A round never lacks
 * more than it allocates, and its own pages can be swapped to get that: so the
 * OOM killer has no part in it, and a kswapd that has given up is revived by
 * the progress.
 */
static bool press(pid_t pid, enum state state, bool to_swap,
		  struct figures *seen)
{
	long end_ms = now_ms() + PRESSURE_MS;
	long scanned = look().scanned;

	do {
		if (!raise_watermarks())
			return false;
		allocate();
		*seen = look();
		seen->scanned -= scanned;
	} while (!is_taken(seen, to_swap) &&
		 !(is_kept(seen) && is_pressed(seen)) &&
		 is_in(state, pid) && now_ms() < end_ms);
	return knob_put_back(&held->min_free);
}

static bool oom_killed(const char *group)
{
	return read_field(cgroup_path(group, "memory.events"), "oom_kill") > 0;
}

struct kind {
	int map;
	bool lazyfree;
	bool kept;		/* by an exiting process that shares nothing */
};

FIXTURE(exit_skip)
{
};

FIXTURE_VARIANT(exit_skip)
{
	struct kind kind;
};

FIXTURE_VARIANT_ADD(exit_skip, private_anon)
{
	.kind = { .map = MAP_PRIVATE, .kept = true },
};

FIXTURE_VARIANT_ADD(exit_skip, shmem)
{
	.kind = { .map = MAP_SHARED },
};

FIXTURE_VARIANT_ADD(exit_skip, lazyfree)
{
	.kind = { .map = MAP_PRIVATE, .lazyfree = true },
};

FIXTURE_SETUP(exit_skip)
{
	const char *missing = missing_feature();

	if (missing)
		SKIP(return, "%s", missing);
	held->group = getpgrp();
	ASSERT_TRUE(put_back())
		TH_LOG("set-up: leftovers of an earlier run do not go away");

	ASSERT_TRUE(cgroup_enable("memory"));
	ASSERT_TRUE(cgroup_enable("io"));
	ASSERT_EQ(0, mkdir(cgroup_path(VICTIM, ""), 0755));
	ASSERT_EQ(0, mkdir(cgroup_path(FILLER, ""), 0755));
	if (access(cgroup_path(VICTIM, "io.max"), F_OK)) {
		put_back();
		SKIP(return, "needs io.max (CONFIG_BLK_DEV_THROTTLING)");
	}
	ASSERT_TRUE(disk_make())
		TH_LOG("set-up: no null_blk device: %s", strerror(errno));
	ASSERT_TRUE(cgroup_set_limit(WINDOW))
		TH_LOG("set-up: no limit in io.max: %s", strerror(errno));

	/* The multi-gen LRU ages by walking page tables: another subject. */
	ASSERT_TRUE(access(held->lru_gen.path, F_OK) ||
		    knob_set(&held->lru_gen, "0"));
}

FIXTURE_TEARDOWN(exit_skip)
{
	EXPECT_TRUE(put_back());
	held->group = 0;
}

static void check(struct __test_metadata *_metadata, const struct kind *kind,
		  enum state state)
{
	struct job filler_job = {
		.run = join_and_fault_in,
		.cgroup = FILLER,
		.size = FILLER_KB * 1024,
		.map = MAP_PRIVATE,
	};
	struct job victim_job = {
		.run = victim,
		.cgroup = VICTIM,
		.size = VICTIM_KB * 1024,
		.map = kind->map,
		.lazyfree = kind->lazyfree,
		.forked = state == FORKED,
	};
	struct figures seen;
	pid_t pid, filler;

	pid = spawn(&victim_job);
	ASSERT_LT(0, pid)
		TH_LOG("set-up: no victim: %s", strerror(-pid));
	filler = spawn(&filler_job);
	ASSERT_LT(0, filler)
		TH_LOG("set-up: no filler: %s", strerror(-filler));
	if (state != ALIVE) {
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_TRUE(eventually(is_exiting(pid)))
			TH_LOG("set-up: window never opened");
	}
	ASSERT_TRUE(eventually((seen = look()).resident >= ALL_KB))
		TH_LOG("set-up: only %ld K resident", seen.resident);

	ASSERT_TRUE(press(pid, state, !kind->lazyfree, &seen))
		TH_LOG("set-up: no pressure: %s", strerror(errno));
	TH_LOG("victim: %ld K resident, %ld K in swap, scanned %ld K",
	       seen.resident, seen.swapped, seen.scanned);
	TH_LOG("filler: %ld K in swap", seen.filler_swapped);

	ASSERT_TRUE(is_in(state, pid))
		TH_LOG("set-up: %s", state == ALIVE ? "victim died" :
						      "window closed early");
	ASSERT_FALSE(oom_killed(VICTIM) || oom_killed(FILLER))
		TH_LOG("set-up: the OOM killer took part");

	if (kind->kept && state == EXITING) {
		ASSERT_TRUE(is_pressed(&seen) || !is_kept(&seen))
			TH_LOG("set-up: too little pressure to call it kept");
		EXPECT_TRUE(is_kept(&seen))
			TH_LOG("memory of an exiting process was reclaimed");
	} else {
		EXPECT_TRUE(is_taken(&seen, !kind->lazyfree))
			TH_LOG("memory was not reclaimed");
	}
}

TEST_F_TIMEOUT(exit_skip, exiting, TIMEOUT_S)
{
	check(_metadata, &variant->kind, EXITING);
}

TEST_F_TIMEOUT(exit_skip, forked, TIMEOUT_S)
{
	check(_metadata, &variant->kind, FORKED);
}

TEST_F_TIMEOUT(exit_skip, alive, TIMEOUT_S)
{
	check(_metadata, &variant->kind, ALIVE);
}

/*
 * The harness kills a case that takes too long, teardown and all, and may be
 * killed itself: so it runs in a child, and the parent puts things back.
 */
int main(int argc, char **argv)
{
	int received = SIGCHLD, status = 0;
	sigset_t watched, old;
	pid_t harness;

	held = mmap(NULL, sizeof(*held), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (held == MAP_FAILED)
		return KSFT_FAIL;
	*held = (struct held) {
		.min_free.path = "/proc/sys/vm/min_free_kbytes",
		.lru_gen.path = "/sys/kernel/mm/lru_gen/enabled",
	};

	sigemptyset(&watched);
	sigaddset(&watched, SIGCHLD);
	sigaddset(&watched, SIGHUP);
	sigaddset(&watched, SIGINT);
	sigaddset(&watched, SIGTERM);
	sigprocmask(SIG_BLOCK, &watched, &old);
	harness = fork();
	if (harness < 0)
		return KSFT_FAIL;
	if (!harness) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sigprocmask(SIG_SETMASK, &old, NULL);
		return test_harness_run(argc, argv);
	}

	sigwait(&watched, &received);
	if (received != SIGCHLD)
		kill(harness, SIGKILL);
	waitpid(harness, &status, 0);
	if (held->group)
		kill(-held->group, SIGKILL);
	if (!put_back())
		fprintf(stderr, "# not everything could be put back\n");
	return WIFEXITED(status) ? WEXITSTATUS(status) : KSFT_FAIL;
}
