/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The machine around exit_skip: text files of the kernel, sysctls that have to
 * be put back, control groups, null_blk devices, the kernel's log.
 *
 * All of it is found again by name, so that put_back() also undoes what a case
 * that was killed half-way, or an earlier run, has left behind.
 */
#ifndef EXIT_SKIP_H
#define EXIT_SKIP_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/aio_abi.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define KB		1024L
#define MB		(1024 * KB)

#define WAIT_MS		20000
#define POLL_US		5000

#define eventually(condition) ({					\
	long end_ms = now_ms() + WAIT_MS;				\
	bool met;							\
									\
	while (!(met = (condition)) && now_ms() < end_ms)		\
		usleep(POLL_US);					\
	met;								\
})

/* Two groups: memory is charged to the one whose member faults it in. */
#define VICTIM		"exit_skip_victim"
#define FILLER		"exit_skip_filler"

/* The disk that answers late, and the one that holds a file's worth of data. */
#define SLOW_DISK	"exit_skip_slow"
#define DATA_DISK	"exit_skip_data"
#define NULLB		"/sys/kernel/config/nullb"

#define THP		"/sys/kernel/mm/transparent_hugepage/"
#define THP_64K		THP "hugepages-64kB/"
#define KSM		"/sys/kernel/mm/ksm/"

enum knob {
	LRU_GEN,
	THP_ENABLED,
	THP_64K_ENABLED,
	KSM_RUN,
	KSM_SLEEP,
	KSM_PAGES,
	PCP_FRACTION,
	BOOST_FACTOR,
	MIN_FREE,	/* last: the kernel raises it for huge pages */
	KNOBS,
};

static const char *const knob_path[KNOBS] = {
	[LRU_GEN] = "/sys/kernel/mm/lru_gen/enabled",
	[THP_ENABLED] = THP "enabled",
	[THP_64K_ENABLED] = THP_64K "enabled",
	[KSM_RUN] = KSM "run",
	[KSM_SLEEP] = KSM "sleep_millisecs",
	[KSM_PAGES] = KSM "pages_to_scan",
	[PCP_FRACTION] = "/proc/sys/vm/percpu_pagelist_high_fraction",
	[BOOST_FACTOR] = "/proc/sys/vm/watermark_boost_factor",
	[MIN_FREE] = "/proc/sys/vm/min_free_kbytes",
};

/*
 * What has to be known to put things back, and what processes tell each other.
 * All of them share it.
 */
static struct held {
	char knob[KNOBS][32];		/* old values; empty: not changed */
	char cgroup[PATH_MAX / 2];	/* mount point of cgroup v2 */
	char controllers[32];		/* switched on by us, as "-memory -io" */
	char slow_number[16];		/* the slow disk's, as "252:0"; empty: none */
	pid_t harness;			/* what runs the cases */
	pid_t group;			/* process group of the running case */
	bool over;			/* no case may begin any more */
	pid_t sharer;			/* the second process of a case */
	long merged;			/* on ksmd's lists, by others */
	long window_factor;		/* windows are as many times as long */
} *held;

static inline long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
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
	int error;

	if (fd < 0)
		return false;
	done = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	error = errno;
	close(fd);
	errno = error;
	return done;
}

static long read_number(const char *path)
{
	char text[32];

	return read_text(path, text, sizeof(text)) ? strtol(text, NULL, 10) : -1;
}

static bool write_number(const char *path, long number)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", number);
	return write_text(path, text);
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

static bool has_knob(enum knob knob)
{
	return !access(knob_path[knob], F_OK);
}

/* Some files show all choices, with the present one in brackets. */
static void keep_choice(char *text)
{
	char *start = strchr(text, '['), *end = strchr(text, ']');

	if (!start || !end)
		return;
	*end = '\0';
	memmove(text, start + 1, end - start);
}

/* Remembers the value before the first change. */
static bool knob_keep(enum knob knob)
{
	char old[sizeof(held->knob[0])];

	if (held->knob[knob][0])
		return true;
	if (!read_text(knob_path[knob], old, sizeof(old)))
		return false;
	keep_choice(old);
	memcpy(held->knob[knob], old, sizeof(old));
	return true;
}

static bool knob_set(enum knob knob, const char *value)
{
	return knob_keep(knob) && write_text(knob_path[knob], value);
}

static bool knob_set_number(enum knob knob, long number)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", number);
	return knob_set(knob, text);
}

static bool knob_put_back(enum knob knob)
{
	const char *old = held->knob[knob];

	return !old[0] || write_text(knob_path[knob], old);
}

static const char *cgroup_path(const char *group, const char *file)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s/%s", held->cgroup, group, file);
	return path;
}

