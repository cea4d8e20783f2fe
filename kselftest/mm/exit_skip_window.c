// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "exit_skip_util.h"
#include "exit_skip_window.h"

/*
 * Disks
 */

static void disk_file(const char *disk, const char *file, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, NULLB "/%s/%s", disk, file);
}

static bool disk_set(const char *disk, const char *file, const char *value)
{
	char path[PATH_MAX];

	disk_file(disk, file, path);
	return file_write(path, value);
}

/* As "252:0".  Up to Linux 6.4 the block device does not have our name. */
static bool disk_number(const char *disk, char *number, size_t size)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/block/%s/dev", disk);
	if (file_read(path, number, size))
		return true;
	disk_file(disk, "index", path);
	snprintf(path, sizeof(path), "/sys/block/nullb%ld/dev",
		 file_read_long(path));
	return file_read(path, number, size);
}

/* The block device's file, in a buffer of its own. */
const char *disk_node(const char *disk)
{
	static char node[64];

	snprintf(node, sizeof(node), "/dev/%s.node", disk);
	return node;
}

bool disk_make(const char *disk, const char *size_mb)
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

bool disk_remove(const char *disk)
{
	char path[PATH_MAX];

	disk_file(disk, "", path);
	unlink(disk_node(disk));
	return eventually(gone(path));
}

/*
 * All cases have the same one: each that is made and removed leaves some slab
 * behind in the kernel, at last in so many places that no huge page fits.
 */
bool slow_disk_make(void)
{
	char *number = held->slow_number;
	const size_t size = sizeof(held->slow_number);

	return number[0] || (disk_remove(SLOW_DISK) &&
			     disk_make(SLOW_DISK, NULL) &&
			     disk_number(SLOW_DISK, number, size));
}

/* Also maps a page to read into. */
int slow_disk_open(char **page)
{
	int fd = open(disk_node(SLOW_DISK), O_RDONLY | O_DIRECT | O_CLOEXEC);

	*page = map_anon(getpagesize(), MAP_PRIVATE);
	return *page == MAP_FAILED ? -1 : fd;
}

/*
 * The window
 */

static int set_limit(const char *number, const char *limit)
{
	char text[64];

	snprintf(text, sizeof(text), "%s rbps=%s", number, limit);
	return cg_write(held->victim, "io.max", text);
}

/*
 * Lets the slow disk give the victim one page per window_s, 0: all at once.
 * Also for readers that wait already.  Returns 0 or -errno.
 */
int window_set(long window_s)
{
	char limit[32] = "max";

	if (window_s)
		snprintf(limit, sizeof(limit), "%ld", getpagesize() / window_s);
	return set_limit(held->slow_number, limit);
}

/* Lets go whoever waits for the slow disk, be it of an earlier run. */
void window_end(void)
{
	char number[sizeof(held->slow_number)];

	if (disk_number(SLOW_DISK, number, sizeof(number)))
		set_limit(number, "max");
}

/* Leaves a read in flight, for exit_aio() to wait for.  Returns 0 or -errno. */
int submit_read(void)
{
	struct iocb read = { .aio_lio_opcode = IOCB_CMD_PREAD };
	struct iocb *reads = &read;
	aio_context_t context = 0;
	char *page;
	int fd = slow_disk_open(&page);

	if (fd < 0)
		return -errno;
	read.aio_fildes = fd;
	read.aio_buf = (unsigned long)page;
	read.aio_nbytes = getpagesize();
	if (syscall(__NR_io_setup, 1, &context) ||
	    syscall(__NR_io_submit, context, 1, &reads) != 1)
		return -errno;
	return 0;
}

/*
 * Where a process is
 */

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
		found = file_read(path, text, sizeof(text)) && match(text);
	}
	closedir(tasks);
	return found;
}

static bool says_exit_aio(const char *wchan)
{
	return !strcmp(wchan, "exit_aio");
}

/* No user is left (mm_users is 0), and all memory is still mapped. */
bool is_in_exit_aio(pid_t pid)
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
bool is_stuck_in_pread(pid_t pid)
{
	return any_thread(pid, "stat", says_uninterruptible) &&
	       any_thread(pid, "syscall", says_pread);
}

bool is_running(pid_t pid)
{
	char text[256];
	const char *name_end;

	if (proc_read_text(pid, false, "stat", text, sizeof(text)) < 0)
		return false;
	name_end = strrchr(text, ')');
	return name_end && !strchr("ZX", name_end[2]);
}
