"""The optional C extension with the two kernels that pay: plain records to columns, and columns to Avro blocks.

Without it their Python twins give the same values and bytes, more slowly.
"""

try:
    from transforms.native import _kernels as kernels
except ImportError:  # no compiler where the package was installed
    kernels = None  # type: ignore[assignment]

__all__ = ["kernels"]
