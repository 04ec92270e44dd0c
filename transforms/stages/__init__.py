"""The stages of a job as functions over batches: the faces wire them into Beam, and tests call them without it."""
