"""Models designed to be small: how weights are spread, training that counts bits, steps that know what matters."""
