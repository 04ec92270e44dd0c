"""Records of every kind that exports have, seeded, as dicts that an SDK would write."""
