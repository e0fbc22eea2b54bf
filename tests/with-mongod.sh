#!/bin/sh
# Runs mongod until standard input closes, so that none outlives the tests, however they end.
# with-mongod.sh DIR MONGOD ARGUMENTS...: prints its process id. The line `keep` ends it and keeps DIR, end of file removes DIR.
trap '' INT TERM HUP
dir=$1
shift
"$@" >>"$dir/output" 2>&1 </dev/null &
pid=$!
echo "$pid"
read -r word
kill -KILL "$pid"
wait "$pid" 2>/dev/null
[ "$word" = keep ] || rm -rf "$dir"
