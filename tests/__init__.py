"""The tests, a mirror of the packages that they test."""
