"""Where datasets lie: a directory or a bucket, and how a version becomes current in one step."""
