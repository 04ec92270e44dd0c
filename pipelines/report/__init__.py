"""Makes the insights page, one HTML file, of a version or of a run that published nothing.

`page_data` collects what is shown, `page` renders the file, `delivery` reads the dataset and writes the file.
"""
