# Apt with lists of our own, for packages that the system's lists don't have: sourced after lib.sh,
# never run. Nothing in /etc or of the system's lists is changed; indexes are checked against the
# system's keyring. Sets work (a private folder for downloads and builds, made when first needed,
# removed at exit) and list_options (what apt-get and apt-cache are to be given).
# shellcheck shell=bash

work=
trap '[[ -z $work ]] || rm -rf "$work"' EXIT

make_work() {
  [[ -z $work ]] || return 0
  work=$(mktemp -d)
  chmod 755 "$work" # apt downloads as a user of its own
}

# debian_site [LABEL]: the site that apt takes Debian from, or its security updates
# (Debian-Security). $(SITE) is apt's word, not the shell's.
# shellcheck disable=SC2016
debian_site() {
  local site
  site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' \
    "Label: ${1-Debian}" | sed -n 1p)
  [[ $site || ${1-} ]] ||
    site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | sed -n 1p)
  echo "$site"
}

# open_lists WHAT INDEX "TYPE SITE SUITE"...: fetches these lists. Fails when none with INDEX
# (Sources or Packages) in its name came; that one suite is missing is no reason to do without the
# others.
open_lists() {
  local what=$1 index=$2 keyring line type rest
  shift 2
  list_options=()
  keyring=$(compgen -G '/usr/share/keyrings/debian-archive-keyring.*' | head -n 1) || return 1
  make_work
  mkdir -p "$work"/{lists/partial,cache/archives/partial,none}
  for line in "$@"; do
    read -r type rest <<<"$line"
    echo "$type [signed-by=$keyring] $rest main"
  done >"$work/sources.list"
  local options=(-o "Dir::Etc::SourceList=$work/sources.list" -o "Dir::Etc::SourceParts=$work/none"
    -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache")
  quietly "fetching $what" apt-get update -q "${options[@]}" || true
  compgen -G "$work/lists/*$index*" >/dev/null || return 1
  list_options=("${options[@]}")
}

# download_folder NAME: makes a folder that apt may write to, and prints it.
download_folder() {
  mkdir -p "$work/$1"
  ((EUID)) || chown _apt "$work/$1" 2>/dev/null || true
  echo "$work/$1"
}
