"""Downloading what may be downloaded: the published archives, fetched, checked and unpacked."""
