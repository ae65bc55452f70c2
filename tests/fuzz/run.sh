#!/bin/sh
# run.sh [--minutes N | --rounds N] [--seed S] [--jobs N] [--least N] [--groups A,B...] [--build DIR] [--reference UNRING]
#     the differential tester: cases of every form of the translator's table, run by
#     this host's processor and under unring at CPL 3, and compared; a summary by form.
#     A form with fewer cases than --least (1000) fails the run.  With --rounds (batches)
#     the seed alone decides which cases there are, with --minutes the host's speed too.
#     With --groups batches are of these alone (forms16,sequence16: 16-bit code).
# run.sh --case GROUP:SEED:NUMBER [--build DIR]
#     one case again: both states side by side, and the least of it that still differs
# run.sh --self-test [--build DIR]
#     planted differences are seen and found
# --reference UNRING: compares with another build of unring in place of the processor; without it
#     status 77 says that this host runs no 32-bit programs.
exec python3 "$(dirname "$0")/differ.py" "$@"
