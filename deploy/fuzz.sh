#!/bin/sh
# Feeds every parser with input that grows out of the seeds in */fuzz/corpus: fuzz.sh [SECONDS for each target].
#
# What breaks a parser is left in */fuzz/artifacts and ends the run with status 1.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-20}

command -v cargo-fuzz >/dev/null || {
    echo "installing cargo-fuzz: it builds and runs the targets"
    cargo install --locked cargo-fuzz
}
# The sanitizers are part of every compiler, and of the nightly one alone by its own account.
if rustup toolchain list 2>/dev/null | grep -q '^nightly'; then
    toolchain=+nightly
else
    toolchain=
    export RUSTC_BOOTSTRAP=1
fi

found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT
for crate in sip media; do
    for file in "$crate"/fuzz/fuzz_targets/*.rs; do
        target=$(basename "$file" .rs)
        mkdir -p "$found/$crate/$target"
        echo "== $crate: $target, $seconds s"
        # New inputs go to the first folder; the seeds stay as they are.
        # shellcheck disable=SC2086 # no toolchain is no argument
        (cd "$crate" && cargo $toolchain fuzz run "$target" "$found/$crate/$target" "fuzz/corpus/$target" -- \
            -max_total_time="$seconds" -max_len=8192 -timeout=5 -rss_limit_mb=1024 -verbosity=0 -print_final_stats=1)
    done
done