static bool cgroup_write(const char *group, const char *file, const char *text)
{
	return write_text(cgroup_path(group, file), text);
}

static long cgroup_kb(const char *group, const char *file)
{
	return read_number(cgroup_path(group, file)) / 1024;
}

static long cgroup_stat(const char *group, const char *name)
{
	return read_field(cgroup_path(group, "memory.stat"), name);
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
	return cgroup_write("", "cgroup.subtree_control", text);
}

static bool cgroup_make(const char *group)
{
	return !mkdir(cgroup_path(group, ""), 0755);
}

static bool cgroup_join(const char *group)
{
	return cgroup_write(group, "cgroup.procs", "0");
}

static bool cgroup_is_empty(const char *group)
{
	return read_field(cgroup_path(group, "cgroup.events"), "populated") <= 0;
}

static bool oom_killed(const char *group)
{
	return read_field(cgroup_path(group, "memory.events"), "oom_kill") > 0;
}

static bool gone(const char *path)
{
	return !rmdir(path) || errno == ENOENT;
}

/* Kills all that live in the group: rmdir succeeds when the last one is gone */
static bool cgroup_remove(const char *group)
{
	cgroup_write(group, "cgroup.kill", "1");
	return eventually(gone(cgroup_path(group, "")));
}

static void disk_file(const char *disk, const char *file, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, NULLB "/%s/%s", disk, file);
}

static bool disk_set(const char *disk, const char *file, const char *value)
{
	char path[PATH_MAX];

	disk_file(disk, file, path);
	return write_text(path, value);
}

/* As "252:0".  Up to Linux 6.4 the block device does not have our name. */
static bool disk_number(const char *disk, char *number, size_t size)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/block/%s/dev", disk);
	if (read_text(path, number, size))
		return true;
	disk_file(disk, "index", path);
	snprintf(path, sizeof(path), "/sys/block/nullb%ld/dev",
		 read_number(path));
	return read_text(path, number, size);
}

/* Returns what disk_open() takes, in a buffer of its own. */
static const char *disk_node(const char *disk)
{
	static char node[64];

	snprintf(node, sizeof(node), "/dev/%s.node", disk);
	return node;
}

static bool disk_make(const char *disk, const char *size_mb)
{
	unsigned int major, minor;
	char path[PATH_MAX], number[16];

	disk_file(disk, "", path);
	if (mkdir(path, 0755) ||
	    (size_mb && (!disk_set(disk, "size", size_mb) ||
			 !disk_set(disk, "memory_backed", "1"))) ||
	    !disk_set(disk, "power", "1") ||
	    !disk_number(disk, number, sizeof(number)) ||
	    sscanf(number, "%u:%u", &major, &minor) != 2)
		return false;
	return !mknod(disk_node(disk), S_IFBLK | 0600, makedev(major, minor));
}

static bool disk_remove(const char *disk)
{
	char path[PATH_MAX];

	disk_file(disk, "", path);
	unlink(disk_node(disk));
	return eventually(gone(path));
}

/*
 * Lets through one page per window_s, 0: all at once.  Also for readers that
 * wait already.
 */
static bool window_set(const char *group, const char *disk, long window_s)
{
	char text[64];

	if (window_s)
		snprintf(text, sizeof(text), "%s rbps=%ld", disk,
			 (long)page_size() / window_s);
	else
		snprintf(text, sizeof(text), "%s rbps=max", disk);
	return cgroup_write(group, "io.max", text);
}

static char *map_anon(size_t size, int flags)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS,
		    -1, 0);
}

static int open_slow_disk(char **page)
{
	int fd = open(disk_node(SLOW_DISK), O_RDONLY | O_DIRECT | O_CLOEXEC);

	*page = map_anon(page_size(), MAP_PRIVATE);
	return *page == MAP_FAILED ? -1 : fd;
}

/* Leaves a read in flight, for exit_aio() to wait for. */
static int submit_read(void)
{
	struct iocb read = { .aio_lio_opcode = IOCB_CMD_PREAD };
	struct iocb *reads = &read;
	aio_context_t context = 0;
	char *page;
	int fd = open_slow_disk(&page);

	if (fd < 0)
		return -errno;
	read.aio_fildes = fd;
	read.aio_buf = (unsigned long)page;
	read.aio_nbytes = page_size();
	if (syscall(__NR_io_setup, 1, &context) ||
	    syscall(__NR_io_submit, context, 1, &reads) != 1)
		return -errno;
	return 0;
}

