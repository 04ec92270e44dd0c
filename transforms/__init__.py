"""The transforms of the job: rules, kernels, formats, stages and Beam faces. Importing the package loads none of them.

`transforms.api` is what pipelines and programs of one's own may import; everything else may change.
"""
