"""Where datasets lie: a directory or a bucket. Each knows how a version becomes current in one step (P1, P2)."""
