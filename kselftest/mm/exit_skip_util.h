/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The machine around exit_skip: text files of the kernel, settings that have to
 * be put back, control groups, the kernel's log.
 *
 * All of it is found again by name, so that put_back() also undoes what a case
 * that was killed half-way, or an earlier run, has left behind.
 */
#ifndef EXIT_SKIP_UTIL_H
#define EXIT_SKIP_UTIL_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

#include "cgroup_util.h"

#define KB		1024L

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

#define THP		"/sys/kernel/mm/transparent_hugepage/"
#define THP_64K		THP "hugepages-64kB/"

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

/*
 * What has to be known to put things back, and what processes tell each other.
 * All of them share it.
 */
struct held {
	char knob[KNOBS][32];		/* old values; empty: not changed */
	char root[PATH_MAX / 2];	/* mount point of cgroup v2 */
	/* Two groups: memory is charged to the one whose member faults it in. */
	char victim[PATH_MAX];
	char filler[PATH_MAX];
	char controllers[32];		/* switched on by us, as "-memory -io" */
	char slow_number[16];		/* the slow disk's, as "252:0"; empty: none */
	pid_t harness;			/* what runs the cases */
	pid_t group;			/* process group of the running case */
	bool over;			/* no case may begin any more */
	pid_t sharer;			/* the second process of a case */
	long merged;			/* on ksmd's lists, by others */
	long window_factor;		/* windows are as many times as long */
};

extern struct held *held;

long now_ms(void);
char *map_anon(size_t size, int flags);

bool file_read(const char *path, char *text, size_t size);
bool file_write(const char *path, const char *text);
long file_read_long(const char *path);
long file_read_key_long(const char *path, const char *key);
long free_kb(void);

bool has_knob(enum knob knob);
bool knob_keep(enum knob knob);
bool knob_set(enum knob knob, const char *value);
bool knob_set_number(enum knob knob, long number);
bool knob_put_back(enum knob knob);

bool cgroup_find(void);
bool cgroup_enable(const char *controller);
bool cgroups_make(void);
bool cgroups_remove(void);

long pages_merged(void);

bool gone(const char *path);
bool put_back(void);
bool put_all_back(void);

int log_open(void);
const char *log_complaint(int log);

#endif /* EXIT_SKIP_UTIL_H */
