"""The theory: closed forms, simulations and measurements in `jax.numpy`, one package a subject.

Used by the networks, the methods and the studies alike, as in
`from imtrans.theory.games import play, update_matrix`. Every public function and class of a subject
is exported by its package.

  games           bilinear (closed forms), update_rules, simulation, spectrum, dirac
  lipschitz       bounds, convolution_spectrum
  noise           likelihood, answers (several right ones)
  patches         layers (receptive fields), texture (the trade-off), periodogram (its Monte Carlo)
  cycles          linear, hidden (messages)
  identity        the soft threshold
  normalization   what instance norm erases
  adaptation      bounds, domain_classifier (proxy A-distance)
  transport       entropic, costs (divergence), gaussian, sliced, assignment, plans (what a cycle
                  penalty prefers), bridges
  divergences     distances, adversarial_optimum (best discriminator, values of the losses)
"""
