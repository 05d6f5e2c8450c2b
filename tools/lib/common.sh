# Shared by the commands in tools/: where the repository is, and how they speak.
# shellcheck shell=bash

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
  bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' plain=$'\e[0m'
else
  bold='' dim='' red='' plain=''
fi

# say <text>: one line per step, saying what is done and why.
say() { printf '%s==>%s %s\n' "$bold" "$plain" "$*"; }

# note <text>: a detail under a step.
note() { printf '    %s%s%s\n' "$dim" "$*" "$plain"; }

# die <text>: says what went wrong and stops.
die() {
  printf '%serror:%s %s\n' "$red" "$plain" "$*" >&2
  exit 1
}

# usage <script>: prints the comment block at the head of a script, which is its help.
usage() { sed -n '2,/^[^#]/{ s/^# \{0,1\}//p; }' "$1"; }

# wants_help <script> <arguments…>: prints the help and stops if an argument asks for it.
wants_help() {
  local script=$1 argument
  shift
  for argument in "$@"; do
    if [[ $argument == -h || $argument == --help ]]; then
      usage "$script"
      exit 0
    fi
  done
}

# has <command>
has() { command -v "$1" >/dev/null 2>&1; }

cores() { nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2; }

# at_least <version> <least version>: compares dotted versions.
at_least() { [[ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" == "$2" ]]; }

cache="${XDG_CACHE_HOME:-$HOME/.cache}/keywarden"

# configure <preset> <options…>: configures build/<preset>; quiet unless it fails.
configure() {
  local preset=$1 output
  shift
  if ! output="$(cmake -S "$root" --preset "$preset" "$@" 2>&1)"; then
    printf '%s\n' "$output" >&2
    die "CMake could not configure build/$preset"
  fi
}

# build <preset> <targets…>: builds with progress; a compiler's messages are shown as they are.
build() {
  local preset=$1
  shift
  NINJA_STATUS='    [%f/%t] ' cmake --build "$root/build/$preset" --parallel "$(cores)" ${1:+--target "$@"}
}
