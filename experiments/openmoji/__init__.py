"""pix2pix and CycleGAN on held-out OpenMoji."""
