"""The tables of the papers, with the runs made here beside the published values."""
