#!/bin/sh
# A stream, a plain answer, a pause, and again. GATEWAY is where, PAUSE the seconds between two rounds.
set -u
ask() {
    curl -sSN -o /dev/null --max-time 60 "$GATEWAY/v1/chat/completions" -H 'content-type: application/json' -d "$1"
}
while :; do
    ask '{"model":"demo","stream":true,"messages":[{"role":"user","content":"Tell me something."}]}'
    ask '{"model":"demo","messages":[{"role":"user","content":"And something else."}]}'
    sleep "$PAUSE"
done
