# shellcheck shell=bash
# Sourced by the steps: the inputs, which come by environment, as words of series-ci's command line.
# Sets OPTIONS and VERSION_WORDS. Whatever an input holds, it is a value and never an option or a piece of shell.

die() {
	echo "::error::$*"
	exit 2
}

# words NAME TEXT: the words of a text into the array NAME; none may look like an option.
words() {
	local -n into=$1
	read -r -d '' -a into <<<"$2" || true
	local word
	for word in "${into[@]}"; do
		[[ $word =~ ^[A-Za-z0-9./_][^[:cntrl:]]*$ ]] || die "an input has the word '${word//[^[:print:]]/?}'"
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
