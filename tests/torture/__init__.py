"""A seeded model checker of a file system: mixed operations in a folder, each held against a model of what must be."""
