"""A trained model on its way out: as a graph that runs without this project, and to a hub."""
