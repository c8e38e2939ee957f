"""Pictures of what trained models look at and what they know of labels: maps, graphs, scenes, classifiers."""
