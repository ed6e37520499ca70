"""The whole topology as processes on one machine: what `manage.py stack` does."""
