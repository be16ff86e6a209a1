"""What every training shares: guard, checkpoints, metrics, workers, and the search for near-duplicates."""
