"""What is changed on a host and put back: hugepages, NIC binding; facts, journal, lease."""
