"""The rules over whole batches, column by column. Each kernel agrees with its rule; property tests hold it."""
