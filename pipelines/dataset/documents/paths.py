"""Names the stored documents: where they are below a dataset, a version or a run."""

PRIVATE = ".metadata-etl"
"""Folder of a dataset for this tool alone; in a run, the file that names the dataset it belongs to."""
MANIFESTS = f"{PRIVATE}/manifests"
"""Folder of a dataset with the records of its manifests."""
OPEN_REJECTIONS = f"{PRIVATE}/open_rejections"
"""Folder of a dataset with the open rejections of pruned versions, a file for each job."""
CURRENT = "CURRENT"
MANIFEST = "manifest.json"
SCHEMA = "schema.json"
INSIGHTS = "insights.json"
DOCUMENTS = (MANIFEST, SCHEMA, INSIGHTS)
"""The documents of a version, beside its parts."""
REPORT = "report.json"
"""The report of a run."""


def version_folder(number: int) -> str:
    """Path of the folder of a version below the dataset."""
    return f"versions/{number:06d}"


def manifest_path(number: int) -> str:
    """Path of the manifest of a version below the dataset."""
    return f"{version_folder(number)}/{MANIFEST}"


def record_path(number: int) -> str:
    """Path of the record of a manifest below the dataset."""
    return f"{MANIFESTS}/{number:06d}.json"
