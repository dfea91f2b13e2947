"""The cases of tests/vectors/bad_lists.json and how their lists are signed."""
