"""Whole experiments of DPDK against kernel TCP, from an inventory of hosts to plots; usable as a library."""
