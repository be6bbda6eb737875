# Shared by the scripts beside it: sourced by bash with `set -euo pipefail`, never run.
# Sets what packaging/lib.sh does, here (this folder) and machines (where kernels are kept).
# shellcheck shell=bash

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../../packaging/lib.sh"
machines=$cache/vm

# need PROGRAM PACKAGE: ends when the program is not here.
need() {
  command -v "$1" >/dev/null || [[ -x /usr/sbin/$1 || -x /sbin/$1 ]] ||
    die "$1 is missing (Debian package $2)"
}
PATH=$PATH:/usr/sbin:/sbin # mke2fs, for ordinary users
