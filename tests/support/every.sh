#!/bin/sh
# Runs every test in three processes side by side: those of real processes leave cores idle, and two cores are enough for
# the others beside them. What the others said is shown behind it.
# Usage: every.sh PYTHON
set -u
python=$1
told=$(mktemp -d)
trap 'rm -rf "$told"' EXIT
newer="tests/guards tests/policy tests/governance tests/vault tests/console tests/admin tests/control tests/cli tests/config"
"$python" -m pytest $newer -o cache_dir=.pytest_cache/newer >"$told/1" 2>&1 &
first=$!
others=""
for one in tests/e2e $newer; do others="$others --ignore $one"; done
"$python" -m pytest $others -o cache_dir=.pytest_cache/others >"$told/2" 2>&1 &
second=$!
trap 'kill "$first" "$second" 2>/dev/null; rm -rf "$told"' INT TERM
"$python" -m pytest tests/e2e
ended=$?
wait "$first"
also=$?
wait "$second"
too=$?
cat "$told/1" "$told/2"
[ "$ended" -eq 0 ] && [ "$also" -eq 0 ] && [ "$too" -eq 0 ]
