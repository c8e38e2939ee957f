"""What a cell trains, and the images or stored features that it is fed."""
