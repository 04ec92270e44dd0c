"""The T of ETL: rules, their columnar kernels, the formats, and the Beam faces. Importing it loads none of them."""
