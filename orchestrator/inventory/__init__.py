"""What the testbed is: hosts, NICs, links, cores and hugepage wishes."""
