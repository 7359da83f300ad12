#!/bin/sh
# Submits the tasks of a plan that have no result to a running HyperQueue server:
#
#     deploy/hyperqueue/submit.sh my-plan --cpus 2
#     deploy/hyperqueue/submit.sh my-plan --cpus all      # plans of `inceptive bench`: a task has its node to itself
#
# Further arguments are options of `hq submit`. Call it again to submit what failed.
set -eu
plan=$1
shift
inceptive=${INCEPTIVE:-inceptive}
tasks=$(mktemp)
trap 'rm -f "$tasks"' EXIT
"$inceptive" worker "$plan" --missing > "$tasks"
if [ ! -s "$tasks" ]; then
    echo "all tasks of $plan have a result"
    exit 0
fi
# Each line begins with the number of a task, which the worker reads from HQ_ENTRY.
exec_worker='exec "$0" worker "$1" --threads "$(echo "$HQ_CPUS" | tr , "\n" | wc -l)"'
hq submit --each-line "$tasks" --pin taskset --max-fails 1000000 --stdout none "$@" -- \
    sh -c "$exec_worker" "$inceptive" "$plan"
