#!/bin/sh
# Starts the stack of this repository, asks its parts for their health, and prints where they are.
set -eu
root=$(cd "$(dirname "$0")/../../.." && pwd)
"$root/stack" up "$@"
echo
"$root/stack" status
