# Sourced by deploy/quickstart and tests/run: which Debian packages they need, and how the missing
# ones are installed. Nothing is downloaded from anywhere else.

build_packages=(
    clang-19 lld-19 llvm-19 ninja-build cmake ccache git pkg-config ca-certificates curl
    libboost1.81-dev libssl-dev libsimdjson-dev prometheus-cpp-dev libyaml-cpp-dev
    libhiredis-dev libsqlite3-dev libcli11-dev
)
test_packages=(g++ libclang-rt-19-dev libboost-test1.81-dev python3)
# What tests run, and nothing is compiled with.
tool_packages=(
    dpkg-dev file clang-format-19 nginx-light haproxy prometheus redis-server faketime valgrind strace jq openssl
    python3-venv nghttp2-client chromium
)

say() { printf '\033[1m== %s\033[0m\n' "$*"; }

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# as_root COMMAND...: as it is for root, by sudo for everyone else.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "installing packages needs root: run this as root, install sudo, or install by hand: $*"
    fi
}

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Services that come with a package are not started: a policy-rc.d that says no stands there while
# apt-get runs. One that is there already is left alone.
install_quietly() {
    local guard=/usr/sbin/policy-rc.d made=no status=0
    if [ ! -e "$guard" ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$guard" >/dev/null
        as_root chmod 755 "$guard"
        made=yes
    fi
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends -o Dpkg::Use-Pty=0 "$@" || status=$?
    if [ "$made" = yes ]; then
        as_root rm -f "$guard"
    fi
    return "$status"
}

# install_missing PACKAGE...: what is there already is not touched, so a second run needs no network.
install_missing() {
    command -v dpkg-query >/dev/null || die "this needs Debian 12 (or something with its packages)"
    local package missing=()
    for package in "$@"; do
        installed "$package" || missing+=("$package")
    done
    if [ ${#missing[@]} -eq 0 ]; then
        say "packages: all $# are installed"
        return
    fi
    say "packages: installing ${missing[*]}"
    as_root apt-get update -q || die "apt-get update failed: is the package mirror reachable?"
    install_quietly "${missing[@]}" \
        || die "apt-get could not install: ${missing[*]} (Debian 12 has them all; which one it refused is said above)"
}
