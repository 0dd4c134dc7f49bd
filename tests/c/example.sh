#!/usr/bin/env bash
# Runs an example as a user would, with key and address in the environment, against the emulator; looks whether the files are there.
#
#   example.sh PROGRAM DIRECTORY
set -euo pipefail
program=$1
directory=$2
rm -rf "$directory"
coproc emulator { "$LTX_JOBS_COMMAND" emulate --json; }
read -r line <&"${emulator[0]}"
value() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" <<< "$line"; }
LTXV_API_KEY=$(value api_key) LTX_BASE_URL=$(value api_url) LTX_POLL_INTERVAL=20ms "$program" "$LTX_JOBS_CLIP" "$directory"
for file in exr_frames/frame_00001.exr exr_frames/frame_00003.exr video.mp4; do
    test -s "$directory/$file"
done
test "$(find "$directory" -type f | wc -l)" -eq 4
# Without a key: a sentence on standard error, and not zero.
if message=$(env -u LTXV_API_KEY -u LTX_API_KEY "$program" "$LTX_JOBS_CLIP" "$directory" 2>&1); then
    echo "succeeded without a key" >&2
    exit 1
fi
grep -q 'Config: ' <<< "$message"
