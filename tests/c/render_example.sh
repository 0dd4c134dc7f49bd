#!/usr/bin/env bash
# Runs the example of a render loop as a user would: with a clip, with the job that made, and against a storage that stops in the middle.
#
#   render_example.sh PROGRAM
set -euo pipefail
program=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A storage that gives the directory and one answer whole, and stops in every other.
cat > "$work/stops.json" <<'JSON'
{"archive": {"frames": 12, "compression": "none", "padding": 2000000},
 "fault": [{"route": "download:exr_frames_url", "do": "stall", "at": 1000, "times": 0, "skip": 2}]}
JSON

value() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" <<< "$line"; }
started() {
    coproc emulator { "$LTX_JOBS_COMMAND" emulate --json "$@"; }
    read -r line <&"${emulator[0]}"
    LTXV_API_KEY=$(value api_key)
    LTX_BASE_URL=$(value api_url)
    export LTXV_API_KEY LTX_BASE_URL LTX_CONNECTIONS=1 LTX_POLL_INTERVAL=20ms LTX_JOURNAL="$work/journal"
}

started
"$program" "$LTX_JOBS_CLIP" > "$work/shown"
grep -qx '3 frames' "$work/shown"
grep -qx '3 shown' "$work/shown"
grep -q '^frame_00003.exr: [0-9]* bytes, ' "$work/shown"
# The shell takes the variable away when the process is gone.
served=$emulator_PID
kill "$served" 2> /dev/null || true
wait "$served" 2> /dev/null || true

# The first frame is shown while the rest hangs, and the loop answers its user all the same.
rm -rf "$work/journal"
started --programme "$work/stops.json"
mkfifo "$work/lines"
"$program" "$LTX_JOBS_CLIP" > "$work/lines" &
loop=$!
exec 3< "$work/lines"
read -r frames <&3
read -r first <&3
[ "$frames" = "12 frames" ]
[[ $first == "frame_00001.exr: "* ]]
kill -INT "$loop"
result=0
wait "$loop" || result=$?
[ "$result" -eq 1 ]
grep -q 'shown$' <&3

# Without a key: a sentence on standard error, and not zero.
if message=$(env -u LTXV_API_KEY -u LTX_API_KEY "$program" "$LTX_JOBS_CLIP" 2>&1); then
    echo "succeeded without a key" >&2
    exit 1
fi
grep -q 'key' <<< "$message"
