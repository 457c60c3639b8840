"""The theory: closed forms, simulations and measurements in `jax.numpy`.

Used by the networks, the methods and the studies alike. Take a function from its module, as in
`from imtrans.theory.games import update_matrix`; a subject may have several:

  subject         modules
  games           games (closed forms), update_rules, simulation, spectrum, dirac
  lipschitz       lipschitz, convolution_spectrum
  noise           noise, answers (several right ones)
  patches         patches (receptive fields), texture (the trade-off), periodogram (its Monte Carlo)
  cycles          cycles, hidden (messages)
  identity        identity
  normalization   normalization
  adaptation      adaptation (bounds), domain_classifier (proxy A-distance)
  transport       sinkhorn, entropic_transport (divergence), gaussian_transport, sliced, assignment,
                  transport_plans (what a cycle penalty prefers), bridges
  divergences     divergences, adversarial_optimum (best discriminator, values of the losses)
"""
