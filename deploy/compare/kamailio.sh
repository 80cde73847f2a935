#!/bin/sh
# Our registrar beside Kamailio's on this machine, loopback only: one table of rates, CPU and latency.
#
# Both servers have core 0, the phones core 1. Kamailio runs twice: with everything in memory, and with SQLite as ours
# has it. Needs: kamailio kamailio-tls-modules kamailio-sqlite-modules sqlite3 openssl (Debian), and `make build`.
# SECONDS_EACH (5) and PHONES (64) may be set; PLENARY names another binary.
set -eu
cd "$(dirname "$0")"
plenary=${PLENARY:-../../target/release/plenary}
phones=${PHONES:-64}
modules=$(ls -d /usr/lib/*/kamailio/modules 2>/dev/null | head -n 1)
for tool in kamailio sqlite3 openssl taskset "$plenary"; do
    command -v "$tool" >/dev/null || { echo "$tool is missing: see the head of $0" >&2; exit 1; }
done

# The accounts of `plenary prove`.
password="of a phone that is none"
folder=$(mktemp -d)
started=
stop() {
    for process in $started; do kill "$process" 2>/dev/null || true; done
    for process in $started; do
        for _ in $(seq 50); do kill -0 "$process" 2>/dev/null || break; sleep 0.1; done
    done
    rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT TERM

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
    -keyout "$folder/key.pem" -out "$folder/cert.pem" 2>/dev/null
cat >"$folder/tls.cfg" <<END
[server:default]
method = TLSv1.2+
private_key = $folder/key.pem
certificate = $folder/cert.pem
verify_certificate = no
require_certificate = no
[client:default]
verify_certificate = no
require_certificate = no
END

# start NAME ADDRESS [kamailio options]
start() {
    name=$1 address=$2
    shift 2
    mkdir "$folder/$name"
    cp "$folder/tls.cfg" "$folder/$name/"
    sed -e "s|@ADDRESS@|$address|g" -e "s|@FOLDER@|$folder/$name|g" -e "s|@PASSWORD@|$password|g" kamailio.cfg \
        >"$folder/$name/kamailio.cfg"
    sqlite3 "$folder/$name/kamailio.db" "PRAGMA journal_mode = WAL" >"$folder/$name/log"
    for table in standard auth_db usrloc; do
        sqlite3 "$folder/$name/kamailio.db" <"/usr/share/kamailio/db_sqlite/$table-create.sql"
    done
    for number in $(seq 0 $((phones - 1))); do
        user=phone-$number
        ha1=$(printf '%s' "$user:$address:$password" | md5sum | cut -c 1-32)
        echo "INSERT INTO subscriber (username, domain, password, ha1) VALUES ('$user', '$address', '', '$ha1');"
    done | sqlite3 "$folder/$name/kamailio.db"
    taskset -c 0 kamailio -f "$folder/$name/kamailio.cfg" -L "$modules" -P "$folder/$name/pid" -Y "$folder/$name" \
        -m 256 -w "$folder/$name" "$@" >"$folder/$name/log" 2>&1 || { cat "$folder/$name/log" >&2; exit 1; }
    for _ in $(seq 100); do [ -s "$folder/$name/pid" ] && break; sleep 0.1; done
    process=$(cat "$folder/$name/pid")
    started="$started $process"
}

start memory 127.88.0.1
start sqlite 127.88.0.2 -A SQLITE
kamailio -v | head -n 1
taskset -c 1 "$plenary" prove --signalling --server-core 0 --phones "$phones" --seconds "${SECONDS_EACH:-5}" \
    --beside "Kamailio, memory=127.88.0.1,$(cat "$folder/memory/pid")" \
    --beside "Kamailio, SQLite=127.88.0.2,$(cat "$folder/sqlite/pid")"
