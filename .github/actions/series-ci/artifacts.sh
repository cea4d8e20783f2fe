# shellcheck shell=bash
# Sourced by the steps that read artifacts. An artifact holds one folder, which has its name: download-artifact unpacks a
# single artifact straight into its path, and of several each into a folder of its name. Nothing is unpacked into one
# folder together: there a job could put something over what another one has left.

# unpacked PATH/NAME: the folder of an artifact of that name, into UNPACKED, whether it was downloaded alone or with others.
# False if no finished run lies there.
unpacked() {
	UNPACKED=${1%/}
	local name=${UNPACKED##*/}
	# A single artifact brings this name itself.
	[[ $name =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || return 1
	[ ! -d "$UNPACKED/$name" ] || UNPACKED+=/$name
	[ -f "$UNPACKED/summary.json" ]
}
