#!/bin/sh
# One task of a plan for each task of an array:
#
#     sbatch --array 0-49 deploy/slurm/worker.sh my-plan
#
# or, with more tasks than MaxArraySize allows (1001 unless it was changed), shares of them:
#
#     sbatch --array 0-99 deploy/slurm/worker.sh my-plan --shards 100
#
# Add --exclusive for plans of `inceptive bench`.
#SBATCH --job-name=inceptive
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=2
#SBATCH --time=01:00:00
#SBATCH --output=%x-%A_%a.log
#SBATCH --requeue
set -eu
exec "${INCEPTIVE:-inceptive}" worker "$@" --threads "${SLURM_CPUS_PER_TASK:-1}"
