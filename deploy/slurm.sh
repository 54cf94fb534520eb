#!/usr/bin/env bash
# A study on a SLURM allocation: one ray node per machine, the study on the first.
#
#   sbatch deploy/slurm.sh my_study.toml --out /shared/runs/my_study
#
# The run folder, the study's data and the models' cache must lie on a file system that all machines share. Killed by the time
# limit or by a lost machine, the same command goes on where it was: --requeue has SLURM give it itself.
#SBATCH --job-name=platometer
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-node=8
#SBATCH --mem=0
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=platometer-%j.log
set -euo pipefail

if [ "$#" -lt 1 ]; then
    echo "usage: sbatch $0 STUDY [options of 'platometer run']" >&2
    exit 2
fi

# Everything that must be the same on all machines.
export HF_HOME="${HF_HOME:-$SLURM_SUBMIT_DIR/.cache/huggingface}"
if [ -n "${PLATOMETER_VENV:-}" ]; then
    # shellcheck disable=SC1091
    . "$PLATOMETER_VENV/bin/activate"
fi
cd "$SLURM_SUBMIT_DIR"

head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
ip=$(srun --overlap --nodes=1 --ntasks=1 --nodelist="$head" hostname --ip-address | awk '{print $1}')
address="$ip:$((20000 + SLURM_JOB_ID % 20000))"  # two jobs may share a machine

# One line on every machine: ray joins them, the first runs the command, all leave when it is done.
srun --nodes="$SLURM_JOB_NUM_NODES" --ntasks="$SLURM_JOB_NUM_NODES" --kill-on-bad-exit=1 \
    ray symmetric-run --address "$address" --min-nodes "$SLURM_JOB_NUM_NODES" \
    --num-cpus "${SLURM_CPUS_PER_TASK:-1}" --num-gpus "${SLURM_GPUS_ON_NODE:-0}" \
    -- platometer run "$@" --engine ray --address "$address"
