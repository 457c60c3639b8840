#!/usr/bin/env bash
# One model on several GPU nodes under SLURM. What follows the script goes to `imtrans train`:
#
#   sbatch experiments/launch/slurm.sh --config configs/cyclegan_horse2zebra.py \
#     --workdir runs/horses --config.batch_size=16 --config.method.pool_size=48
#
# Submit from the repository, on a file system that all nodes share: the workdir must be on one too,
# and the pictures are to be there before (--config.data.path).
#SBATCH --job-name=imtrans
#SBATCH --nodes=2
# One process a GPU: under SLURM jax gives a process the GPU of its place on the node.
#SBATCH --ntasks-per-node=8
#SBATCH --gpus-per-node=8
# For the threads that read pictures (config.data.num_threads).
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
# Two minutes before the time is over: the run saves, and ends with code 143.
#SBATCH --signal=TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
set -euo pipefail

# Change this to how your site activates an environment with `pip install -e '.[cuda]'`.
# shellcheck source=/dev/null
source "${IMTRANS_ENVIRONMENT:-.venv}/bin/activate"

code=0
# Every process sees all GPUs of its node (--gpu-bind=none) and takes its own; when one process
# fails, the others are ended too. srun does not take over --cpus-per-task by itself everywhere.
srun --gpu-bind=none --cpus-per-task="$SLURM_CPUS_PER_TASK" --kill-on-bad-exit=1 \
  imtrans train "$@" || code=$?

# 143 is 128 + SIGTERM: everything is saved, and the same command goes on from there.
if [[ "$code" -eq 143 ]]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
