/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Holds a process in the middle of its exit, or at a point where SIGKILL does
 * not reach it, for as long as wanted: by a disk that answers late.
 *
 * The disk is a null_blk device, and the io.max of a control group says when it
 * answers members of the group.
 */
#ifndef EXIT_SKIP_WINDOW_H
#define EXIT_SKIP_WINDOW_H

#include <stdbool.h>
#include <sys/types.h>

/* The disk that answers late, and the one that holds a file's worth of data. */
#define SLOW_DISK	"exit_skip_slow"
#define DATA_DISK	"exit_skip_data"

#define NULLB		"/sys/kernel/config/nullb"

const char *disk_node(const char *disk);
bool disk_make(const char *disk, const char *size_mb);
bool disk_remove(const char *disk);
bool slow_disk_make(void);
int slow_disk_open(char **page);

int window_set(long window_s);
void window_end(void);
int submit_read(void);

bool is_in_exit_aio(pid_t pid);
bool is_stuck_in_pread(pid_t pid);
bool is_running(pid_t pid);

#endif /* EXIT_SKIP_WINDOW_H */
