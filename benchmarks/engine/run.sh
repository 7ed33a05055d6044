#!/usr/bin/env bash
# Measure what the run engine costs: per step, and before it can go on with a long journal.
set -euo pipefail
here=$(dirname "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python "$here/steps.py" 40 3
echo
python "$here/generate.py" "$folder/run-1" 100000
python "$here/resume.py" "$folder/run-1"
