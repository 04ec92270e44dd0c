"""State files: the merged rows of a partition, as later steps and the next version read them."""

from apache_beam.io.filesystems import FileSystems

from transforms.kernels.batch import Batch
from transforms.stored_files import StoredFile, read_bytes


def read_state(root: str, state: StoredFile) -> Batch:
    """The rows of a state file below `root`."""
    return Batch.from_bytes(read_bytes(FileSystems.join(root, *state.path.split("/"))))
