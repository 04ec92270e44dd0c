"""The file that the launcher of a flex template calls by its name (FLEX_TEMPLATE_PYTHON_PY_FILE)."""

import sys

from pipelines.cli.flex_template import main

if __name__ == "__main__":
    sys.exit(main())
