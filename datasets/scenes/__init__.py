"""The built-in data set: drawn scenes with 20 classes that co-occur."""
