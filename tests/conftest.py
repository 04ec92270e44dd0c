"""What holds for all tests."""

import pytest

# So that a difference between the product and the oracle is shown value by value.
pytest.register_assert_rewrite("support.agreement", "support.published")
