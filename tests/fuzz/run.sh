#!/bin/sh
# run.sh [--minutes N] [--seed S] [--build DIR] [--least N]
#     the differential tester: cases of every form of the translator's table, run by
#     this host's processor and under unring at CPL 3, and compared; a summary by form
# run.sh --case GROUP:SEED:NUMBER [--build DIR]
#     one case again: both states side by side, and the least of it that still differs
exec python3 "$(dirname "$0")/differ.py" "$@"
