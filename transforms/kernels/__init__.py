"""The rules applied to whole batches, column by column; property tests compare each kernel with its rule."""
