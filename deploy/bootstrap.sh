#!/bin/sh
# Installs what Plenary needs from its Debian packages, and only what is missing.
#
#   deploy/bootstrap.sh run     to build and run the server
#   deploy/bootstrap.sh test    that, and the foreign phones and browser that the tests talk to
set -eu
cd "$(dirname "$0")/.."

# The web console's build tool needs this; Debian 12 has 18.
node_major=20
node_minor=19
tools=$PWD/target/tools
export PATH="$tools/node_modules/.bin:$PATH"

say() { printf '%s\n' "$*" >&2; }
fail() { say "bootstrap: $*"; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

missing=
# need COMMAND PACKAGE WHY
need() {
    has "$1" && return
    say "missing: $1 ($3), Debian package $2"
    missing="$missing $2"
}

node_is_new_enough() {
    has node && has npm || return 1
    version=$(node --version | tr -d v)
    major=${version%%.*}
    minor=${version#*.}
    minor=${minor%%.*}
    [ "$major" -gt $node_major ] || { [ "$major" -eq $node_major ] && [ "$minor" -ge $node_minor ]; }
}

install_missing() {
    [ -n "$missing" ] || return 0
    has apt-get || fail "this is not Debian or a relative of it; install the above by the means of this system"
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        has sudo || fail "packages are missing, and this is neither root nor is there sudo; run as root: apt-get install$missing"
        as_root=sudo
    fi
    say "installing:$missing"
    export DEBIAN_FRONTEND=noninteractive
    # Lists that are old or absent make the install fail: then they are fetched, and it is tried once more.
    # shellcheck disable=SC2086
    $as_root apt-get install -y --no-install-recommends $missing >&2 || {
        $as_root apt-get update >&2
        $as_root apt-get install -y --no-install-recommends $missing >&2
    }
    missing=
}

bring_node() {
    node_is_new_enough && return
    need node nodejs "builds the web console"
    need npm npm "fetches the web console's libraries"
    install_missing
    node_is_new_enough && return
    say "Node.js $(node --version) is older than $node_major.$node_minor, which the web console's build needs;"
    say "installing Node.js 22 from the npm registry into target/tools, for this build only"
    npm install --prefix "$tools" --no-save --no-audit --no-fund node@22 npm@10 >&2
    hash -r # the shell remembers where it found the old one
    node_is_new_enough || fail "Node.js is still too old; install $node_major.$node_minor or later and try again"
}

for_run() {
    has cargo || fail "Rust is missing; see https://rustup.rs"
    need cc build-essential "compiles Opus, SQLite and the cryptographic library"
    need c++ build-essential "as above"
    need cmake cmake "builds Opus"
    need pkg-config pkg-config "lets builds find system libraries"
    [ -e /usr/include/openssl/ssl.h ] || {
        say "missing: OpenSSL's headers (shakes hands for DTLS-SRTP), Debian package libssl-dev"
        missing="$missing libssl-dev"
    }
    need espeak-ng espeak-ng "reads aloud what callers hear: prompts at build time, names of conferences later"
    [ -e /etc/ssl/certs/ca-certificates.crt ] || [ -d /etc/pki/tls/certs ] || {
        say "missing: the certificates of public authorities, Debian package ca-certificates"
        missing="$missing ca-certificates"
    }
    install_missing
    bring_node
}

for_test() {
    need sipp sip-tester "a foreign SIP stack: plays call flows against the server"
    need openssl openssl "a foreign TLS and DTLS stack: shakes hands, and asks for what must be refused"
    need baresip baresip-core "a foreign phone: calls with sound"
    [ -n "$(find /usr/lib /usr/local/lib -path '*baresip/modules/avcodec.so' -print -quit 2>/dev/null)" ] ||
        need baresip-ffmpeg baresip-ffmpeg "audio and video modules of that phone"
    # The feature amr-wb is tested too.
    [ -e /usr/include/opencore-amrwb/dec_if.h ] || {
        say "missing: the decoder of AMR-WB, Debian package libopencore-amrwb-dev"
        missing="$missing libopencore-amrwb-dev"
    }
    [ -e /usr/include/vo-amrwbenc/enc_if.h ] || {
        say "missing: the encoder of AMR-WB, Debian package libvo-amrwbenc-dev"
        missing="$missing libvo-amrwbenc-dev"
    }
    has chromium || has google-chrome || need chromium chromium "a foreign browser: opens the console and joins meetings"
    python3 -c 'import venv, ensurepip' 2>/dev/null || {
        say "missing: Python with virtual environments, Debian package python3-venv"
        missing="$missing python3-venv"
    }
    install_missing
    bring_aiortc
}

# A foreign WebRTC stack, in a folder of its own: nothing of the system's Python is touched.
bring_aiortc() {
    wanted=rfc-tests/aiortc/requirements.txt
    cmp -s "$wanted" "$tools/aiortc/installed" && return
    say "installing $(cat "$wanted") from the Python registry into target/tools, for the tests only"
    python3 -m venv "$tools/aiortc" && "$tools/aiortc/bin/pip" install --quiet --disable-pip-version-check -r "$wanted" >&2 ||
        fail "aiortc could not be installed; the tests need it"
    cp "$wanted" "$tools/aiortc/installed"
}

case "${1:-}" in
run) for_run ;;
test) for_run && for_test ;;
*) fail "say what for: run or test" ;;
esac
