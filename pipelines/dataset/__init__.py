"""A dataset as it is stored: versions, rejections, verification, differences between versions."""
