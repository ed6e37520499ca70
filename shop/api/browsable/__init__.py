"""The browsable API: pages for people with a browser at the addresses of the API, made of the same declarations."""
