"""What the system does per second here, measured; `make bench` runs every module named in `__main__`."""
