#!/usr/bin/env bash
# How long `exitkit --help` takes beside an interpreter that only imports click: medians of 21 runs.
set -euo pipefail

median_ms() {
    local run begin end
    for run in $(seq 21); do
        begin=$(date +%s%N)
        "$@" >/dev/null
        end=$(date +%s%N)
        echo $(((end - begin) / 10000))
    done | sort -n | sed -n 11p | sed 's/\(..\)$/.\1/'
}

python -m compileall -q "$(python -c 'import exitkit; print(exitkit.__path__[0])')" || true
echo "python -c pass          $(median_ms python -c pass) ms"
echo "python -c 'import click' $(median_ms python -c 'import click') ms"
echo "exitkit --help          $(median_ms exitkit --help) ms"
echo "exitkit --version       $(median_ms exitkit --version) ms"
