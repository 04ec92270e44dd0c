"""Names the objects that strangers have defined: records of other formats, documents, map files."""

from collections.abc import Mapping
from typing import TypeAlias

Values: TypeAlias = Mapping[str, object]
"""Values by key, of any kind."""
NewValues: TypeAlias = dict[str, object]
"""Values by key, while they are put together."""
