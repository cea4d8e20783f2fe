// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "../kselftest.h"
#include "exit_skip_util.h"
#include "exit_skip_window.h"

#define KSM		"/sys/kernel/mm/ksm/"

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

struct held *held;

long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

char *map_anon(size_t size, int flags)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS,
		    -1, 0);
}

/*
 * Text files.  What cgroup_util has for any of them is static in Linux 6.1, and
 * what mm has exits where one cannot be written: that is a SKIP here.
 */

/* Returns false for a file that is missing, too; text is "" then. */
bool file_read(const char *path, char *text, size_t size)
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

bool file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len = strlen(text);
	bool done;

	if (fd < 0)
		return false;
	done = write(fd, text, len) == len;
	close(fd);
	return done;
}

long file_read_long(const char *path)
{
	char text[32];

	return file_read(path, text, sizeof(text)) ? strtol(text, NULL, 10) : -1;
}

/* The number behind a name, as in /proc/meminfo and /proc/vmstat; -1: none. */
long file_read_key_long(const char *path, const char *key)
{
	FILE *file = fopen(path, "re");
	size_t len = strlen(key);
	char line[256];
	long value = -1;

	if (!file)
		return -1;
	while (value < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, len) &&
		    (line[len] == ' ' || line[len] == ':'))
			value = strtol(line + len + 1, NULL, 10);
	fclose(file);
	return value;
}

long free_kb(void)
{
	return file_read_key_long("/proc/meminfo", "MemFree");
}

/*
 * Settings.  mm's thp_settings.c (hugepage_settings.c since) has some of them,
 * but only the process that changes them knows what they were, and here that
 * one may be killed.  It also exits where any of many others is missing.
 */

bool has_knob(enum knob knob)
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
bool knob_keep(enum knob knob)
{
	char old[sizeof(held->knob[0])];

	if (held->knob[knob][0])
		return true;
	if (!file_read(knob_path[knob], old, sizeof(old)))
		return false;
	keep_choice(old);
	memcpy(held->knob[knob], old, sizeof(old));
	return true;
}

bool knob_set(enum knob knob, const char *value)
{
	return knob_keep(knob) && file_write(knob_path[knob], value);
}

bool knob_set_number(enum knob knob, long number)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", number);
	return knob_set(knob, text);
}

bool knob_put_back(enum knob knob)
{
	const char *old = held->knob[knob];

	return !old[0] || file_write(knob_path[knob], old);
}

/*
 * Control groups
 */

static void cgroup_name(const char *root)
{
	snprintf(held->root, sizeof(held->root), "%s", root);
	snprintf(held->victim, sizeof(held->victim), "%s/exit_skip_victim",
		 held->root);
	snprintf(held->filler, sizeof(held->filler), "%s/exit_skip_filler",
		 held->root);
}

/* cg_find_unified_root() does not take the same arguments in all kernels. */
bool cgroup_find(void)
{
	FILE *mounts = setmntent("/proc/self/mounts", "r");
	struct mntent *mount;

	held->root[0] = '\0';
	if (!mounts)
		return false;
	while (!held->root[0] && (mount = getmntent(mounts)))
		if (!strcmp(mount->mnt_type, "cgroup2"))
			cgroup_name(mount->mnt_dir);
	endmntent(mounts);
	return held->root[0];
}

bool cgroup_enable(const char *controller)
{
	size_t len = strlen(held->controllers);
	char text[16];

	if (!cg_read_strstr(held->root, "cgroup.subtree_control", controller))
		return true;
	snprintf(held->controllers + len, sizeof(held->controllers) - len,
		 "-%s ", controller);
	snprintf(text, sizeof(text), "+%s", controller);
	return !cg_write(held->root, "cgroup.subtree_control", text);
}

bool cgroups_make(void)
{
	return cgroup_enable("memory") && cgroup_enable("io") &&
	       !cg_create(held->victim) && !cg_create(held->filler);
}

bool gone(const char *path)
{
	return !rmdir(path) || errno == ENOENT;
}

/* cg_destroy() would try for ever where somebody cannot be killed. */
static bool cgroup_remove(const char *cgroup)
{
	cg_killall(cgroup);
	return eventually(gone(cgroup));
}

bool cgroups_remove(void)
{
	bool done = cgroup_remove(held->victim);

	return cgroup_remove(held->filler) && done;
}

/*
 * KSM
 */

/* All pages that ksmd has on its lists. */
long pages_merged(void)
{
	return file_read_long(KSM "pages_shared") +
	       file_read_long(KSM "pages_sharing") +
	       file_read_long(KSM "pages_unshared") +
	       file_read_long(KSM "pages_volatile");
}

/* Only ksmd itself lets go of what it knows of processes that have ended. */
static bool forget_merged(void)
{
	return file_write(knob_path[KSM_RUN], "1") &&
	       eventually(pages_merged() <= held->merged);
}

/*
 * The way back
 */

static bool put_back_machine(void)
{
	bool done;

	window_end();
	done = cgroups_remove();
	done &= disk_remove(DATA_DISK);
	if (held->controllers[0]) {
		done &= !cg_write(held->root, "cgroup.subtree_control",
				  held->controllers);
		held->controllers[0] = '\0';
	}
	return done;
}

/* As it was before a case, whatever of it there was. */
bool put_back(void)
{
	bool done = knob_put_back(MIN_FREE);
	int knob;

	if (held->root[0])
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
bool put_all_back(void)
{
	bool done = put_back();

	return disk_remove(SLOW_DISK) && done;
}

/*
 * The kernel's log
 */

/* Opens it at its end; -1: there is none. */
int log_open(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (log >= 0)
		lseek(log, 0, SEEK_END);
	return log;
}

/* The first complaint since log_open(), or "". */
const char *log_complaint(int log)
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
