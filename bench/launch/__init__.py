"""How the cells of a matrix are spread over processes and machines."""
