"""The deployment on three Docker engines, each with a network, processes and a name of its own."""
