#!/usr/bin/env bash
# Installs what building and running tradein needs and this machine lacks, from the distribution's
# own packages. When nothing is missing it does nothing: no network, no password.
#
# Our servers are private ones on unix sockets, so the distribution's services are not wanted:
# those that come with a package installed here are neither started nor enabled, and those that
# were there before are left as they are.
set -euo pipefail

has_program() { command -v "$1" >/dev/null 2>&1; }
any() { compgen -G "$1" >/dev/null; }

missing=()
if ! has_program cc || ! has_program make; then missing+=(build-essential); fi
# On Debian pg_config may come without the headers, so it is asked only elsewhere.
any '/usr/include/postgresql/libpq-fe.h' || { ! has_program apt-get && has_program pg_config; } ||
    missing+=(libpq-dev)
if [ -z "${TRADEIN_PG_BIN:-}" ]; then
    any '/usr/lib/postgresql/*/bin/postgres' || has_program postgres || missing+=(postgresql)
fi
has_program redis-server || has_program valkey-server || missing+=(redis-server)
# For the tests only: tools of others that read our logs live in an environment of Python, and
# valgrind, which there is for Linux alone, counts the instructions of the pure paths.
if [ "${1:-}" = test ]; then
    has_program python3 && python3 -c 'import ensurepip, venv' 2>/dev/null ||
        missing+=(python3-venv)
    [ "$(uname)" != Linux ] || has_program valgrind || missing+=(valgrind)
fi

[ ${#missing[@]} -gt 0 ] || exit 0

if ! has_program apt-get; then
    echo "Missing: ${missing[*]} (names of the Debian packages). Install a C compiler, make," \
        "libpq with its headers, PostgreSQL 15 or later, Redis 7.0 or later and for the tests" \
        "Python 3, for example: brew install libpq postgresql@17 redis python" >&2
    exit 1
fi

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -- "$@"; fi; }
if [ "$(id -u)" != 0 ] && ! has_program sudo; then
    echo "Missing: ${missing[*]}. As root run: apt-get install -y ${missing[*]}" >&2
    exit 1
fi

# A package's script asks this program before it starts a service. One that is there already is
# the machine owner's own word on the matter, so it stays.
policy=/usr/sbin/policy-rc.d
placed=''
withdraw() { [ -z "$placed" ] || as_root rm -f "$policy"; }
trap withdraw EXIT
if [ ! -e "$policy" ]; then
    placed=yes
    printf '#!/bin/sh\ncase "$1" in postgresql*|redis*) exit 101 ;; esac\nexit 0\n' |
        as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
fi

install() {
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends \
        -o DPkg::Lock::Timeout=300 "${missing[@]}"
}
echo "Installing ${missing[*]}"
# The package lists may be absent or old; they are fetched only when the install fails without.
install || { as_root apt-get update && install; }

# Otherwise they would come up at the next boot.
if [ -d /run/systemd/system ]; then
    for package in "${missing[@]}"; do
        case "$package" in
        postgresql | redis-server) as_root systemctl disable --quiet "$package" || true ;;
        esac
    done
fi
