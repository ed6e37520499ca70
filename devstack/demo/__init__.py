"""`manage.py demo`: a shop of its own that sells while its primary is killed again and again."""
