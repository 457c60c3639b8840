#!/usr/bin/env bash
# One model on a TPU pod slice of Google Cloud, with the gcloud command line:
#
#   NFS=10.0.0.2:/share experiments/launch/tpu_pod.sh create   # and imtrans on every host of it
#   experiments/launch/tpu_pod.sh train --config configs/cyclegan_horse2zebra.py \
#     --workdir /mnt/shared/runs/horses --config.data.path=/mnt/shared/tensorflow_datasets \
#     --config.batch_size=16 --config.method.pool_size=48
#   experiments/launch/tpu_pod.sh delete   # a slice costs money until it is deleted
#
# The workdir must be on a file system that all hosts share and that renames folders in one go:
# Filestore, or a bucket with a hierarchical namespace mounted by gcsfuse. The pictures are to be
# there before. `train` lasts as long as its connections: start it where these stay, as in tmux.
set -euo pipefail

NAME="${NAME:-imtrans}"
ZONE="${ZONE:-us-west4-a}"
TYPE="${TYPE:-v5litepod-16}" # Sixteen chips on four hosts.
RUNTIME="${RUNTIME:-v2-alpha-tpuv5-lite}"
NFS="${NFS:-}" # SERVER:/EXPORT of Filestore; empty mounts nothing.

everywhere() {
  gcloud compute tpus tpu-vm ssh "$NAME" --zone="$ZONE" --worker=all --command="$1"
}

case "${1:-}" in
  create)
    gcloud compute tpus tpu-vm create "$NAME" \
      --zone="$ZONE" --accelerator-type="$TYPE" --version="$RUNTIME"
    git archive --format=tar.gz --output=/tmp/imtrans.tar.gz HEAD
    gcloud compute tpus tpu-vm scp /tmp/imtrans.tar.gz "$NAME": --zone="$ZONE" --worker=all
    # imtrans needs Python 3.11 or newer, which these images may not have: uv brings it.
    everywhere "mkdir -p imtrans && tar xzf imtrans.tar.gz -C imtrans && cd imtrans &&
      python3 -m pip install --user --quiet uv &&
      python3 -m uv venv --clear --python 3.12 &&
      python3 -m uv pip install --python .venv -e '.[tpu]'"
    if [[ -n "$NFS" ]]; then
      everywhere "sudo apt-get install -y nfs-common && sudo mkdir -p /mnt/shared &&
        sudo mount -t nfs '$NFS' /mnt/shared"
    fi
    ;;
  train)
    shift
    # The hosts find each other by the slice's metadata. A fixed port for the coordinator: see
    # https://github.com/jax-ml/jax/issues/35905.
    everywhere "cd imtrans && JAX_COORDINATOR_PORT=8476 .venv/bin/imtrans train $(printf '%q ' "$@")"
    ;;
  delete)
    gcloud compute tpus tpu-vm delete "$NAME" --zone="$ZONE" --quiet
    ;;
  *)
    echo "usage: $0 create | train ARGUMENTS | delete" >&2
    exit 2
    ;;
esac
