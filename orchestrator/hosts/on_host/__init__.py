"""Scripts that run on a host: each file is sent there as it is and needs nothing but Python 3.9 and its library.

A script gets one JSON object as its argument and writes one JSON object to stdout. Whatever lies under a path of the
kernel is looked up under `root`, so that tests run the same scripts on made-up trees.
"""