static bool put_back_machine(void)
{
	char number[sizeof(held->slow_number)];
	bool done = true;

	/* Opens the way out for a victim that waits in exit_aio(). */
	if (disk_number(SLOW_DISK, number, sizeof(number)))
		window_set(VICTIM, number, 0);
	done &= cgroup_remove(VICTIM);
	done &= cgroup_remove(FILLER);
	done &= disk_remove(DATA_DISK);
	if (held->controllers[0]) {
		done &= cgroup_write("", "cgroup.subtree_control",
				     held->controllers);
		held->controllers[0] = '\0';
	}
	return done;
}

/* All pages that ksmd has on its lists. */
static long pages_merged(void)
{
	return read_number(KSM "pages_shared") +
	       read_number(KSM "pages_sharing") +
	       read_number(KSM "pages_unshared") +
	       read_number(KSM "pages_volatile");
}

/* Only ksmd itself lets go of what it knows of processes that have ended. */
static bool forget_merged(void)
{
	return write_text(knob_path[KSM_RUN], "1") &&
	       eventually(pages_merged() <= held->merged);
}

/*
 * All cases have the same one: each that is made and removed leaves some slab
 * behind in the kernel, at last in so many places that no huge page fits.
 */
static bool slow_disk_make(void)
{
	char *number = held->slow_number;
	const size_t size = sizeof(held->slow_number);

	return number[0] || (disk_remove(SLOW_DISK) &&
			     disk_make(SLOW_DISK, NULL) &&
			     disk_number(SLOW_DISK, number, size));
}

/* As it was before a case, whatever of it there was. */
static bool put_back(void)
{
	bool done = knob_put_back(MIN_FREE);
	int knob;

	if (held->cgroup[0])
		done &= put_back_machine();
	if (held->knob[KSM_RUN][0])
		done &= forget_merged();
	for (knob = 0; knob < KNOBS; knob++) {
		done &= knob_put_back(knob);
		held->knob[knob][0] = '\0';
	}
	return done;
}

/* And what is there for all cases. */
static bool put_all_back(void)
{
	bool done = put_back();

	return disk_remove(SLOW_DISK) && done;
}

static long free_kb(void)
{
	return read_field("/proc/meminfo", "MemFree");
}

/* Opens the kernel's log at its end; -1: there is none. */
static int log_open(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (log >= 0)
		lseek(log, 0, SEEK_END);
	return log;
}

/* The first complaint since log_open(), or "". */
static const char *log_complaint(int log)
{
	static const char *const words[] = {
		"BUG: ", "WARNING: ", "Oops: ", "Bad page", "INFO: ",
		"general protection fault", "list_add corruption",
		"list_del corruption",
	};
	static char record[2048];
	ssize_t len;
	size_t i;

	/* EPIPE: records were overwritten before we came to read them. */
	while ((len = read(log, record, sizeof(record) - 1)) > 0 ||
	       (len < 0 && errno == EPIPE)) {
		record[len < 0 ? 0 : len] = '\0';
		record[strcspn(record, "\n")] = '\0';
		for (i = 0; i < ARRAY_SIZE(words); i++)
			if (strstr(record, words[i]))
				return record;
	}
	return "";
}

/* One line of /proc/PID/task/TID/FILE for each thread, until match() says so. */
static bool any_thread(pid_t pid, const char *file,
		       bool (*match)(const char *text))
{
	char path[PATH_MAX], text[256];
	struct dirent *entry;
	bool found = false;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	if (!tasks)
		return false;
	while (!found && (entry = readdir(tasks))) {
		snprintf(path, sizeof(path), "/proc/%d/task/%.32s/%s", pid,
			 entry->d_name, file);
		found = read_text(path, text, sizeof(text)) && match(text);
	}
	closedir(tasks);
	return found;
}

static bool says_exit_aio(const char *wchan)
{
	return !strcmp(wchan, "exit_aio");
}

/* No user is left (mm_users is 0), and all memory is still mapped. */
static bool is_in_exit_aio(pid_t pid)
{
	return any_thread(pid, "wchan", says_exit_aio);
}

static bool says_uninterruptible(const char *stat)
{
	const char *name_end = strrchr(stat, ')');

	return name_end && name_end[1] == ' ' && name_end[2] == 'D';
}

static bool says_pread(const char *call)
{
	return strtol(call, NULL, 10) == __NR_pread64;
}

/* Waits for a disk, where not even SIGKILL reaches it. */
static bool is_stuck_in_pread(pid_t pid)
{
	return any_thread(pid, "stat", says_uninterruptible) &&
	       any_thread(pid, "syscall", says_pread);
}

static bool is_running(pid_t pid)
{
	char path[64], text[256];
	const char *name_end;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (!read_text(path, text, sizeof(text)))
		return false;
	name_end = strrchr(text, ')');
	return name_end && !strchr("ZX", name_end[2]);
}

#endif /* EXIT_SKIP_H */
