#!/bin/sh
# Builds nothing itself: makes sure that uv can, or says in one sentence what stands in the way.
# usage: bootstrap.sh PYTHON UV
set -u
python=$1
uv=$2

stop() {
	printf '%s\n' "$1" >&2
	exit 1
}

[ -w . ] && touch .metering-write-test 2>/dev/null && rm -f .metering-write-test ||
	stop "This folder ($(pwd)) cannot be written to: copy it to a folder of your own and run make there."

free_kib=$(df -Pk . | awk 'NR == 2 {print $4}')
if [ ! -d .venv ] && [ "${free_kib:-0}" -lt 1500000 ]; then
	stop "Only $((free_kib / 1024)) MiB are free here and the environment needs about 1500: make room and run make again."
fi

command -v "$python" >/dev/null 2>&1 || stop "No $python found: install Python 3.11 or newer, or run make with PYTHON=/path/to/python."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
	stop "$("$python" --version) is too old: Metering Service needs Python 3.11 or newer (make PYTHON=/path/to/python3.11)."

if [ ! -x "$uv" ] && ! command -v "$uv" >/dev/null 2>&1; then
	"$python" -m pip --version >/dev/null 2>&1 ||
		stop "Neither uv nor pip is installed: install one of them (Debian: apt install python3-pip) and run make again."
	printf 'Installing uv into .tools …\n'
	# --target leaves the system's Python alone, which Debian and others insist on.
	log=$("$python" -m pip install --quiet --disable-pip-version-check --target .tools uv 2>&1) ||
		stop "uv could not be installed into .tools (is there a network and a package index?): $(printf '%s' "$log" | tail -n 1)"
fi

if log=$(UV_PYTHON="${UV_PYTHON:-$(command -v "$python")}" "$uv" sync --frozen --inexact --no-dev 2>&1); then
	exit 0
fi
case $log in
*"No space left"*) stop "The disk is full: make room (about 1.5 GB) and run make again." ;;
*"Failed to fetch"* | *"dns error"* | *"error sending request"* | *"client error"*)
	stop "The packages could not be downloaded: the first run needs a package index (PyPI); later runs work offline." ;;
esac
stop "The environment could not be built: $(printf '%s' "$log" | tail -n 3)"
