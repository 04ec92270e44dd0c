"""The insights page: what a version holds, or what a run that published nothing found, as one HTML file.

`page_data` gathers what is to be shown, `page` makes the file of it, `delivery` reads the dataset and writes the file.
"""
