# shellcheck shell=bash
# Sourced by the steps: the inputs, which come by environment, as words of series-ci's command line.
# Sets OPTIONS and VERSION_WORDS. Whatever an input holds, it is a value and never an option or a piece of shell.

# annotate LEVEL TEXT: a line that GitHub shows on the page of the run. The text is one line of plain characters, and a
# percent sign in it is one.
annotate() {
	local text=${2//[^ -~]/?}
	echo "::$1::${text//%/%25}"
}

die() {
	annotate error "$*"
	exit 2
}

# output NAME VALUE: an output of the step. With a line end in it, the value could set others, too.
output() {
	case $2 in *[$'\n\r']*) die "output $1 has more than one line" ;; esac
	echo "$1=$2" >>"$GITHUB_OUTPUT"
}

# host_arch: this machine's architecture as series-ci calls it.
host_arch() {
	case $(uname -m) in
	aarch64) echo arm64 ;;
	*) uname -m ;;
	esac
}

# words NAME TEXT: the words of a text into the array NAME; none may look like an option.
words() {
	local -n into=$1
	read -r -d '' -a into <<<"$2" || true
	local word
	for word in "${into[@]}"; do
		[[ $word =~ ^[A-Za-z0-9./_][^[:cntrl:]]*$ ]] || die "an input has the word '$word'"
	done
}

# options [NAME...]: OPTIONS from the inputs of these names, those that are empty left out.
options() {
	OPTIONS=()
	local name given word
	for name in "$@"; do
		given=${name^^}
		words list "${!given:-}"
		for word in "${list[@]}"; do
			OPTIONS+=("--$name=$word")
		done
	done
	words VERSION_WORDS "${VERSIONS:-}"
}

# shellcheck disable=SC2034 # used by whoever sources this
declare -a OPTIONS VERSION_WORDS list
