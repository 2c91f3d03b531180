#!/bin/sh
# SPDX-License-Identifier: MIT
# demo.sh ADIEU: the main job on loopback, with throwaway identities. Exits 0 only if all came out as told here.
set -u
adieu=$1
folder=$(mktemp -d) || exit 1
listener=
replier=
tidy()
{
    for job in $listener $replier; do
        kill "$job" 2>/dev/null
    done
    rm -rf "$folder"
}
trap tidy EXIT
trap 'exit 130' INT TERM
wrong=0

# check WHAT GOT WANTED
check()
{
    if [ "$2" = "$3" ]; then
        return
    fi
    printf '  WRONG: %s is "%s", and should be "%s"\n' "$1" "$2" "$3"
    wrong=1
}

# fact FILE NAME: a word or number out of a report, which is JSON on one line.
fact() { sed -n "s/.*\"$2\":\"\{0,1\}\([a-z0-9_]*\).*/\1/p" "$1" 2>/dev/null; }
sum() { sha256sum "$1" | cut -c1-16; }
size() { wc -c <"$1" | tr -d ' '; }

# listening: waits until the listener has said where it listens and with which pin it is to be trusted.
listening()
{
    for _ in $(seq 100); do
        address=$(sed -n 's/.*listening on \([0-9.:]*[0-9]\).*/\1/p' "$folder/listen.err" 2>/dev/null)
        pin=$(sed -n 's/.*--pin[ =]\([0-9a-f]\{64\}\).*/\1/p' "$folder/listen.err" 2>/dev/null)
        [ -z "$address" ] || [ -z "$pin" ] || return 0
        sleep 0.1
    done
    echo 'the listener did not start:'
    cat "$folder/listen.err"
    exit 1
}

# connect FILE: sends it, and keeps what comes.
connect()
{
    "$adieu" connect "$address" --pin "$pin" --timeout-total=60 --report="$folder/connect.json" \
        <"$1" >"$folder/connect.got" 2>"$folder/connect.err"
    connect_status=$?
}

listener_is_done()
{
    wait "$listener"
    listen_status=$?
    listener=
}

# ended ROLE STATUS: what the user of that side sees.
ended()
{
    grep -v -e --pin -e 'listening on' "$folder/$1.err" | fold -s -w 96 | sed 's/^/    /'
    printf '  %-8s sending %s, receiving %s, exit status %s\n' "$1:" \
        "$(fact "$folder/$1.json" sending)" "$(fact "$folder/$1.json" receiving)" "$2"
}

{ cat "$0" && head -c 8000000 /dev/urandom; } >"$folder/file"

echo '1. A file there and back: each direction ends by itself'
echo
echo '  $ adieu listen 127.0.0.1:0 <reply | { cat >arrived; cat arrived; } >reply &'
mkfifo "$folder/reply" "$folder/arriving"
"$adieu" listen 127.0.0.1:0 --timeout-total=60 --report="$folder/listen.json" \
    <"$folder/reply" >"$folder/arriving" 2>"$folder/listen.err" &
listener=$!
# The reply begins when the file has ended: it travels over the half-closed connection.
{
    cat >"$folder/arrived"
    cat "$folder/arrived"
} >"$folder/reply" <"$folder/arriving" &
replier=$!
listening
printf '  $ adieu connect %s --pin %.12s... <file >returned\n' "$address" "$pin"
connect "$folder/file"
listener_is_done
wait "$replier"
replier=
for name in file arrived connect.got; do
    printf '  %-12s %9s bytes, sha256 %s...\n' "$(echo "$name" | sed s/connect.got/returned/)" \
        "$(size "$folder/$name")" "$(sum "$folder/$name")"
done
ended connect "$connect_status"
ended listen "$listen_status"
check 'what arrived' "$(sum "$folder/arrived")" "$(sum "$folder/file")"
check 'what returned' "$(sum "$folder/connect.got")" "$(sum "$folder/file")"
check 'the status of connect' "$connect_status" 0
check 'the status of listen' "$listen_status" 0
check 'receiving' "$(fact "$folder/connect.json" receiving)" closed

# bad_ending END STATUS RECEIVING
bad_ending()
{
    rm -f "$folder/listen.err" "$folder/listen.json" # of the listener before
    printf '  $ adieu listen 127.0.0.1:0 --end=%s --end-after=1000000 <file &\n' "$1"
    "$adieu" listen 127.0.0.1:0 --end="$1" --end-after=1000000 --timeout-total=60 --report="$folder/listen.json" \
        <"$folder/file" >/dev/null 2>"$folder/listen.err" &
    listener=$!
    listening
    printf '  $ adieu connect %s --pin %.12s...\n' "$address" "$pin"
    connect /dev/null
    listener_is_done
    printf '  %s of %s bytes came\n' "$(size "$folder/connect.got")" "$(size "$folder/file")"
    ended connect "$connect_status"
    check 'the status of connect' "$connect_status" "$2"
    check 'receiving' "$(fact "$folder/connect.json" receiving)" "$3"
}

echo
echo '2. The same file cut short (FIN without close_notify): other programs call this the end of the file'
echo
bad_ending cut 3 truncated
echo
echo '3. The connection reset'
echo
bad_ending reset 4 reset

echo
if [ "$wrong" -ne 0 ]; then
    echo 'Something above did not come out as it should.'
    exit 1
fi
echo 'Each end was told as it was. adieu --help says more.'
