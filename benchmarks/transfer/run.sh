#!/usr/bin/env bash
# Restore large and small objects beside rclone.
set -euo pipefail
here=$(dirname "$0")
python "$here/run.py" 16 8000000 3
echo
python "$here/run.py" 400 16000 3
