"""The transforms of the job: rules, kernels, formats and Beam faces. Importing the package loads none of them."""
