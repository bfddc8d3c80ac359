#!/bin/sh
# Install the servers and programs that tests run against, where they are missing and this is root on Debian or a child of it.
set -eu

has() {
    command -v "$1" >/dev/null 2>&1
}

missing=""
if ! has initdb && [ -z "$(ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null)" ]; then
    missing="postgresql"
fi
if ! has valkey-server && ! has redis-server; then
    missing="$missing valkey-server"
fi
if ! has bwrap; then
    missing="$missing bubblewrap"
fi
if ! has chromium && ! has chromium-browser && ! has google-chrome; then
    missing="$missing chromium"
fi
[ -n "$missing" ] || exit 0
if ! has apt-get || [ "$(id -u)" -ne 0 ]; then
    echo "missing for some tests, which are skipped:$(echo " $missing" | tr -s ' '); as root: apt-get install $missing" >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
if ! apt-cache show valkey-server >/dev/null 2>&1; then
    missing=$(echo "$missing" | sed 's/valkey-server/redis-server/')
fi
# shellcheck disable=SC2086 # one word a package
apt-get install -y -qq --no-install-recommends $missing >/dev/null
