#!/bin/sh
# Runs every test: those of real processes and all others side by side, as neither keeps two cores busy.
# Usage: every.sh PYTHON
set -u
python=$1
others=$(mktemp)
trap 'rm -f "$others"' EXIT
"$python" -m pytest --ignore tests/e2e -o cache_dir=.pytest_cache/others >"$others" 2>&1 &
rest=$!
trap 'kill "$rest" 2>/dev/null; rm -f "$others"' INT TERM
"$python" -m pytest tests/e2e
ended=$?
wait "$rest"
also=$?
cat "$others"
[ "$ended" -eq 0 ] && [ "$also" -eq 0 ]
