"""What is fed with arbitrary bytes, and what must hold of each: see `table`. Only `run.py` needs Atheris."""
