"""Questions to a dataset: the query language, what it names, how it is answered, and what completes it as one types."""
