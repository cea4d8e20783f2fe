#!/bin/bash
# The first process of the guest: lays the ground, runs the tests one after the other, ends the machine.
#
# Two virtio-serial ports lead to the host. A write to one returns only when the host has the bytes, so whatever was
# said before a crash is known: `results` takes KTAP, `status` one line for each thing that /init itself did: a word, the
# seconds since the kernel started, and what it was done to.

export PATH=/bin HOME=/tmp LANG=C
# The libraries lie in one folder, wherever the host's loader would have looked for them.
export LD_LIBRARY_PATH=/lib

/bin/busybox --install -s /bin

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm /tmp
mount -t devpts devpts /dev/pts 2>/dev/null
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /tmp
# What a kernel without the feature does not have, its tests will name when they skip.
mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
mount -t configfs configfs /sys/kernel/config 2>/dev/null

ln -sf /proc/self/fd /dev/fd

port() {
	local folder
	for folder in /sys/class/virtio-ports/*; do
		if [ "$(cat "$folder/name")" = "$1" ]; then
			echo "/dev/${folder##*/}"
			return
		fi
	done
	echo /dev/console
}

exec 3>"$(port series-ci.results)" 4>"$(port series-ci.status)"
uptime() {
	cut -d' ' -f1 /proc/uptime
}

echo "init $(uptime) $(uname -r)" >&4

# The swap disk is the only block device of the machine.
for disk in /sys/block/vd*; do
	[ -e "$disk" ] || continue
	mkswap "/dev/${disk##*/}" >/dev/null && swapon "/dev/${disk##*/}"
done

# KTAP of an inner level: each line behind "# ". A loop of the shell, because sed would hold lines back in its buffer.
inner() {
	local line
	while IFS= read -r line || [ -n "$line" ]; do
		printf '# %s\n' "$line"
	done
}

# run NUMBER NAME FOLDER SECONDS PROGRAM [ARGUMENT...]: one test in a process group of its own, then everything that it
# left running is killed, so that it cannot disturb the next one.
run() {
	local number=$1 name=$2 folder=$3 seconds=$4 pid watch reader code verdict
	shift 4
	echo "# selftests: $name" >&3
	echo "start $(uptime) $number" >&4
	cd "/kselftest/$folder" || return
	rm -f /tmp/.series-ci.*
	mkfifo /tmp/.series-ci.out
	set -m
	inner </tmp/.series-ci.out >&3 4>&- &
	reader=$!
	"$@" >/tmp/.series-ci.out 2>&1 </dev/null 3>&- 4>&- &
	pid=$!
	{
		sleep "$seconds"
		: >/tmp/.series-ci.timeout
		kill -TERM -- "-$pid"
		sleep 5
		kill -KILL -- "-$pid"
	} >/dev/null 2>&1 3>&- 4>&- &
	watch=$!
	disown "$watch" # or the shell would tell of its end on the console
	wait "$pid"
	code=$?
	kill -KILL -- "-$watch" "-$pid" 2>/dev/null
	# A process that left the group may hold the pipe open: five seconds, then all but this shell are killed.
	{
		sleep 5
		kill -KILL -1
	} >/dev/null 2>&1 3>&- 4>&- &
	watch=$!
	disown "$watch"
	wait "$reader"
	kill -KILL -- "-$watch" 2>/dev/null
	set +m
	case $code in
	0) verdict="ok $number selftests: $name" ;;
	4) verdict="ok $number selftests: $name # SKIP" ;;
	*) verdict="not ok $number selftests: $name # exit=$code" ;;
	esac
	[ -e /tmp/.series-ci.timeout ] && verdict="not ok $number selftests: $name # TIMEOUT $seconds seconds"
	echo "$verdict" >&3
	echo "done $(uptime) $number" >&4
}

{
	echo "TAP version 13"
	echo "1..$(grep -c '^run ' /tests.sh)"
} >&3
# shellcheck source=/dev/null
. /tests.sh

echo "end $(uptime)" >&4
# A reset ends QEMU just as well (-no-reboot), and every machine can do it, with or without power management.
reboot -f
