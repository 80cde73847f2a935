#!/bin/sh
# Runs every test and ends with one line: `N passed, N failed`. Exit status 1 when anything failed.
#
# A step that fails without a failed test (it did not compile, say) counts as one failed.
set -u
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=never NO_COLOR=1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: >"$work/counts"

# step NAME COMMAND...
step() {
    name=$1
    shift
    echo "== $name"
    { "$@" 2>&1; echo $? >"$work/status"; } | tee "$work/output"
    awk -v status="$(cat "$work/status")" -f deploy/count-tests.awk "$work/output" >>"$work/counts"
}

cargo_tests() { cargo test --locked --no-fail-fast "$@"; }
coverage() { "${CARGO_TARGET_DIR:-target}/debug/coverage" "$1"; }

step "console: build" make --no-print-directory console
step "console: tests" sh -c 'cd web-admin && npm test'
step "console: lint and types" sh -c 'cd web-admin && npm run lint'
# Programs and tests at once: asked for alone, the programs would have all crates compiled twice.
step "server and crates: build" cargo build --locked --workspace --bins --tests
step "coverage: begin" coverage begin
step "server and crates: tests" cargo_tests --workspace
for crate in plenary-sip plenary-media; do
    step "$crate without I/O: tests" cargo_tests -p $crate --no-default-features
done
step "plenary-media with AMR-WB: tests" cargo_tests -p plenary-media --features amr-wb --lib --test engine_amr --test sound
# Makes rfc-tests/COVERAGE.md of what the tests have just proven.
step "coverage: write" coverage write

awk '{ passed += $1; failed += $2 } END { printf "%d passed, %d failed\n", passed, failed; exit failed > 0 }' "$work/counts"
