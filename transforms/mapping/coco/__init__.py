"""The COCO format: its images and annotations as raw records, for the preset `coco`."""
