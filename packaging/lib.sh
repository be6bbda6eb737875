# Shared by the scripts beside it: sourced by bash with `set -euo pipefail`, never run.
# Sets root (the source tree), cache (what may be deleted at any time) and COLDSCOPE_DEPS
# (libraries and tools that the distribution lacks, built by setup), epoch.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-${HOME:-~}/.cache}/coldscope
export COLDSCOPE_DEPS=${COLDSCOPE_DEPS:-$cache/deps}
# What is made from one tree bears this time, on whatever day: 2026-01-01, or as the caller says.
epoch=${SOURCE_DATE_EPOCH:-1767225600}

say() { printf '%s: %s\n' "${0##*/}" "$*"; }
warn() { say "$@" >&2; }
die() { warn "$@"; exit 1; }

# quietly WHAT COMMAND...: the command's output is shown only if it fails (its last 60 lines).
# Returns the command's status.
quietly() {
  local what=$1 log status=0
  shift
  log=$(mktemp)
  "$@" >"$log" 2>&1 </dev/null || status=$?
  if ((status)); then
    warn "$what failed (status $status):"
    tail -n 60 "$log" >&2
  fi
  rm -f "$log"
  return "$status"
}

# configure PRESET [CMAKE OPTION...]
configure() {
  local preset=$1
  shift
  (cd "$root" && quietly "configuring $preset" \
    cmake --preset "$preset" -DCOLDSCOPE_DEPS="$COLDSCOPE_DEPS" "$@")
}

# build PRESET [TARGET...]
build() {
  local preset=$1
  shift
  (cd "$root" && quietly "building $preset" cmake --build --preset "$preset" ${1:+--target "$@"})
}
