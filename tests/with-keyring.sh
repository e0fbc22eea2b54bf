#!/bin/bash
# usage: with-keyring.sh COMMAND [ARGUMENT...]
# Runs a command inside a private, unlocked Secret Service on a bus of its own, isolated from the caller's.
# Needs gnome-keyring, dbus and libsecret-tools (tests/setup).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/run" "$dir/home/.local/share/keyrings" "$dir/home/.cache"
chmod 700 "$dir" "$dir/run"

env -u DISPLAY -u WAYLAND_DISPLAY -u DBUS_SESSION_BUS_ADDRESS \
    HOME="$dir/home" XDG_RUNTIME_DIR="$dir/run" XDG_DATA_HOME="$dir/home/.local/share" \
    XDG_CONFIG_HOME="$dir/home/.config" XDG_CACHE_HOME="$dir/home/.cache" \
    dbus-run-session -- bash -euo pipefail -c '
        printf %s "${KEYRING_PASSWORD:-test}" | gnome-keyring-daemon --unlock --components=secrets --daemonize >/dev/null
        # The daemon starts before its collection exists: retry until a secret can be read back.
        for _ in $(seq 50); do
            printf x | secret-tool store --label=probe probe 1 2>/dev/null &&
                [ "$(secret-tool lookup probe 1)" = x ] && break
            sleep 0.1
        done
        secret-tool clear probe 1
        exec "$@"' _ "$@"
