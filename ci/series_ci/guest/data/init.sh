#!/bin/bash
# The first process of the guest: lays the ground, runs the tests one after the other, ends the machine.
#
# Two virtio-serial ports lead to the host. A write to one returns only when the host has the bytes, so whatever this
# script said before a crash is known, and of what a test said all that `relay` had the time to read: `results` takes
# KTAP, `status` one line for each thing that /init itself did: a word, the seconds since the kernel started, and what it
# was done to.

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
	local up rest
	read -r up rest </proc/uptime
	echo "$up"
}

# Where memory is short, a test is to die of it, and not those who tell of that.
echo -1000 >/proc/self/oom_score_adj

# A machine without a clock begins in 1970, and its first second is "0.950000": decimal, whatever the shell thinks of a zero.
microseconds() {
	echo $((10#${EPOCHREALTIME/./}))
}

# How many times longer than an ordinary machine this one takes for 20,000 steps of this shell: a scaled timeout grows as
# much. An ordinary one takes 70 ms.
began=$(microseconds)
for ((step = 0; step < 20000; step++)); do :; done
scale=$((($(microseconds) - began + 69999) / 70000))
scale=$((scale < 1 ? 1 : scale))

echo "init $(uptime) $(uname -r)" >&4
echo "speed $(uptime) $scale" >&4

# The swap disk is the only block device of the machine.
for disk in /sys/block/vd*; do
	[ -e "$disk" ] || continue
	mkswap "/dev/${disk##*/}" >/dev/null && swapon "/dev/${disk##*/}"
done

# A person at the console, in place of the tests.
if [ -n "${interactive:-}" ]; then
	echo 0 >/proc/self/oom_score_adj
	read -r terminal </sys/class/tty/console/active
	terminal=/dev/${terminal##* }
	# shellcheck disable=SC2317,SC2329 # called by tests.sh
	run() {
		echo "  cd /kselftest/$3 && ${*:5}"
	}
	{
		printf '\nThe tests:\n'
		# shellcheck source=/dev/null
		. /tests.sh
		echo "Ctrl-D ends the guest; Ctrl-A X ends QEMU at once."
	} >"$terminal"
	cd /kselftest || cd /
	setsid -c bash -i <>"$terminal" >&0 2>&1
	echo "end $(uptime)" >&4
	reboot -f
fi

# The processes of user space but for this shell and those named: their PIDs into the array `found`, names into `names`.
processes() {
	local folder known=" $$ $* " name
	found=() names=()
	for folder in /proc/[0-9]*; do
		# Kernel threads have no program; neither has a process that is only waiting to be reaped.
		[ -e "$folder/exe" ] || continue
		[ "${known/ ${folder##*/} /}" = "$known" ] || continue
		read -r name <"$folder/comm" || continue
		found+=("${folder##*/}") names+=("$name")
	done 2>/dev/null
}

# zone_sum KEY </proc/zoneinfo: the sum of a number over all zones and CPUs, in pages.
zone_sum() {
	local line lines sum=0
	mapfile -t lines
	for line in "${lines[@]}"; do
		case $line in *" $1 "*) sum=$((sum + ${line##* })) ;; esac
	done
	echo "$sum"
}

# Kilobytes of a page: all pages of all zones are what MemTotal says.
while read -r key value _; do
	[ "$key" != MemTotal: ] || break
done </proc/meminfo
managed=$(zone_sum managed </proc/zoneinfo)
page=$((managed ? value / managed : 4))

# Kilobytes that somebody could have now: free memory, what can be dropped, free swap, and the free pages that each CPU
# keeps for itself. These are up to an eighth of the memory after much was freed, are not counted as free, and take
# many seconds to go.
spare() {
	local key value rest sum
	sum=$(($(zone_sum count: </proc/zoneinfo) * page))
	while read -r key value rest; do
		case $key in MemAvailable: | SwapFree:) sum=$((sum + value)) ;; esac
	done </proc/meminfo
	echo "$sum"
}

# exiting STAT...: whether one of these processes is in the middle of its end (PF_EXITING), and may have its memory yet.
exiting() {
	local file line state flags
	for file; do
		read -r line <"$file" || continue
		# The name of a process may have blanks and parentheses in it.
		read -r state _ _ _ _ _ flags _ <<<"${line##*) }"
		[ "$state" = Z ] || [ $((flags & 4)) -eq 0 ] || return 0
	done 2>/dev/null
	return 1
}

# left_behind NUMBER PID...: tell which processes a test has left running; the PIDs are those of our own.
left_behind() {
	local number=$1 try
	shift
	# A process that is at its end already is none that was left; on a slow machine it takes longer to get there.
	for ((try = 0; try < (scale < 4 ? 10 * scale : 40); try++)); do
		processes "$@"
		[ "${#found[@]}" -eq 0 ] && return
		usleep 50000
	done
	echo "note $number left ${names[*]}" >&4
}

# Kilobytes that may be missing after a test, though nothing was lost: less is not told. The host compares what is told
# with the base's.
NOISE=8192

drop_caches() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
}

# missing SPARE: kilobytes that somebody could have had and cannot have now, once all that is on its way back has come.
missing() {
	local spare=$1 now least tries=0 end=$((SECONDS + 10))
	least=$((spare - $(spare)))
	# Much is freed behind the back of the process that it belonged to, and caches need not have been dropped yet. How
	# long that takes is a matter of the host's load: it goes on as long as there is any progress.
	while [ "$least" -gt $NOISE ] && [ $tries -lt 10 ] && [ $SECONDS -lt $end ]; do
		usleep 100000
		drop_caches
		now=$((spare - $(spare)))
		tries=$((tries + 1))
		[ "$now" -gt $((least - 256)) ] && ! exiting /proc/[0-9]*/stat || tries=0
		[ "$now" -gt "$least" ] || least=$now
	done
	echo "$least"
}

# state_after NUMBER TAINT SPARE: tell of a taint of the kernel, leaks and missing memory that were not there before.
state_after() {
	local number=$1 taint=$2 spare=$3 now line
	read -r now </proc/sys/kernel/tainted
	[ "$now" = "$taint" ] || echo "note $number taint $((now & ~taint))" >&4
	if [ -w /sys/kernel/debug/kmemleak ]; then
		echo scan >/sys/kernel/debug/kmemleak
		while IFS= read -r line; do
			printf '%s\n' "$line" >/dev/kmsg
		done </sys/kernel/debug/kmemleak
		echo clear >/sys/kernel/debug/kmemleak
	fi
	now=$(missing "$spare")
	[ "$now" -le $NOISE ] || echo "note $number memory $now" >&4
}

# run NUMBER NAME FOLDER SECONDS[:LONGEST] PROGRAM [ARGUMENT...]: one test in a process group of its own, then everything
# that it left running is killed, so that it cannot disturb the next one. On a slow machine it has more than SECONDS, but
# no more than LONGEST.
run() {
	local number=$1 name=$2 folder=$3 seconds=${4%:*} longest=${4#*:} pid watch reader code verdict taint spare
	shift 4
	[ "$number" -ge "${first_test:-1}" ] || return
	seconds=$((seconds * scale < longest ? seconds * scale : longest))
	echo "# selftests: $name" >&3
	echo "start $(uptime) $number $seconds" >&4
	echo "series-ci: start $number" >/dev/kmsg
	cd "/kselftest/$folder" || return
	rm -f /tmp/.series-ci.*
	mkfifo /tmp/.series-ci.out
	read -r taint </proc/sys/kernel/tainted
	spare=$(spare)
	set -m
	relay </tmp/.series-ci.out >&3 4>&- &
	reader=$!
	{
		echo 0 >/proc/self/oom_score_adj
		LD_PRELOAD=/lib/linewise.so exec "$@"
	} >/tmp/.series-ci.out 2>&1 </dev/null 3>&- 4>&- &
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
	kill -KILL -- "-$watch" 2>/dev/null
	[ -e /tmp/.series-ci.timeout ] || left_behind "$number" "$reader"
	kill -KILL -- "-$pid" 2>/dev/null
	# A process that left the group may hold the pipe open: five seconds, then all but this shell are killed.
	{
		sleep 5
		kill -KILL -1
	} >/dev/null 2>&1 3>&- 4>&- &
	watch=$!
	disown "$watch"
	# Killed with the rest, it may have got no further than the middle of a line.
	wait "$reader" || echo >&3
	kill -KILL -- "-$watch" 2>/dev/null
	set +m
	# Those that hold no pipe open, too.
	processes
	[ "${#found[@]}" -eq 0 ] || kill -KILL "${found[@]}" 2>/dev/null
	case $code in
	0) verdict="ok $number selftests: $name" ;;
	4) verdict="ok $number selftests: $name # SKIP" ;;
	*) verdict="not ok $number selftests: $name # exit=$code" ;;
	esac
	[ -e /tmp/.series-ci.timeout ] && verdict="not ok $number selftests: $name # TIMEOUT $seconds seconds"
	echo "$verdict" >&3
	state_after "$number" "$taint" "$spare"
	echo "series-ci: done $number" >/dev/kmsg
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
